import assert from 'node:assert/strict';
import test from 'node:test';
import { noLive } from '../machine.ts';
import { createRig, PID1, type Rig } from './rig.ts';

const HOSTS = `scope: demo
bridges: { ob0: { address: 10.77.0.1/24 } }
defaults: { start: [/srv/serve, /srv/more], ram_size: 10M }
subhosts:
  web: { base: /mnt/web, cables: [{ bridge: ob0, address: 10.77.0.2/24 }] }
  client: { base: /mnt/client, cables: [{ bridge: ob0, address: 10.77.0.3/24 }], start: none }
`;

const SERVE = `#!/bin/sh
[ "$1" != start ] || setsid sleep 1000 >/dev/null 2>&1 &
`;

interface Seen {
  readonly name: string;
  readonly pid1: number | null;
  readonly memory_bytes: number | null;
  readonly memory_from: string | null;
  readonly pids: number | null;
  readonly conditions: readonly { type: string; status: string; reason: string; message: string; since?: string }[];
}

interface Read {
  readonly code: number | null;
  readonly all: readonly Seen[];
  /** `Network False CableMissing`: what is not as it is of one that is well. */
  unusual(name: string): string[];
}

async function read(rig: Rig): Promise<Read> {
  const ran = await rig.machine.ob('status', '-o', 'json');
  assert.equal(ran.stderr, '');
  const all = JSON.parse(ran.stdout) as Seen[];
  const unusual = (name: string): string[] => {
    const conditions = all.find((one) => one.name === name)?.conditions ?? [];
    assert.equal(conditions.length, 8);
    const usual = (type: string): readonly string[] =>
      type === 'LowerChanged' ? ['False', 'Unknown'] : [type === 'Held' || type === 'Stalled' ? 'False' : 'True'];
    return conditions.flatMap(({ type, status, reason }) => (usual(type).includes(status) ? [] : [`${type} ${status} ${reason}`]));
  };
  return { code: ran.code, all, unusual };
}

async function createSubhosts(rig: Rig): Promise<void> {
  await rig.machine.sh('mkdir -p /mnt/web/root/srv');
  for (const name of ['serve', 'more']) rig.machine.write(`/mnt/web/root/srv/${name}`, SERVE);
  await rig.machine.sh('chmod 755 /mnt/web/root/srv/*');
  rig.hosts(HOSTS);
  await rig.apply();
}

/** What is done to the machine, what status says of web then; after each, apply makes all well again. */
const DAMAGES: readonly (readonly [damage: string, unusual: readonly string[]])[] = [
  ['ip link delete ob0', ['Ready False BridgeMissing', 'Network False BridgeMissing', 'InSync False Drifted']],
  ['ip link delete web0', ['Ready False CableMissing', 'Network False CableMissing', 'InSync False Drifted']],
  ['ip -n web link set eth0 down', ['Ready False CableDown', 'Network False CableDown', 'InSync False Drifted']],
  ['mount -t tmpfs tmpfs /mnt/web/live', ['Ready False Covered', 'Root False Covered', 'InSync False Drifted']],
  ['mount -o remount,bind,ro /mnt/web/live', ['Ready False ReadOnly', 'Root False ReadOnly', 'InSync False Drifted']],
  ['umount /mnt/web/live', ['Ready False NotMounted', 'Root False NotMounted', 'InSync False Drifted']],
];

test('each condition of a subhost is true and false as the machine is, and the exit code with it', { skip: noLive }, async (t) => {
  const rig = await createRig(t);
  rig.hosts(HOSTS);
  const absent = await read(rig);
  assert.equal(absent.code, 1);
  assert.deepEqual(absent.unusual('web'), [
    'Ready False Absent',
    'Network False BridgeMissing',
    'Root False NotMounted',
    'Services Unknown NotRunning',
    'InSync False Differs',
  ]);

  await createSubhosts(rig);
  const well = await read(rig);
  assert.deepEqual([well.code, well.unusual('web'), well.unusual('client')], [0, [], []]);
  for (const [damage, unusual] of DAMAGES) {
    await rig.machine.sh(damage);
    const damaged = await read(rig);
    assert.deepEqual([damaged.code, damaged.unusual('web')], [1, unusual], damage);
    await rig.apply();
    assert.deepEqual([(await read(rig)).code, (await read(rig)).unusual('web')], [0, []], damage);
  }

  rig.hosts(HOSTS.replace('10M', '20M'));
  assert.deepEqual((await read(rig)).unusual('web'), ['InSync False FileChanged']);
  await rig.apply();

  rig.machine.write('/mnt/web/root/srv/more', '#!/bin/sh\nexit 3\n');
  assert.equal((await rig.machine.ob('restart', 'web')).code, 1);
  const failed = await read(rig);
  assert.deepEqual([failed.code, failed.unusual('web')], [1, ['Ready False Failed', 'Services False Failed', 'InSync False Drifted']]);
  assert.match(JSON.stringify(failed.all), /\/srv\/more failed \(exit 3\)/);
});

test('what a subhost uses is what its processes use', { skip: noLive }, async (t) => {
  const rig = await createRig(t);
  await createSubhosts(rig);
  const before = (await read(rig)).all.find(({ name }) => name === 'web');
  assert.equal(before?.memory_from, 'processes');
  const members = await rig.machine.sh('wc -l </sys/fs/cgroup/ob/demo/web/cgroup.threads');
  assert.equal(before.pids, Number(members));
  assert.equal(before.pids, 3, 'PID 1 and two that sleep');
  // A process that holds 32 MB, in a cgroup of its own below the subhost's.
  await rig.machine.sh(`${PID1}
    mkdir /sys/fs/cgroup/ob/demo/web/below
    pid=$(pid1 web)
    (read -r own rest </proc/self/stat; echo $own >/sys/fs/cgroup/ob/demo/web/below/cgroup.procs
     exec nsenter -t $pid -m -p setsid sh -c 'x=$(head -c 32000000 /dev/zero | tr "\\0" x); echo held >/run/held; sleep 1000') >/dev/null 2>&1 &
    until [ -e /proc/$(pid1 web)/root/run/held ]; do sleep 0.05; done`);
  const after = (await read(rig)).all.find(({ name }) => name === 'web');
  assert.ok(Number(after?.memory_bytes) - Number(before.memory_bytes) > 32_000_000, JSON.stringify([before, after]));
  assert.ok(Number(after?.pids) > 3);
  const table = await rig.machine.ob('status', '-o', 'wide');
  assert.match(table.stdout, /^NAME +SCOPE .* MEMORY +PIDS +READY +NETWORK +ROOT +SERVICES +INSYNC +LOWERCHANGED +HELD +STALLED$/m);
  assert.match(
    table.stdout,
    /^web +demo +running +\d+ +\d+s +1\/1 +2\/2 +\d\dM +\d(\/2048)? +True +True +True +True +True +False +False +False$/m,
  );
});
