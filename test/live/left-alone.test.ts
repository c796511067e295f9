import assert from 'node:assert/strict';
import test, { type TestContext } from 'node:test';
import { MAX_FAILURES } from '../../src/cli/record/gate.ts';
import { HOSTS, isThere, letGo, linesOf, startOb, writeSlow } from '../cli/helpers.ts';
import { noLive, type Ran, type TestMachine } from '../machine.ts';
import { until } from '../reaper/rig.ts';
import { createRig, type Rig } from './rig.ts';

async function createPair(t: TestContext, hosts = HOSTS): Promise<Rig> {
  const rig = await createRig(t);
  rig.hosts(hosts);
  await rig.apply();
  return rig;
}

function wordsOf({ code, stdout, stderr }: Ran): [number | null, string] {
  return [code, stdout + stderr];
}

/** What is recorded of subhosts beside what the file said last. */
function recordsOf({ sh }: TestMachine): Promise<string> {
  return sh('find /run/ob/record -name "*.json*" 2>/dev/null | grep -vE "/(wanted|lower).json$" || true');
}

test('an apply that is refused starts nothing later on either', { skip: noLive }, async (t) => {
  const rig = await createPair(t);
  assert.equal((await rig.machine.ob('stop', 'web')).code, 0);
  const records = await recordsOf(rig.machine);
  assert.match(records, /stop\.json/);
  assert.equal((await rig.machine.ob('plan', '-o', '/run/ob.plan')).code, 0);
  await rig.machine.sh('ip link set client0 down');
  const refused = await rig.machine.ob('apply', '/run/ob.plan');
  assert.match(refused.stderr, /is out of date, and nothing was done/);
  assert.equal(await recordsOf(rig.machine), records);
  await rig.machine.ob('apply', '--quiet');
  assert.equal((await rig.status()).find(({ name }) => name === 'web')?.pid1, null);
});

const SILENT = { code: 0, stdout: '', stderr: '' };

function isUp({ sh }: TestMachine, link: string): Promise<boolean> {
  return sh(`ip -o link show ${link}`).then((line) => /[<,]UP[,>]/.test(line));
}

test('a held subhost is left alone by every run until it is released', { skip: noLive }, async (t) => {
  const rig = await createPair(t);
  const { machine } = rig;
  const pid = rig.pid1('web');
  const held = await machine.ob('hold', 'web', '--for', '2h', '--why', 'its disk');
  assert.deepEqual([held.code, held.stderr], [0, '']);
  assert.match(held.stdout, /^web is held until \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC: its disk\n$/);
  await machine.sh('ip link set web0 down; ip link set client0 down');

  await t.test('apply repairs the others, and says so', async () => {
    const plan = await machine.ob('plan');
    const ran = await machine.ob('apply');
    for (const { stdout } of [plan, ran])
      assert.match(stdout, /^left alone: web is held until .*: its disk\n {4}-> ob release web\n~ {3}veth\/client0\n/);
    assert.deepEqual([ran.code, await isUp(machine, 'web0'), await isUp(machine, 'client0')], [0, false, true]);
    assert.deepEqual(await machine.ob('apply', '--quiet'), SILENT);
    const [left] = linesOf((await machine.ob('plan', '--json')).stdout)
      .map((line) => JSON.parse(line))
      .filter(({ type }) => type === 'left');
    assert.deepEqual([left.subhost, left.state, left.why], ['web', 'held', 'its disk']);
    assert(Date.parse(left.until) > Date.now());
  });

  await t.test('who names it is refused, and told what to do', async () => {
    const commands = [['apply', '--limit', 'web'], ['start', 'web'], ['stop', 'web'], ['restart', 'web'], ['destroy', 'web'], ['destroy']];
    for (const words of commands) {
      const ran = await machine.ob(...words);
      assert.deepEqual([ran.code, ran.stdout], [1, ''], words.join(' '));
      assert.match(ran.stderr, /^ob: web is held until .*: its disk\n {4}-> ob release web\n$/);
    }
    const { code, stderr } = await machine.ob('plan', '--limit', 'web');
    assert.match(stderr, /^ob: note: apply refuses this: web is held until .*: its disk\n {4}-> ob release web\n$/);
    assert.equal(code, 0);
    assert.equal(rig.pid1('web'), pid);
  });

  await t.test('not even a file without it, and without its bridge, takes it away', async () => {
    rig.hosts('scope: demo\ndefaults: { start: none, ram_size: 10M }\nsubhosts: { client: { base: /var/lib/ob/client } }\n');
    const ran = await machine.ob('apply', '--quiet');
    assert.deepEqual([ran.code, linesOf(ran.stdout).length], [0, 1], ran.stdout + ran.stderr);
    assert.match(ran.stdout, /^removed {3}veth\/client0/);
    assert.equal(rig.pid1('web'), pid);
    assert.match(await machine.sh('ip -d link show web0'), /master ob0/);
    rig.hosts(HOSTS);
  });

  await t.test('once it is released it is repaired, and nothing is left of that', async () => {
    assert.deepEqual(wordsOf(await machine.ob('release', 'web')), [0, 'web is released\n']);
    assert.deepEqual(wordsOf(await machine.ob('release', 'web')), [0, 'web was not held\n']);
    await rig.apply();
    assert(await isUp(machine, 'web0'));
    assert.equal(await recordsOf(machine), '');
  });
});

