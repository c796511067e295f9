import assert from 'node:assert/strict';
import test, { type TestContext } from 'node:test';
import { noLive, type TestMachine } from '../machine.ts';
import { createRig, type Rig, textOf } from './rig.ts';
import { startWatching } from './watching.ts';

// The packages of the tree below are a list of the test's own: the machine shows it where / has dpkg's.
const PREPARE = `set -e
  mkdir -p /mnt/dpkg/info /var/lib/dpkg; mount --bind /mnt/dpkg /var/lib/dpkg
  echo 'Package: old' >/mnt/dpkg/status; touch /mnt/dpkg/lock-frontend`;
/** As dpkg does it. */
const UPGRADE =
  'touch /mnt/dpkg/info/libc6:amd64.list; cp /mnt/dpkg/status /mnt/dpkg/new; echo "Package: new" >>/mnt/dpkg/new; mv /mnt/dpkg/new /mnt/dpkg/status';
const REWRITE = 'cp /mnt/dpkg/status /mnt/dpkg/new; mv /mnt/dpkg/new /mnt/dpkg/status';

async function createUpgradable(t: TestContext, policy: string): Promise<Rig> {
  const rig = await createRig(t);
  await rig.machine.sh(PREPARE);
  rig.hosts(`scope: demo\nsubhosts:\n  web: { base: /mnt/web, start: none, ${policy} }\n`);
  await rig.apply();
  return rig;
}

interface Condition {
  readonly type: string;
  readonly status: string;
  readonly reason: string;
  readonly message: string;
  readonly since?: string;
}

async function lowerChanged(machine: TestMachine): Promise<Condition> {
  const ran = await machine.ob('status', '--json');
  assert.equal(ran.code, 0, textOf(ran));
  const [web] = JSON.parse(ran.stdout) as { readonly conditions: readonly Condition[] }[];
  return web?.conditions.find(({ type }) => type === 'LowerChanged') ?? assert.fail(ran.stdout);
}

test('an upgrade of the tree below is told with its packages and its time, until the subhost is started anew', {
  skip: noLive,
}, async (t) => {
  const rig = await createUpgradable(t, 'on_lower_change: warn');
  const { machine } = rig;
  assert.equal((await lowerChanged(machine)).reason, 'AsMounted');
  await machine.sh(REWRITE);
  assert.equal((await lowerChanged(machine)).reason, 'AsMounted', 'a list with the same in it is no change');

  // Later than the start of PID 1, by clocks that count in seconds.
  await machine.sh(`sleep 1.1; ${UPGRADE}`);
  await rig.settled();
  const seen = await lowerChanged(machine);
  const changedAt = new Date(Number(await machine.sh('stat -c %.3Y /mnt/dpkg/status')) * 1000).toISOString();
  assert.deepEqual([seen.status, seen.reason, seen.since], ['True', 'Changed', changedAt]);
  assert.match(seen.message, /^\/ has changed since its root was mounted \(libc6\): /);
  const explained = await machine.ob('explain', 'web');
  assert.match(explained.stdout, /What to know\n {2}LowerChanged Changed: [\s\S]*What to do\n {2}ob restart web\n/);
  assert.equal(explained.code, 0);

  const before = rig.pid1('web');
  const ran = await machine.ob('restart', 'web');
  assert.match(
    ran.stdout,
    /-\/\+ mount\/web {2}\(replace\)\n {6}because of the tree below, which has changed since the root was mounted\n/,
  );
  assert.equal(ran.code, 0, textOf(ran));
  assert.notEqual(rig.pid1('web'), before);
  assert.deepEqual((await lowerChanged(machine)).reason, 'AsMounted');
  await rig.settled();
});

test('a subhost that is killed after an upgrade, or started after a stop, comes up on the tree as it is', { skip: noLive }, async (t) => {
  const rig = await createUpgradable(t, 'restart: always');
  const { machine } = rig;
  await machine.sh(`${UPGRADE}; kill -KILL ${rig.pid1('web')}`);
  await rig.apply();
  assert.equal((await lowerChanged(machine)).reason, 'AsMounted');
  assert.equal((await machine.ob('stop', 'web')).code, 0);
  await machine.sh(UPGRADE);
  assert.equal((await machine.ob('start', 'web')).code, 0);
  assert.equal((await lowerChanged(machine)).reason, 'AsMounted');
  await rig.settled();
});

test('a subhost that is to be restarted by an upgrade is, once the package manager has ended', { skip: noLive }, async (t) => {
  const rig = await createUpgradable(t, 'on_lower_change: restart');
  const { machine } = rig;
  const before = rig.pid1('web');
  // It holds the lock until the fifo has a reader, as apt does around all runs of dpkg.
  await machine.sh(`mkfifo /mnt/end; flock /mnt/dpkg/lock-frontend sh -c '${UPGRADE}; touch /mnt/locked; echo >/mnt/end' >/dev/null 2>&1 &
    until [ -e /mnt/locked ]; do sleep 0.01; done`);
  await rig.settled();
  assert.deepEqual((await lowerChanged(machine)).reason, 'StillChanging');
  await machine.sh('cat /mnt/end >/dev/null; flock /mnt/dpkg/lock-frontend true');
  assert.match(await rig.plan(), /lower_tree: changed -> as mounted\n {8}\(drift, replace: /);
  await rig.apply();
  assert.notEqual(rig.pid1('web'), before);
  await rig.settled();
});

test('ob watch is woken by an upgrade, and restarts what is to be restarted', { skip: noLive }, async (t) => {
  const rig = await createUpgradable(t, 'on_lower_change: restart');
  const watching = await startWatching(t, rig);
  // Nothing that it has done itself is looked at once more, and its slow timer would be too late.
  await watching.idle();
  const before = rig.pid1('web');
  await watching.after(UPGRADE, ({ type, address }) => type === 'repair' && address === 'process/web');
  assert.notEqual(rig.pid1('web'), before);
});

test('a root whose tree has changed, and that was unmounted, is mounted anew', { skip: noLive }, async (t) => {
  const rig = await createUpgradable(t, 'on_lower_change: restart');
  await rig.machine.sh(`umount /mnt/web/live; ${UPGRADE}`);
  assert.match(await rig.plan(), /lower_tree: changed -> as mounted\n.*\n {6}attached: false -> true\n/);
  await rig.apply();
  await rig.settled();
  assert.equal((await lowerChanged(rig.machine)).reason, 'AsMounted');
});

test('of a root that was mounted without such a mark nothing is said, and nothing is done', { skip: noLive }, async (t) => {
  const rig = await createUpgradable(t, 'on_lower_change: restart, hide: none');
  const { machine } = rig;
  assert.equal((await machine.ob('destroy', 'web')).code, 0);
  await machine.sh('mount -t overlay -o nodev,lowerdir=/,upperdir=/mnt/web/root,workdir=/mnt/web/work ob:demo/web /mnt/web/live');
  await rig.apply();
  await machine.sh(UPGRADE);
  await rig.settled();
  assert.equal((await lowerChanged(machine)).reason, 'NotKept');
});
