import assert from 'node:assert/strict';
import { dirname } from 'node:path';
import test from 'node:test';
import { lacking } from '../cli/etc.ts';
import { HOSTS, isThere, linesOf, type Started, watch } from '../cli/helpers.ts';
import { createMachine, noLive, OB, type Ran, type TestMachine } from '../machine.ts';
import { until } from '../reaper/rig.ts';

/**
 * Boots systemd inside of a test machine. Its root is an overlay over everything, with its upper side in memory, and
 * what a boot changes beyond files (sysctls, devices, the clock, modules) is out of its reach: a systemd that shares
 * any of that with the real machine empties the real /tmp. Of /var/lib the machine sees what is written.
 */
const BOOT = `
set -eu
mkdir /sys/fs/cgroup/booted
echo $$ >/sys/fs/cgroup/booted/cgroup.procs
exec setpriv --bounding-set -sys_time,-sys_module unshare -mpC --fork --kill-child sh -euc '
  mount --make-rprivate /
  mkdir /mnt/upper /mnt/work /mnt/root
  root=/mnt/root
  mount -t overlay -o lowerdir=/,upperdir=/mnt/upper,workdir=/mnt/work root $root
  for dir in tmp run mnt dev root home srv var/log var/tmp var/lib; do mount -t tmpfs -o mode=755 tmpfs $root/$dir; done
  mkdir $root/var/lib/ob
  mount --bind /var/lib/ob $root/var/lib/ob
  for dir in "$1" "$2"; do [ -e "$root$dir" ] || { mkdir -p "$root$dir"; mount --bind "$dir" "$root$dir"; }; done
  mount -t proc proc $root/proc
  mount --bind $root/proc/sys $root/proc/sys
  mount -o remount,bind,ro $root/proc/sys
  mount -t sysfs -o ro sysfs $root/sys
  mount -t cgroup2 cgroup2 $root/sys/fs/cgroup
  mknod -m 666 $root/dev/null c 1 3
  mknod -m 666 $root/dev/zero c 1 5
  mknod -m 666 $root/dev/urandom c 1 9
  mkdir $root/dev/pts $root/dev/shm
  ln -s /proc/self/fd $root/dev/fd
  mkdir $root/etc/ob
  cp /mnt/hosts.yaml $root/etc/ob/hosts.yaml
  cd $root
  pivot_root . mnt
  umount -l /mnt
  [ "$(stat -f -c %T /)/$(stat -f -c %T /tmp)/$(stat -f -c %T /dev)" = overlayfs/tmpfs/tmpfs ]
  rm -rf /etc/systemd/system/*.wants /lib/systemd/system/*.target.wants
  "$1/ob" boot install
  "$1/ob" cron install
  exec env -i container=other PATH=/usr/sbin:/usr/bin:/sbin:/bin /lib/systemd/systemd --unit=multi-user.target --log-target=null --show-status=no
' sh "$@"`;

const LOGGING = `#!/bin/sh
[ "$1" = start ] || sleep 0.5
echo "$1 $(hostname) $0" >>/run/said
`;

function boot(machine: TestMachine): Started {
  return watch(machine.start('sh', ['-c', BOOT, 'sh', dirname(OB), dirname(process.execPath)]));
}

/** Runs a program beside the booted systemd. */
async function beside(machine: TestMachine, ...words: string[]): Promise<Ran> {
  const pid = await machine.sh('head -n 1 /sys/fs/cgroup/booted/init.scope/cgroup.procs');
  return machine.run('nsenter', ['-t', pid, '-m', '-p', '-C', '--', ...words]);
}

function saidBy(machine: TestMachine): string[] {
  const path = '/var/lib/ob/web/root/run/said';
  return isThere(machine, path) ? linesOf(machine.read(path)) : [];
}

const UP = ['start web /opt/one', 'start web /opt/two'];

test('systemd boots with it, repairs with it, and shuts down with it in order', {
  skip: noLive ?? lacking('/lib/systemd/systemd', '/usr/bin/setpriv'),
}, async (t) => {
  const machine = await createMachine(t);
  await machine.sh('mkdir -p /var/lib/ob/web/root/opt');
  for (const name of ['one', 'two']) machine.write(`/var/lib/ob/web/root/opt/${name}`, LOGGING);
  await machine.sh('chmod 755 /var/lib/ob/web/root/opt/*');
  const start = 'base: /var/lib/ob/web, ram_size: none, start: [/opt/one, /opt/two],';
  // One that does not come up must not keep the other from being stopped in order.
  const bad = '  bad: { base: /var/lib/ob/bad, start: [/opt/none] }\n';
  machine.write('/mnt/hosts.yaml', `${HOSTS.replace('base: /var/lib/ob/web,', start)}${bad}`);

  const booted = boot(machine);
  await until(`web is up: ${booted.said()}`, () => saidBy(machine).length === 2, 30);
  await until('the boot has come to its end', () => isThere(machine, '/sys/fs/cgroup/booted/ob/demo/client'), 30);
  assert.deepEqual(saidBy(machine), UP);
  const shown = async (unit: string, ...names: string[]): Promise<string> =>
    (await beside(machine, 'systemctl', 'show', '--value', ...names.flatMap((name) => ['-p', name]), unit)).stdout.trim();
  const wait = async (unit: string, state: string): Promise<void> => {
    const deadline = Date.now() + 60_000;
    while ((await shown(unit, 'ActiveState')) !== state) assert.ok(Date.now() < deadline, `${unit} is ${await shown(unit, 'ActiveState')}`);
  };
  await wait('ob-boot-demo.service', 'active');
  assert.equal(await shown('ob-cron-demo.timer', 'ActiveState'), 'active');

  await t.test('the run of the timer repairs', async () => {
    await machine.sh('ip link set web0 down');
    // Its exit code depends on the moment: what does not come up is tried ever later, and left alone meanwhile.
    await beside(machine, 'systemctl', 'start', 'ob-cron-demo.service');
    assert.match(await machine.sh('ip -br link show web0'), / UP /);
  });

  await t.test('with nothing wrong, reload and the run of the timer succeed', async () => {
    await beside(machine, 'sed', '-i', '/ bad:/d', '/etc/ob/hosts.yaml');
    for (const words of [
      ['reload', 'ob-boot-demo.service'],
      ['start', 'ob-cron-demo.service'],
    ])
      assert.deepEqual(await beside(machine, 'systemctl', ...words), { code: 0, stdout: '', stderr: '' });
  });

  await beside(machine, 'systemctl', 'start', '--no-block', 'poweroff.target');
  await booted.ended;
  assert.deepEqual(saidBy(machine), [...UP, 'stop web /opt/two', 'stop web /opt/one']);
  assert.equal(await machine.sh('ip -br link | grep -v ^lo || true'), '', 'no cable and no bridge is left');
});