test('a hold ends by itself, and is of one scope', { skip: noLive }, async (t) => {
  const rig = await createPair(t);
  const { machine } = rig;
  machine.write(
    '/mnt/other.yaml',
    'scope: other\nsubhosts: { api: { base: /var/lib/ob/api, start: none, cables: [{ address: 10.5.0.2/24 }] } }\n',
  );
  assert.equal((await machine.ob('apply', 'other.yaml')).code, 0);
  const wrong = await machine.ob('hold', 'web', '--scope', 'other');
  assert.deepEqual([wrong.code, wrong.stdout], [64, '']);
  assert.equal((await machine.ob('hold', 'web', '--for', '2s')).code, 0);
  await machine.sh('ip link set web0 down; ip link set api0 down');
  assert.match((await machine.ob('apply', '--quiet', 'other.yaml')).stdout, /^changed {3}veth\/api0 /);
  const { until: end } = JSON.parse(machine.read('/run/ob/record/demo/web/hold.json'));
  await until('its time is over', () => Number(machine.read('/proc/uptime').split(' ')[0]) * 1000 > end);
  assert.match((await machine.ob('apply', '--quiet')).stdout, /^changed {3}veth\/web0 /);
});

test('what a person has stopped is started by a person only', { skip: noLive }, async (t) => {
  const rig = await createPair(t);
  const { machine } = rig;
  const isRunning = async (): Promise<boolean> => (await rig.status()).some(({ name, pid1 }) => name === 'web' && pid1 !== null);
  assert.equal((await machine.ob('stop', 'web')).code, 0);
  await machine.sh('ip link set client0 down');
  assert.deepEqual(linesOf((await machine.ob('apply', '--quiet')).stdout), ['changed   veth/client0  up: false -> true (drift)']);
  assert.deepEqual(await machine.ob('apply', '--quiet'), SILENT);
  assert.deepEqual(await machine.ob('plan', '--quiet'), SILENT);
  assert.equal(await isRunning(), false);
  assert.match(
    await rig.plan(),
    /^note: web was stopped by a person at .* UTC\n {4}-> ob apply starts it, an unattended run does not\n. {3}process\/web/,
  );

  await t.test('by apply', async () => {
    await rig.apply();
    assert(await isRunning());
    assert.equal(await recordsOf(machine), '');
  });

  await t.test('by start', async () => {
    await machine.ob('stop', 'web');
    assert.equal((await machine.ob('start', 'web')).code, 0);
    assert(await isRunning());
    await machine.sh(`kill -9 ${rig.pid1('web')}`);
    assert.match(
      (await machine.ob('apply', '--quiet')).stdout,
      /^restarted process\/web /,
      'what has died by itself is started by anybody',
    );
  });

  await t.test('what is not in the file any more is removed all the same, with all that was known of it', async () => {
    await machine.ob('stop', 'web');
    rig.hosts(HOSTS.replace(/ {2}web: .*\n/, ''));
    assert.match((await machine.ob('apply', '--quiet')).stdout, /^removed {3}netns\/web\b/m);
    assert(!isThere(machine, '/run/ob/record/demo/web'));
  });
});

/** As if the time had come at which it may be repaired again. */
async function endWait({ machine }: Rig): Promise<void> {
  await machine.sh(`sed -i 's/"next":[0-9]*/"next":0/' /run/ob/record/demo/web/trouble.json`);
}

