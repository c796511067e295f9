import assert from 'node:assert/strict';
import test from 'node:test';
import { createMachine, noLive, type TestMachine } from '../machine.ts';

const HOSTS = `bridges: { br0: { address: 10.1.0.1/24 } }
subhosts:
  web: { base: web, start: [/service], cables: [{ bridge: br0, mac: "02:00:00:00:00:01", address: 10.1.0.2/24 }] }
  db: { base: db, start: none }
`;
/** Says on which orders it was called. */
const SERVICE = '#!/bin/sh\necho $1 >>/calls\n[ $1 = start ] && setsid sleep 1000 >/dev/null 2>&1 &\n';

async function createSubhosts(t: test.TestContext): Promise<TestMachine> {
  const machine = await createMachine(t);
  machine.write('/mnt/hosts.yaml', HOSTS);
  await machine.sh('mkdir -p /mnt/web/root');
  machine.write('/mnt/web/root/service', SERVICE);
  await machine.sh('chmod 755 /mnt/web/root/service');
  const ran = await machine.ob('apply');
  assert.equal(ran.code, 0, ran.stdout + ran.stderr);
  return machine;
}

const pidOf = (machine: TestMachine): Promise<string> => machine.sh('head -1 /sys/fs/cgroup/ob/default/web/cgroup.procs');

test('stop ends services in order and leaves cable and root; start brings them back', { skip: noLive }, async (t) => {
  const machine = await createSubhosts(t);
  const link = await machine.sh('ip -o link show web0');
  const stopped = await machine.ob('stop', 'web');
  assert.deepEqual([stopped.code, stopped.stderr], [0, '']);
  assert.match(stopped.stdout, /^- {3}process\/web\nPlan: 1 to remove; 0 unchanged\.\nremoved {2}process\/web\n/);
  assert.equal(await machine.sh('cat /mnt/web/root/calls | xargs'), 'start stop');
  assert.equal(await machine.sh('ip -o link show web0'), link);
  assert.match((await machine.ob('stop', 'web')).stdout, /^Nothing to do/);
  assert.match((await machine.ob('status')).stdout, /^web +stopped /m);
  // Nobody starts what was stopped but who is told to.
  assert.equal((await machine.ob('plan', '--detailed-exitcode')).code, 2);

  const started = await machine.ob('start', 'web');
  assert.equal(started.code, 0, started.stderr);
  assert.equal(await machine.sh('cat /mnt/web/root/calls | xargs'), 'start stop start');
  assert.equal((await machine.ob('plan', '--detailed-exitcode')).code, 0);
});

test('restart starts anew on the same cable, with what the file says by now', { skip: noLive }, async (t) => {
  const machine = await createSubhosts(t);
  const [before, link] = [await pidOf(machine), await machine.sh('ip -o link show web0')];
  const again = await machine.ob('restart', 'web');
  assert.equal(again.code, 0, again.stderr);
  assert.match(again.stdout, /^! {3}process\/web {2}\(restart\)\n {6}because of the order to restart\n/);
  assert.notEqual(await pidOf(machine), before);
  assert.equal(await machine.sh('ip -o link show web0'), link);
  assert.equal(await machine.sh('cat /mnt/web/root/calls | xargs'), 'start stop start');

  machine.write('/mnt/hosts.yaml', HOSTS.replace('10.1.0.2', '10.1.0.9'));
  assert.equal((await machine.ob('restart', 'web', '--file', 'hosts.yaml')).code, 0);
  assert.match(await machine.sh('ip -n web -br address show eth0'), / 10\.1\.0\.9\/24/);
});

test('list shows all scopes; names that are nowhere are slips of the pen', { skip: noLive }, async (t) => {
  const machine = await createSubhosts(t);
  machine.write('/mnt/other.yaml', 'scope: other\nsubhosts: { api: { base: api, start: none } }\n');
  await machine.ob('apply', 'other.yaml');
  await machine.ob('stop', 'db');
  const lines = (await machine.ob('list')).stdout.trimEnd().split('\n');
  assert.deepEqual(
    lines.map((line) => line.replace(/ \d+$/, ' PID').split(/ +/).join(' ')),
    ['NAME SCOPE PID1', 'db default -', 'web default PID', 'api other PID'],
  );
  const json: { name: string }[] = JSON.parse((await machine.ob('list', '--json', '--scope', 'other')).stdout);
  assert.deepEqual(
    json.map(({ name }) => name),
    ['api'],
  );
  for (const command of ['stop', 'start', 'restart']) {
    const ran = await machine.ob(command, 'wep');
    assert.deepEqual([ran.code, ran.stdout], [64, ''], command);
    assert.match(ran.stderr, /"wep".*; did you mean "web"\?/);
    assert.equal((await machine.ob(command)).code, 64);
  }
  assert.equal((await machine.ob('stop', 'web', 'api')).code, 64);
});

test('start and restart never take away a subhost that the file does not name', { skip: noLive }, async (t) => {
  const machine = await createSubhosts(t);
  const before = await pidOf(machine);
  machine.write('/mnt/hosts.yaml', 'subhosts: { db: { base: db, start: none } }\n');
  for (const command of ['start', 'restart']) {
    const ran = await machine.ob(command, 'web');
    assert.deepEqual([ran.code, ran.stdout], [64, ''], command);
    assert.match(ran.stderr, /there is no subhost "web"/);
  }
  assert.equal(await pidOf(machine), before);
});
