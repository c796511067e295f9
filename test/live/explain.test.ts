import assert from 'node:assert/strict';
import test from 'node:test';
import { noLive } from '../machine.ts';
import { createRig, type Rig } from './rig.ts';

const HOSTS = `scope: demo
bridges: { ob0: { address: 10.77.0.1/24 } }
defaults: { start: [/srv/serve], ram_size: 10M }
subhosts:
  web: { base: /mnt/web, cables: [{ bridge: ob0, address: 10.77.0.2/24 }] }
`;

const SERVE = `#!/bin/sh
echo hello
[ "$1" != start ] || setsid sleep 1000 >/dev/null 2>&1 &
`;

async function serve(rig: Rig, text: string): Promise<void> {
  await rig.machine.sh('mkdir -p /mnt/web/root/srv');
  rig.machine.write('/mnt/web/root/srv/serve', text);
  await rig.machine.sh('chmod 755 /mnt/web/root/srv/serve');
}

/** What explain says of web, which is not well: the whole text, or what matters of it. */
async function unwell(rig: Rig): Promise<string> {
  const ran = await rig.machine.ob('explain', 'web');
  assert.deepEqual([ran.code, ran.stderr], [1, '']);
  return ran.stdout.replace(/\d{4}-\d\d-\d\d[T ][\d:.]+(Z| UTC)/g, 'TIME');
}

test('what is wrong with a subhost is explained, and what to do mends it', { skip: noLive }, async (t) => {
  const rig = await createRig(t);
  await serve(rig, SERVE);
  rig.hosts(HOSTS);
  await rig.apply();
  const well = await rig.machine.ob('explain', 'web');
  assert.equal(well.code, 0);
  assert.match(well.stdout, /^web is well: it has run for \d+s, and is as the file says\.\n/);
  assert.match(
    well.stdout,
    /root {6}overlay on \/mnt\/web\/live, upper \/mnt\/web\/root, lower \/\n {2}network {3}.*web0 on ob0 10\.77\.0\.2\/24\n/,
  );
  assert.ok(well.stdout.split('\n').length <= 12);

  await rig.machine.sh('ip link delete ob0');
  assert.equal(
    await unwell(rig),
    `web is not well: bridge/ob0 is missing; veth/web0 bridge: none -> ob0.

What is wrong
  Network  BridgeMissing: bridge/ob0 is missing; veth/web0 bridge: none -> ob0
  InSync   Drifted: bridge/ob0 is missing; veth/web0 bridge: none -> ob0

What to do
  ob apply --limit web
      makes it what the file says
`,
  );
  await rig.apply('--limit', 'web');

  await rig.machine.sh('mount -t tmpfs tmpfs /mnt/web/live');
  assert.match(await unwell(rig), /^web is not well: mount\/web covered_by: 1 -> 0\.\n[\s\S]* {2}Root {5}Covered: /);
  await rig.apply('--limit', 'web');

  await rig.machine.sh(
    `kill -KILL ${rig.pid1('web')}; while grep -q 'populated 1' /sys/fs/cgroup/ob/demo/web/cgroup.events; do sleep 0.01; done`,
  );
  const killed = await unwell(rig);
  assert.match(killed, /^web is not well: its PID 1 was killed\.\n/);
  assert.match(killed, /Its log says last\n {2}\| == TIME web has started\n {2}\| \[ob\] start \/srv\/serve\n {2}\| hello\n/);
  assert.match(killed, /ob apply --limit web\n {6}makes it what the file says; it is started anew\n/);
  await rig.apply('--limit', 'web');
  assert.equal((await rig.machine.ob('explain', 'web')).code, 0);
});

test('what failed is explained with its words, and why it is left alone', { skip: noLive }, async (t) => {
  const rig = await createRig(t);
  await serve(rig, '#!/bin/sh\necho oh no >&2; exit 3\n');
  rig.hosts(HOSTS);
  assert.equal((await rig.machine.ob('apply')).code, 1);
  const record = '/run/ob/record/demo/web/trouble.json';
  const trouble = JSON.parse(rig.machine.read(record)) as { next: number };
  // It is left alone for longer than any test takes.
  rig.machine.write(record, JSON.stringify({ ...trouble, next: trouble.next + 3_600_000 }));
  const failed = await unwell(rig);
  assert.match(failed, /^web is not well: \/srv\/serve failed \(exit 3\)\.\n/);
  assert.match(failed, /What failed last\n {2}converge process\/web \(once, since TIME\)\n {2}.*exit 3: oh no\n/);
  assert.match(failed, /Its log says last\n {2}\| \[ob\] start \/srv\/serve\n {2}\| oh no\n {2}\| \[ob\] \/srv\/serve exit 3\n/);
  assert.match(failed, /What to do\n {2}ob start web\n {6}tries at once/);

  rig.machine.write(record, JSON.stringify({ ...trouble, failures: 10 }));
  const stalled = await unwell(rig);
  assert.match(stalled, / {2}Stalled {2}RepairsFailed: web is stalled: /);
  assert.match(stalled, /\(10 times in a row, since TIME\)/);
  assert.match(stalled, /What to do\n {2}mend it, then ob unstall web\n/);
  assert.equal((await rig.machine.ob('status')).code, 1);

  assert.equal((await rig.machine.ob('hold', 'web', '--why', 'looking at it')).code, 0);
  const held = await unwell(rig);
  assert.match(held, / {2}Held {5}HeldByPerson: web is held: looking at it, since\s+TIME\n/);
  assert.match(held, /What to do\n {2}ob release web\n {6}ends the hold/);

  const json = JSON.parse((await rig.machine.ob('explain', 'web', '--json')).stdout) as Record<string, unknown>;
  assert.deepEqual(Object.keys(json), ['name', 'scope', 'well', 'summary', 'wrong', 'failed', 'log', 'next', 'parts', 'status']);
  assert.deepEqual(json['next'], [{ command: 'ob release web', why: 'ends the hold: until then no run touches it' }]);

  await serve(rig, SERVE);
  assert.equal((await rig.machine.ob('release', 'web')).code, 0);
  await rig.machine.ob('start', 'web');
  assert.equal((await rig.machine.ob('explain', 'web')).code, 0);

  assert.equal((await rig.machine.ob('stop', 'web')).code, 0);
  assert.match(await unwell(rig), /Ready {4}Stopped: web was stopped by a person[\s\S]*What to do\n {2}ob start web\n/);

  const unknown = await rig.machine.ob('explain', 'wbe');
  assert.deepEqual([unknown.code, unknown.stdout], [64, '']);
  await rig.machine.sh('rm /mnt/hosts.yaml');
  assert.match(await unwell(rig), /InSync {3}NotCompared: no file was read to compare it with/);
});