test('a repair that fails is tried ever later, then not at all, which is said once', { skip: noLive }, async (t) => {
  const rig = await createRig(t);
  const { machine } = rig;
  const broken = HOSTS.replace('base: /var/lib/ob/web,', 'base: /var/lib/ob/web, start: [/bin/false],');
  rig.hosts(broken);
  assert.equal((await machine.ob('apply', '--quiet')).code, 1);
  const trouble = () => JSON.parse(machine.read('/run/ob/record/demo/web/trouble.json'));
  assert.deepEqual([trouble().failures, trouble().step, trouble().next - trouble().at], [1, 'converge process/web', 1000]);
  assert.match(trouble().words, /\/bin\/false start: exit 1/);
  for (let failures = 2; failures <= MAX_FAILURES; failures++) {
    await endWait(rig);
    const ran = await machine.ob('apply', '--quiet');
    assert.deepEqual([ran.code, trouble().failures], [1, failures]);
    assert.equal(/^web is stalled: 10 repairs in a row did not hold/m.test(ran.stdout), failures === MAX_FAILURES, ran.stdout);
  }
  await endWait(rig);
  assert.deepEqual(await machine.ob('apply', '--quiet'), SILENT);
  await machine.sh('ip link set client0 down');
  assert.deepEqual(linesOf((await machine.ob('apply', '--quiet')).stdout), ['changed   veth/client0  up: false -> true (drift)']);

  await t.test('its own part of the file, ob unstall, or another state of it lets it be tried again', async () => {
    rig.hosts(broken.replace('10.77.0.3', '10.77.0.4'));
    assert.match((await machine.ob('apply', '--quiet')).stdout, /^changed {3}veth\/client0 .*\n$/);
    const stalled = machine.read('/run/ob/record/demo/web/trouble.json');
    const setStalled = (): void => machine.write('/run/ob/record/demo/web/trouble.json', stalled);
    const causes: Record<string, () => Promise<unknown>> = {
      file: async () => rig.hosts(broken.replace('10.77.0.2', '10.77.0.5')),
      unstall: () => machine.ob('unstall', 'web'),
      state: () => machine.sh('ip link set web0 down'),
    };
    for (const [name, cause] of Object.entries(causes)) {
      await cause();
      assert.match((await machine.ob('apply', '--quiet')).stdout, /^FAILED {3}process\/web: /m, name);
      setStalled();
      rig.hosts(broken);
    }
  });

  await t.test('a person who mends it and applies it has done with it', async () => {
    rig.hosts(HOSTS);
    await rig.apply();
    assert.equal(await recordsOf(machine), '');
  });
});

test('a repair that comes undone at once counts as failed', { skip: noLive }, async (t) => {
  const rig = await createPair(t);
  const { machine } = rig;
  const kill = (): Promise<unknown> => machine.sh(`kill -9 ${rig.pid1('web')}`);
  const trouble = () => JSON.parse(machine.read('/run/ob/record/demo/web/trouble.json'));
  await kill();
  assert.match((await machine.ob('apply', '--quiet')).stdout, /^restarted process\/web /);
  for (let failures = 1; failures < MAX_FAILURES; failures++) {
    await kill();
    await machine.ob('apply', '--quiet');
    await endWait(rig);
    await machine.ob('apply', '--quiet');
    assert.equal(trouble().failures, failures);
    assert.match(trouble().words, /^it was put right at .*, and differs again: process\/web\.running$/);
  }
  await kill();
  const last = await machine.ob('apply', '--quiet');
  assert.equal(last.code, 1);
  assert.match(
    last.stdout,
    /^web is stalled: 10 repairs in a row did not hold, and no more are tried \(the last: .*\); mend it, then ob unstall web\n$/,
  );
  assert.deepEqual(await machine.ob('apply', '--quiet'), SILENT);
  await rig.apply();
  await rig.settled();
});

