import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import test from 'node:test';
import { noLive } from '../machine.ts';
import { assertSame } from '../snapshot.ts';
import { TREE } from './images.ts';
import { createRig, type Rig, textOf } from './rig.ts';

const noBusybox = noLive ?? (existsSync('/bin/busybox') ? undefined : "needs Debian's busybox-static");

const HOSTS = `scope: demo
subhosts:
  web:
    base: /mnt/web
    start: [/bin/serve]
`;

function hosts(rig: Rig, ...keys: readonly string[]): void {
  rig.hosts(HOSTS + keys.map((key) => `    ${key}\n`).join(''));
}

/** It runs, it is what it should be, it comes back when it was killed, and it goes without a trace. */
async function checkLife(rig: Rig): Promise<void> {
  const before = await rig.snapshot();
  await rig.apply();
  await rig.settled();
  assert.equal(await rig.inside('web', 'hostname; cat /etc/name; touch /written; ls /proc/1/exe'), 'web\ntree\n/proc/1/exe');
  const pid = rig.pid1('web');
  await rig.machine.sh(`kill -KILL ${pid}`);
  assert.match(await rig.plan(), /running: no -> yes/);
  await rig.apply();
  assert.notEqual(rig.pid1('web'), pid);
  assert.equal(await rig.inside('web', 'cat /etc/name; ls /written'), 'tree\n/written');
  assert.equal((await rig.machine.ob('destroy')).code, 0);
  assertSame(await rig.snapshot(), before, 'something is left');
}

test('lower is a tree of its own', { skip: noBusybox }, async (t) => {
  const rig = await createRig(t);
  await rig.machine.sh(TREE);
  hosts(rig, 'lower: /mnt/tree');
  await checkLife(rig);
  assert.equal(
    await rig.machine.sh('ls /mnt/tree /mnt/web/root | paste -sd" "'),
    '/mnt/tree: bin etc  /mnt/web/root: dev etc proc run sys written',
  );
});

test('lower is live: the tree is mounted already', { skip: noBusybox }, async (t) => {
  const rig = await createRig(t);
  await rig.machine.sh(`mkdir /mnt/tree; mount -t tmpfs tree /mnt/tree; ${TREE}`);
  hosts(rig, 'lower: /mnt/tree', 'live: /mnt/tree');
  await checkLife(rig);
  assert.equal(await rig.machine.sh('ls -d /mnt/tree/written /mnt/web 2>/dev/null || true'), '/mnt/tree/written');
});

test('upper is lower: the tree itself is bound to live', { skip: noBusybox }, async (t) => {
  const rig = await createRig(t);
  await rig.machine.sh(TREE);
  hosts(rig, 'lower: /mnt/tree', 'upper: /mnt/tree');
  await checkLife(rig);
  assert.equal(await rig.machine.sh('ls -d /mnt/tree/written /mnt/web/live'), '/mnt/tree/written\n/mnt/web/live');
});

test('a subhost goes from one variant to the next', { skip: noBusybox }, async (t) => {
  const rig = await createRig(t);
  await rig.machine.sh(`${TREE}; cp -a /mnt/tree /mnt/copy; echo copy >/mnt/copy/etc/name`);
  const variants = [
    [['lower: /mnt/tree'], 'tree'],
    [['lower: /mnt/copy', 'upper: /mnt/copy'], 'copy'],
    [['lower: /mnt/copy', 'live: /mnt/copy'], 'copy'],
    [['lower: /mnt/tree', 'upper: /mnt/tree'], 'tree'],
    [['lower: /mnt/copy', 'upper: /mnt/copy'], 'copy'],
    [['lower: /mnt/tree', 'ram_size: none'], 'tree'],
  ] as const;
  for (const [keys, name] of variants) {
    hosts(rig, ...keys);
    await rig.apply();
    await rig.settled();
    assert.equal(await rig.inside('web', 'cat /etc/name'), name, keys.join(', '));
  }
});

test('a bound root that is covered, unmounted or half mounted is mended', { skip: noBusybox }, async (t) => {
  const rig = await createRig(t);
  await rig.machine.sh(TREE);
  hosts(rig, 'lower: /mnt/tree', 'upper: /mnt/tree');
  await rig.apply();
  for (const damage of [
    'mount -t tmpfs x /mnt/web/live',
    'umount /mnt/web/live; umount /mnt/web/live',
    'umount /mnt/web/live',
    'mount -o remount,bind,ro /mnt/web/live',
  ]) {
    await rig.machine.sh(damage);
    assert.match(await rig.plan(), /mount\/web/);
    await rig.apply();
    await rig.settled();
    assert.equal(await rig.inside('web', 'touch /etc/name && cat /etc/name'), 'tree', damage);
  }
});

test('without memory for /run it is a folder of upper', { skip: noLive }, async (t) => {
  const rig = await createRig(t);
  rig.hosts(HOSTS.replace('[/bin/serve]', '[]\n    ram_size: none'));
  await rig.apply();
  await rig.settled();
  assert.equal(await rig.inside('web', 'grep -c " /run " /proc/self/mountinfo; touch /run/mine'), '0');
  assert.equal(await rig.machine.sh('ls /mnt/web/root/run'), 'boot.log\ndummy_service\nmine');
});

