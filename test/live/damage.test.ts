import assert from 'node:assert/strict';
import test from 'node:test';
import { noLive } from '../machine.ts';
import { assertSame } from '../snapshot.ts';
import { openPlans } from './plans.ts';
import { createRig, PID1, textOf } from './rig.ts';

const HOSTS = `scope: demo
bridges:
  ob0: { address: 10.77.0.1/24 }
subhosts:
  web:
    base: /mnt/web
    cables:
      - { bridge: ob0, mac: "02:00:00:00:00:01", address: [10.77.0.2/24, "2001:db8::2/64"], gateway: 10.77.0.1 }
      - { bridge: br0, mac: "02:00:00:00:00:02" }
    start: [/srv/web]
    ram_size: 10M
  client:
    base: /mnt/client
    cables: [{ bridge: ob0, address: 10.77.0.3/24 }]
    start: none
`;

const PREPARE = `
  ip link add br0 address 02:00:00:00:00:b0 up type bridge
  mkdir -p /mnt/web/root/srv
  printf '#!/bin/sh\\n[ "$1" != start ] || setsid sleep 1000 >/dev/null 2>&1 &\\n' >/mnt/web/root/srv/web
  chmod 755 /mnt/web/root/srv/web`;

const CGROUP = '/sys/fs/cgroup/ob/demo/web';
const ended = `while grep -q 'populated 1' ${CGROUP}/cgroup.events; do sleep 0.01; done`;

/** What somebody does to the machine, as a shell script. */
const DAMAGES = {
  'PID 1 is killed': `kill -KILL $(pid1 web); ${ended}`,
  'the last service ends': `kill -KILL $(grep -vx $(pid1 web) ${CGROUP}/cgroup.procs); ${ended}`,
  'PID 1 is moved out of its cgroup, which is removed': `
    for p in $(pid1 web) $(cat ${CGROUP}/cgroup.procs); do echo $p >/sys/fs/cgroup/machine/cgroup.procs; done; rmdir ${CGROUP}`,
  'PID 1 is killed and its cgroup is removed': `kill -KILL $(pid1 web); ${ended}; rmdir ${CGROUP}`,
  '/run is unmounted inside': 'nsenter -t $(pid1 web) -m -p umount -l /run',
  '/proc and /dev are unmounted inside': 'nsenter -t $(pid1 web) -m -p sh -c "umount -l /dev; umount -l /proc"',
  'the root is read-only inside': 'nsenter -t $(pid1 web) -m -p mount -o remount,bind,ro /',

  'the namespace has lost its name': 'umount /run/netns/web; rm /run/netns/web',
  'the name of the namespace is a file': 'umount /run/netns/web',
  'the namespace is mounted over itself': 'mount --bind /run/netns/web /run/netns/web',
  'the namespace of another subhost is mounted over it': 'mount --bind /run/netns/client /run/netns/web',
  'the name is that of the namespace of another subhost': 'umount /run/netns/web; mount --bind /run/netns/client /run/netns/web',
  'the loopback link is down': 'ip -n web link set lo down',

  'a bridge is deleted': 'ip link delete ob0',
  'a bridge is down': 'ip link set ob0 down',
  'the address of a bridge is gone': 'ip address flush dev ob0',
  'a bridge has an address more': 'ip address add 10.99.0.1/24 dev ob0',
  'a bridge has lost its alias': "ip link set ob0 alias ''",
  'a bridge has lost its group': 'ip link set ob0 group default',

  'a cable is deleted': 'ip link delete web0',
  'a cable is deleted inside': 'ip -n web link delete eth0',
  'a cable is renamed': 'ip link set web0 name other0',
  'a cable is unplugged': 'ip link set web0 nomaster',
  'a cable is plugged in elsewhere': 'ip link set web0 master br0',
  'a cable is down': 'ip link set web0 down',
  'a cable has lost its alias': "ip link set web0 alias ''",
  'a cable has lost its group': 'ip link set web0 group default',
  'a cable is renamed inside': 'ip -n web link set eth0 down; ip -n web link set eth0 name lan0; ip -n web link set lan0 up',
  'two cables have swapped their names inside': `
    for link in eth0 eth1; do ip -n web link set $link down; ip -n web link set $link name x$link; done
    ip -n web link set xeth0 name eth1; ip -n web link set xeth1 name eth0`,
  'a cable is down inside': 'ip -n web link set eth0 down',
  'a cable has another MAC inside': 'ip -n web link set eth0 address 02:00:00:00:00:99',
  'the other end of a cable is no longer inside': 'ip -n web link set eth1 netns client',
  'the addresses of a cable are gone': 'ip -n web address flush dev eth0 scope global',
  'a cable has an address more': 'ip -n web address add 10.99.0.2/24 dev eth0',
  'the default route is gone': 'ip -n web route delete default',
  'the default route leads elsewhere': 'ip -n web route replace default via 10.77.0.9 dev eth0',

  'the root is unmounted': 'umount /mnt/web/live',
  'the root is covered': 'mount -t tmpfs tmpfs /mnt/web/live',
  'the root is mounted read-only': 'mount -o remount,bind,ro /mnt/web/live',
  'the filesystem of the root is read-only': 'mount -o remount,ro /mnt/web/live',

  'only the files are left, as after a boot': `
    for name in web client; do
      kill -KILL $(pid1 $name)
      while grep -q 'populated 1' /sys/fs/cgroup/ob/demo/$name/cgroup.events; do sleep 0.01; done
      rmdir /sys/fs/cgroup/ob/demo/$name
      ip netns delete $name
      umount /mnt/$name/live
    done
    rmdir /sys/fs/cgroup/ob/demo /sys/fs/cgroup/ob; ip link delete ob0
    for link in web0 web1 client0; do ip link delete $link 2>/dev/null || true; done`,
} as const;

test('what somebody has damaged is planned, mended, and then nothing is to do', { skip: noLive }, async (t) => {
  const plans = openPlans('damages.txt');
  const rig = await createRig(t);
  await rig.machine.sh(PREPARE);
  rig.hosts(HOSTS);
  await rig.apply();
  const healthy = await rig.seen('web', 'client');
  for (const [what, script] of Object.entries(DAMAGES))
    await t.test(what, async () => {
      await rig.machine.sh(`set -e; ${PID1}; ${script}`);
      plans.check(what, await rig.plan());
      await rig.apply();
      await rig.settled();
      assert.deepEqual(await rig.seen('web', 'client'), healthy);
    });
  plans.close();
});

/** Damage after which a thing is not where, or not as, it was made. */
const MISLAID = [
  'PID 1 is moved out of its cgroup, which is removed',
  'the namespace has lost its name',
  'the name of the namespace is a file',
  'the namespace is mounted over itself',
  'the namespace of another subhost is mounted over it',
  'the name is that of the namespace of another subhost',
  'a bridge has lost its alias',
  'a cable is renamed',
  'a cable has lost its group',
  'the other end of a cable is no longer inside',
  'the root is unmounted',
  'the root is covered',
] as const;

test('destroy takes away what was damaged too', { skip: noLive }, async (t) => {
  const rig = await createRig(t);
  await rig.machine.sh(PREPARE);
  rig.hosts(HOSTS);
  const nothing = await rig.snapshot();
  for (const what of MISLAID)
    await t.test(what, async () => {
      await rig.apply();
      await rig.machine.sh(`set -e; ${PID1}; ${DAMAGES[what]}`);
      const ran = await rig.machine.ob('destroy');
      assert.equal(ran.code, 0, textOf(ran));
      assertSame(await rig.snapshot(), nothing, 'something is left');
    });
});