test('a bridge whose repair does not hold is left alone like a subhost, and those that are plugged into it are not', {
  skip: noLive,
}, async (t) => {
  const rig = await createPair(t);
  const { machine } = rig;
  const path = '/run/ob/record/demo/bridge:ob0/trouble.json';
  const trouble = () => JSON.parse(machine.read(path));
  const endWait = () => machine.sh(`sed -i 's/"next":[0-9]*/"next":0/' ${path}`);
  const flush = () => machine.sh('ip address flush dev ob0');
  await flush();
  assert.match((await machine.ob('apply', '--quiet')).stdout, /^changed {3}bridge\/ob0 /);
  for (let failures = 1; failures < MAX_FAILURES; failures++) {
    await flush();
    await machine.ob('apply', '--quiet');
    assert.equal(trouble().failures, failures);
    await endWait();
    assert.match((await machine.ob('apply', '--quiet')).stdout, /^changed {3}bridge\/ob0 /);
  }
  await flush();
  const last = await machine.ob('apply', '--quiet');
  assert.equal(last.code, 1);
  assert.match(last.stdout, /^bridge\/ob0 is stalled: 10 repairs in a row did not hold, .*; mend it, then ob unstall bridge\/ob0\n$/);
  await endWait();
  await machine.sh('ip link set web0 down');
  assert.deepEqual(linesOf((await machine.ob('apply', '--quiet')).stdout), ['changed   veth/web0  up: false -> true (drift)']);
  assert.deepEqual(await machine.ob('apply', '--quiet'), SILENT);
  const left = linesOf((await machine.ob('plan', '--json')).stdout).find((line) => line.includes('"type":"resumed"')) ?? '';
  assert.deepEqual([JSON.parse(left).subhost, JSON.parse(left).address, JSON.parse(left).state], [null, 'bridge/ob0', 'stalled']);

  await t.test('until ob unstall, a person, or its part of the file', async () => {
    assert.deepEqual(wordsOf(await machine.ob('hold', 'bridge/ob0')).at(0), 64, 'only subhosts are held');
    assert.deepEqual(wordsOf(await machine.ob('unstall', 'bridge/ob0')), [0, 'bridge/ob0: the next run tries again\n']);
    assert.deepEqual(wordsOf(await machine.ob('unstall', 'bridge/ob0', 'web')), [
      0,
      'bridge/ob0 was not left alone\nweb was not left alone\n',
    ]);
    assert.match((await machine.ob('apply', '--quiet')).stdout, /^changed {3}bridge\/ob0 /);
    await rig.apply();
    assert.equal(await recordsOf(machine), '');
  });

  await t.test('and one that is in the way keeps nobody else waiting', async () => {
    await machine.sh("ip link set ob0 group default alias ''; ip link set web0 down");
    const { code, stdout } = await machine.ob('apply', '--quiet');
    assert.match(stdout, /^in the way: link ob0 [\s\S]*\nchanged {2}veth\/web0$/m);
    assert.equal(code, 1);
    await machine.sh(`sed -i 's/"next":[0-9]*/"next":99999999999/' ${path}`);
    assert.deepEqual(await machine.ob('apply', '--quiet'), SILENT);
  });
});

test('what has held for a while is forgotten, and a record that a kill cut short is none', { skip: noLive }, async (t) => {
  const rig = await createPair(t);
  const { machine } = rig;
  await machine.sh('ip link set web0 down');
  await machine.ob('apply', '--quiet');
  const file = '/run/ob/record/demo/web/repair.json';
  assert(isThere(machine, file));
  assert.deepEqual(await machine.ob('apply', '--quiet'), SILENT);
  assert(isThere(machine, file), 'too early to tell');
  await machine.sh(`sed -i 's/"at":[0-9]*/"at":0/' ${file}`);
  assert.deepEqual(await machine.ob('apply', '--quiet'), SILENT);
  assert.equal(await recordsOf(machine), '');

  await machine.sh('mkdir -p -m 700 /run/ob/record/demo/web');
  for (const name of ['hold', 'stop', 'trouble', 'repair']) machine.write(`/run/ob/record/demo/web/${name}.json`, '{"boot":"');
  machine.write('/run/ob/record/demo/web/hold.json.new', '');
  await machine.sh('ip link set web0 down');
  assert.match((await machine.ob('apply', '--quiet')).stdout, /^changed {3}veth\/web0 /);
  assert.equal((await machine.ob('destroy')).code, 0);
  assert(!isThere(machine, '/run/ob'));
});

test('a machine that is shut down stops also what is held', { skip: noLive }, async (t) => {
  const { machine } = await createPair(t);
  await machine.ob('hold', 'web');
  assert.equal((await machine.ob('destroy', '--scope', 'demo')).code, 1);
  const ran = await machine.ob('destroy', '--scope', 'demo', '--held');
  assert.equal(ran.code, 0, ran.stdout + ran.stderr);
  assert.equal(await recordsOf(machine), '');
});

test('what another boot has recorded counts no more', { skip: noLive }, async (t) => {
  const rig = await createPair(t);
  const { machine } = rig;
  await machine.ob('hold', 'web');
  await machine.sh(`sed -i 's/"boot":"[^"]*"/"boot":"before"/' /run/ob/record/demo/web/hold.json; ip link set web0 down`);
  assert.match((await machine.ob('apply', '--quiet')).stdout, /^changed {3}veth\/web0 /);
});

test('a stop that is killed half-way is a stop', { skip: noLive }, async (t) => {
  const rig = await createRig(t);
  const { machine } = rig;
  await writeSlow(machine, '#!/bin/sh\n[ "$1" = stop ] || exit 0\necho >/opt/begun\nuntil [ -e /opt/go ]; do sleep 0.05; done\n');
  await rig.apply();
  const stopping = startOb(machine, 'stop', 'web');
  await until('web is stopping', () => isThere(machine, '/var/lib/ob/web/live/opt/begun'));
  await machine.sh(`kill -9 $(cut -d' ' -f1 /run/ob/lock)`);
  await letGo(machine);
  await stopping.ended;
  await until(
    'web has stopped',
    () => !isThere(machine, '/sys/fs/cgroup/ob/demo/web/cgroup.procs') || machine.read('/sys/fs/cgroup/ob/demo/web/cgroup.procs') === '',
  );
  assert.deepEqual(await machine.ob('apply', '--quiet'), SILENT);
});