test('with nothing to start a dummy keeps the subhost up, until it is told to end', { skip: noLive }, async (t) => {
  const rig = await createRig(t);
  rig.hosts(HOSTS.replace('[/bin/serve]', '[]'));
  await rig.apply();
  assert.deepEqual(
    (await rig.status()).map(({ name, state, services }) => ({ name, state, services })),
    [{ name: 'web', state: 'running', services: [] }],
  );
  const cgroup = '/sys/fs/cgroup/ob/demo/web';
  assert.equal(await rig.machine.sh(`cat $(sed 's,.*,/proc/&/comm,' ${cgroup}/cgroup.procs) | sort`), '.reaper\ndummy_service');
  // Who writes it from inside ends with PID 1.
  await rig.machine.run('sh', ['-c', `nsenter -t $(head -1 ${cgroup}/cgroup.procs) -a sh -c 'echo >/run/dummy_service'`]);
  await rig.machine.sh(`while grep -q 'populated 1' ${cgroup}/cgroup.events; do sleep 0.01; done`);
  assert.deepEqual(
    (await rig.status()).map(({ state }) => state),
    ['stopped'],
  );
  await rig.apply();
  await rig.settled();
});

test('of the default start list, what the subhost does not have is skipped with a note', { skip: noBusybox }, async (t) => {
  const rig = await createRig(t);
  await rig.machine.sh(TREE);
  rig.hosts(HOSTS.replace('start: [/bin/serve]', 'lower: /mnt/tree'));
  const said = await rig.apply();
  assert.match(said, /made +process\/web\n +note: web has no service networking: skipped\n +note: web has no service ssh: skipped\n/);
  await rig.settled();
  const [web] = await rig.status();
  assert.equal(web?.state, 'running');
  assert.deepEqual(web?.services, [
    { name: 'networking', state: 'skipped' },
    { name: 'ssh', state: 'skipped' },
  ]);
});

const FAILING = `
  mkdir -p /mnt/web/root/srv
  printf '#!/bin/sh\\n[ "$1" = start ] || exit 0\\necho checking; [ -e /fixed ] || { echo "no configuration" >&2; exit 3; }\\nsetsid sleep 1000 >/dev/null 2>&1 &\\n' >/mnt/web/root/srv/bad
  chmod 755 /mnt/web/root/srv/bad`;

test('a start command that fails is named, the subhost is up, the next apply tries again', { skip: noLive }, async (t) => {
  const rig = await createRig(t);
  await rig.machine.sh(FAILING);
  rig.hosts(HOSTS.replace('[/bin/serve]', '[/bin/true, /srv/bad, /srv/none, /mnt/hosts.yaml]'));
  const first = await rig.machine.ob('apply');
  assert.equal(first.code, 1, textOf(first));
  assert.match(
    first.stdout,
    /FAILED +process\/web: \/srv\/bad start: exit 3: checking \| no configuration; \/srv\/none start: exit 127 \(not found\); \/mnt\/hosts\.yaml start: exit 127 \(not found\): what is mounted at \/mnt is not seen through an overlay over \/\n +-> web is up without it; the next apply tries again\n/,
  );
  const pid = rig.pid1('web');

  const status = await rig.machine.ob('status');
  assert.equal(status.code, 1);
  assert.match(status.stdout, /^web +failed .* 1\/4 /m);
  assert.match(status.stdout, /^web: \/srv\/bad failed \(exit 3\)$/m);
  assert.match(
    await rig.plan(),
    /^~ {3}process\/web\n +not_started: \[\/srv\/bad \(exit 3\), \/srv\/none \(exit 127\), \/mnt\/hosts\.yaml \(exit 127\)\] -> \[\]\n/m,
  );

  const second = await rig.machine.ob('apply');
  assert.equal(second.code, 1, textOf(second));
  assert.match(second.stdout, /\/srv\/bad start: exit 3: checking \| no configuration/);

  await rig.machine.sh('touch /mnt/web/live/fixed; cp /bin/true /mnt/web/live/srv/none; cp /bin/true /mnt/web/live/mnt/hosts.yaml');
  await rig.apply();
  await rig.settled();
  assert.equal(rig.pid1('web'), pid, 'it was not restarted');
  assert.equal((await rig.status())[0]?.state, 'running');
});

/** A program of the administrator's, found before the machine's own. */
const ifup = (script: string): string => `
  umount /usr/local/sbin 2>/dev/null || true
  mount -t tmpfs tmpfs /usr/local/sbin
  printf '#!/bin/sh\\n${script}\\n' >/usr/local/sbin/ifup; chmod 755 /usr/local/sbin/ifup`;

test('a cable without a bridge is left to ifup, whose failure is a note', { skip: noLive }, async (t) => {
  const rig = await createRig(t);
  rig.hosts(HOSTS.replace('start: [/bin/serve]', 'start: none\n    cables: [{}]'));
  await rig.machine.sh(`ip link add br0 up type bridge; ${ifup('ip link set $1 master br0')}`);
  await rig.apply();
  await rig.settled();
  assert.match(await rig.machine.sh('ip link show web0'), /master br0 state UP/);

  await rig.machine.sh(`ip link delete web0; ${ifup('echo "ifup: unknown interface $1" >&2; exit 1')}`);
  const said = await rig.apply();
  assert.match(said, /made +veth\/web0\n +note: ifup web0: ifup: unknown interface web0\n/);
  await rig.settled();
});
