import assert from 'node:assert/strict';
import test from 'node:test';
import { createMachine, noLive, type Ran, type TestMachine } from '../machine.ts';
import { HOSTS, OB } from './helpers.ts';

/** Hides a program of the machine under a file that cannot be executed. */
async function hide(machine: TestMachine, program: string): Promise<void> {
  await machine.sh(`for path in $(which -a ${program} | xargs -n 1 readlink -f | sort -u); do mount --bind /dev/null $path; done`);
}

/** All that an apply could have touched. */
function seen(machine: TestMachine): Promise<string> {
  return machine.sh('ls -lR /run /mnt /var/lib; cat /proc/self/mounts /proc/net/dev; find /sys/fs/cgroup -type d');
}

interface Lack {
  readonly says: string;
  readonly hint: string;
  /** Of apply. */
  readonly stdout?: RegExp;
}

/** Apply says in one line what is lacking and what to do, and touches nothing. */
async function assertLacks(machine: TestMachine, { says, hint, stdout = /^$/ }: Lack, apply?: () => Promise<Ran>): Promise<void> {
  machine.write('/mnt/hosts.yaml', HOSTS);
  const before = await seen(machine);
  const ran = await (apply?.() ?? machine.ob('apply'));
  assert.deepEqual([ran.code, ran.stderr], [1, `ob: ${says}\n    -> ${hint}\n`]);
  assert.match(ran.stdout, stdout);
  assert.equal(await seen(machine), before);
}

const PLANNED = /\nPlan: 9 to create; 0 unchanged\.\n$/;
const PROGRAMS = {
  ip: { hint: 'apt-get install iproute2' },
  flock: { hint: 'apt-get install util-linux' },
  mount: { hint: 'apt-get install mount', stdout: PLANNED },
  umount: { hint: 'apt-get install mount', stdout: PLANNED },
};

for (const [program, lack] of Object.entries(PROGRAMS))
  test(`without ${program}: one line with the package to install, and nothing is touched`, { skip: noLive }, async (t) => {
    const machine = await createMachine(t);
    await hide(machine, program);
    await assertLacks(machine, { says: `the program "${program}" is not on this machine`, ...lack });
  });

test('without a cgroup v2 tree, an overlay filesystem or the reaper: one line, and nothing is touched', { skip: noLive }, async (t) => {
  const machine = await createMachine(t);
  await machine.sh(`mkdir -p /mnt/copy/dist && cp ${OB} ${OB}.js /mnt/copy/dist`);
  const reaper = {
    says: 'the program "/mnt/copy/dist/reaper" is not on this machine',
    hint: 'build it again: scripts/build',
    stdout: PLANNED,
  };
  await assertLacks(machine, reaper, () => machine.run('/mnt/copy/dist/ob', ['apply'], { cwd: '/mnt' }));

  await machine.sh('grep -v overlay /proc/filesystems >/mnt/filesystems; mount --bind /mnt/filesystems /proc/filesystems');
  await machine.sh('if [ -d /lib/modules ]; then mount -t tmpfs tmpfs /lib/modules; fi');
  const overlay = {
    says: 'this kernel has no overlay filesystem',
    hint: "a kernel with CONFIG_OVERLAY_FS is needed: Debian's own have it",
  };
  await assertLacks(machine, { ...overlay, stdout: PLANNED });
  await machine.sh('umount /proc/filesystems');

  await machine.sh('umount /sys/fs/cgroup');
  await assertLacks(machine, {
    says: 'no cgroup v2 tree is mounted: a subhost is known by its cgroup',
    hint: 'mkdir -p /sys/fs/cgroup && mount -t cgroup2 cgroup2 /sys/fs/cgroup (and a line in /etc/fstab)',
    stdout: PLANNED,
  });
});

test('what is not needed is not asked for: validate works without any program', { skip: noLive }, async (t) => {
  const machine = await createMachine(t);
  machine.write('/mnt/hosts.yaml', HOSTS);
  for (const program of ['ip', 'flock', 'umount', 'mount']) await hide(machine, program);
  const ran = await machine.ob('validate');
  assert.deepEqual([ran.code, ran.stderr], [0, '']);
});