test('ob events tells what was done, by whom and when', { skip: noLive }, async (t) => {
  const rig = await createPair(t);
  const { machine } = rig;
  const following = startOb(machine, 'events', 'web', '-f');
  await until('what was done before is told', () => following.said().includes('process/web'));
  await machine.sh('ip link set web0 down; ip link set client0 down');
  await machine.ob('apply', '--quiet');
  await machine.ob('hold', 'client', '--why', 'work');
  const changed = 'T demo/web  changed veth/web0 up: false -> true';
  const tail = ['== ob apply --quiet', 'T demo/client  changed veth/client0 up: false -> true', changed];
  const lines = linesOf((await machine.ob('events')).stdout).map(withoutTime);
  assert(lines.includes('T demo (shared)  made bridge/ob0'), lines.join('\n'));
  assert.deepEqual(lines.slice(-5).sort(), [...tail, '== ob hold client --why work', 'T demo/client  held client is held: work'].sort());
  await until('what is new is told', () => following.said().includes('veth/web0 up:'));
  assert.deepEqual(linesOf(following.said()).map(withoutTime).slice(-2), ['== ob apply --quiet', changed]);
  await machine.sh(`kill $(pgrep -f 'events web [-]f')`);
  assert(!(await following.ended).stdout.includes('client'));
  const last = JSON.parse(linesOf((await machine.ob('events', '--json', 'web')).stdout).at(-1) ?? '');
  assert.deepEqual([last.by, last.scope, last.subhost, last.what, last.address], ['ob apply --quiet', 'demo', 'web', 'done', 'veth/web0']);
  assert.deepEqual(last.fields, [{ field: 'up', old: false, new: true }]);
});

function withoutTime(line: string): string {
  return line.replace(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ/, 'T');
}

test('events that cannot be kept are a note; the log is bounded, and follows no link', { skip: noLive }, async (t) => {
  const rig = await createPair(t);
  const { machine } = rig;
  const log = '/var/log/ob/events.log';
  await machine.sh(`mv ${log} /mnt/precious; ln -s /mnt/precious ${log}; cp /mnt/precious /mnt/before; ip link set web0 down`);
  const ran = await machine.ob('apply');
  assert.equal(ran.code, 0);
  assert.match(ran.stderr, /^ob: warning: what is done is not kept in \/var\/log\/ob\/events\.log: .*\n$/);
  await machine.sh('cmp /mnt/precious /mnt/before');

  await machine.sh(`rm ${log}; head -c 1048500 /dev/zero | tr '\\0' x >${log}; ip link set web0 down`);
  assert.equal((await machine.ob('apply')).stderr, '');
  assert.equal(await machine.sh(`wc -c <${log}.1`), '1048500');
  assert.match((await machine.ob('events')).stdout, /^== ob apply\n\S+ demo\/web {2}changed veth\/web0 .*\n$/);
});

test('what needs something that is left alone waits for it', { skip: noLive }, async (t) => {
  const rig = await createPair(t);
  const { machine } = rig;

  await t.test('cables, for a bridge that is not there', async () => {
    await machine.sh('ip address flush dev ob0');
    assert.match((await machine.ob('apply', '--quiet')).stdout, /^changed {3}bridge\/ob0 /);
    await machine.sh('ip address flush dev ob0');
    assert.deepEqual(await machine.ob('apply', '--quiet'), SILENT);
    await machine.sh('ip link delete ob0');
    assert.deepEqual(await machine.ob('apply', '--quiet'), SILENT);
    assert.equal((await machine.ob('plan', '--detailed-exitcode')).code, 2);
    await rig.apply();
    await rig.settled();
  });

  await t.test('a cable, for the name of its other end', async () => {
    assert.equal((await machine.ob('hold', 'client')).code, 0);
    await machine.sh('ip link delete client0; ip link set web0 down; ip link set web0 name client0');
    assert.deepEqual(await machine.ob('apply', '--quiet'), SILENT);
    assert.match(await machine.sh('ip -o link show client0'), /ob:demo\/web/);
    assert.equal((await machine.ob('release', 'client')).code, 0);
    await rig.apply();
    await rig.settled();
  });
});
