import { OB } from '../machine.ts';
import type { Sort } from './drift-hosts.ts';
import { PID1 } from './rig.ts';

/** One way in which somebody, or something, makes a machine differ from its hosts file. */
export interface Drift {
  readonly what: string;
  /** Of the subhosts to which it can happen; left out: plain. */
  readonly sort?: Exclude<Sort, 'plain'>;
  /** A shell script: $NAME is a subhost, $OTHER another one; `pid1 NAME` tells a PID 1, `ended NAME` waits for its end. */
  readonly inject: string;
  /** One of the lines of the plan, of the subhost web: `+ ADDRESS`, `- ADDRESS`, or `ADDRESS FIELD: SEEN -> WANTED`. */
  readonly names: string;
  /** The subhost has to be stopped and started: whatever else is here is repaired under its running processes. */
  readonly restarts?: true;
  /** Nothing may be done as long as it lasts: a shell script that ends it. */
  readonly undo?: string;
  /** No event tells of it: it is found by the look once a minute. */
  readonly isSilent?: true;
  /** What the plan says has moved, if it is not the world. */
  readonly cause?: 'change';
}

export function driftsOf(sort: Sort): Drift[] {
  return DRIFTS.filter((drift) => (drift.sort ?? 'plain') === sort);
}

/** The whole script of a drift of one subhost. */
export function scriptOf({ inject }: Pick<Drift, 'inject'>, name: string, other: string): string {
  return `set -e; NAME=${name} OTHER=${other} CGROUP=/sys/fs/cgroup/ob/demo/${name}; ${PID1}; ${ENDED}; ${GROUP}; ${REMOVED}; ${inject}`;
}

const ENDED = `ended() { while grep -q 'populated 1' /sys/fs/cgroup/ob/demo/$1/cgroup.events; do sleep 0.01; done; }`;

/** The folder with FILE among the groups of $NAME, in whatever tree that is. */
const GROUP = `group() { for folder in $CGROUP /mnt/cgroup/*/ob/demo/$NAME; do [ ! -e $folder/$1 ] || echo $folder; done; }`;

/** Takes away all groups of one that has ended. */
const REMOVED =
  'removed() { for folder in /sys/fs/cgroup/ob/demo/$1 /mnt/cgroup/*/ob/demo/$1; do [ ! -e $folder ] || rmdir $folder; done; }';

/** The capabilities of what runs inside, in the words of setpriv(1). */
const AS_USUAL =
  '-all,+chown,+dac_override,+fowner,+fsetid,+kill,+setgid,+setuid,+setpcap,+net_bind_service,+net_admin,+net_raw,+sys_chroot,+audit_write,+setfcap';

export const DRIFTS: readonly Drift[] = [
  // The machine's end of a cable.
  { what: 'a cable is down', inject: 'ip link set $NAME"0" down', names: 'veth/web0 up: false -> true' },
  { what: 'a cable is renamed', inject: 'ip link set $NAME"0" name x$NAME', names: '+ veth/web0' },
  { what: 'a cable is unplugged', inject: 'ip link set $NAME"0" nomaster', names: 'veth/web0 bridge: none -> ob0' },
  { what: 'a cable is plugged in elsewhere', inject: 'ip link set $NAME"0" master br0', names: 'veth/web0 bridge: br0 -> ob0' },
  { what: 'a cable is deleted', inject: 'ip link delete $NAME"0"', names: '+ veth/web0' },
  { what: 'a cable has another MTU', inject: 'ip link set $NAME"0" mtu 1300', names: 'veth/web0 mtu: 1300, 1400 inside -> 1400' },
  { what: 'a cable has lost its alias', inject: `ip link set $NAME"0" alias ''`, names: 'veth/web0 mark: none -> ob:demo/web' },
  { what: 'a cable has lost its group', inject: 'ip link set $NAME"0" group default', names: 'veth/web0 mark: none -> ob:demo/web' },

  // The subhost's end.
  {
    what: 'a cable is renamed inside',
    inject: 'ip -n $NAME link set eth0 down; ip -n $NAME link set eth0 name lan0; ip -n $NAME link set lan0 up',
    names: 'veth/web0 inside: lan0 -> eth0',
  },
  {
    what: 'two cables have swapped their names inside',
    inject: `
      for link in eth0 eth1; do ip -n $NAME link set $link down; ip -n $NAME link set $link name x$link; done
      ip -n $NAME link set xeth0 name eth1; ip -n $NAME link set xeth1 name eth0`,
    names: 'veth/web0 crossed: true -> false',
  },
  { what: 'a cable is down inside', inject: 'ip -n $NAME link set eth0 down', names: 'veth/web0 inside_up: false -> true' },
  { what: 'a cable is deleted inside', inject: 'ip -n $NAME link delete eth0', names: '+ veth/web0' },
  {
    what: 'a cable has another MAC inside',
    inject: 'ip -n $NAME link set eth0 address 02:00:00:00:00:99',
    names: 'veth/web0 mac: 02:00:00:00:00:99 -> 02:00:00:00:00:01',
  },
  {
    what: 'a cable has another MTU inside',
    inject: 'ip -n $NAME link set eth0 mtu 1300',
    names: 'veth/web0 mtu: 1400, 1300 inside -> 1400',
  },
  {
    what: 'the other end of a cable is no longer inside',
    inject: 'ip -n $NAME link set eth1 name lost; ip -n $NAME link set lost netns $OTHER',
    names: 'veth/web1 netns: none -> web',
  },
  {
    what: 'the addresses of a cable are gone',
    inject: 'ip -n $NAME address flush dev eth0 scope global',
    names: 'veth/web0 address: [] -> [10.77.0.2/24, 2001:db8::2/64]',
  },
  {
    what: 'a cable has an address more',
    inject: 'ip -n $NAME address add 10.99.0.2/24 dev eth0',
    names: 'veth/web0 address: [10.77.0.2/24, 10.99.0.2/24, 2001:db8::2/64] -> [10.77.0.2/24, 2001:db8::2/64]',
  },
  { what: 'the default route is gone', inject: 'ip -n $NAME route delete default', names: 'veth/web0 gateway: [] -> [10.77.0.1]' },
  {
    what: 'the default route leads elsewhere',
    inject: 'ip -n $NAME route replace default via 10.77.0.9 dev eth0',
    names: 'veth/web0 gateway: [10.77.0.9] -> [10.77.0.1]',
  },
  {
    what: 'there is a default route more',
    inject: 'for metric in 9 10; do ip -n $NAME route add default via 10.77.0.9 dev eth0 metric $metric; done',
    names: 'veth/web0 gateway: [10.77.0.1, 10.77.0.9] -> [10.77.0.1]',
  },

  // A bridge.
  { what: 'a bridge is deleted', inject: 'ip link delete ob0', names: '+ bridge/ob0' },
  { what: 'a bridge is down', inject: 'ip link set ob0 down', names: 'bridge/ob0 up: false -> true' },
  {
    what: 'the address of a bridge is gone',
    inject: 'ip address flush dev ob0',
    names: 'bridge/ob0 address: [] -> [10.77.0.1/24]',
  },
  {
    what: 'a bridge has an address more',
    inject: 'ip address add 10.99.0.1/24 dev ob0',
    names: 'bridge/ob0 address: [10.77.0.1/24, 10.99.0.1/24] -> [10.77.0.1/24]',
  },
  { what: 'a bridge has lost its alias', inject: "ip link set ob0 alias ''", names: 'bridge/ob0 mark: none -> ob:demo/ob0' },
  { what: 'a bridge has lost its group', inject: 'ip link set ob0 group default', names: 'bridge/ob0 mark: none -> ob:demo/ob0' },

  // A VLAN.
  { what: 'a VLAN is deleted', sort: 'vlan', inject: 'ip link delete $NAME"0.302"', names: '+ vlan/web0.302' },
  {
    what: 'a VLAN is deleted inside',
    sort: 'vlan',
    inject: 'ip -n $NAME link delete eth0.302',
    names: 'vlan/web0.302 inside: none -> eth0.302',
  },
  { what: 'a VLAN is down', sort: 'vlan', inject: 'ip link set $NAME"0.302" down', names: 'vlan/web0.302 up: false -> true' },
  {
    what: 'a VLAN is unplugged',
    sort: 'vlan',
    inject: 'ip link set $NAME"0.302" nomaster',
    names: 'vlan/web0.302 bridge: none -> br0',
  },
  { what: 'the cable of a VLAN is deleted', sort: 'vlan', inject: 'ip link delete $NAME"0"', names: '+ vlan/web0.302' },

  // The network namespace.
  {
    what: 'the namespace has lost its name',
    inject: 'umount /run/netns/$NAME; rm /run/netns/$NAME',
    names: 'netns/web name: missing -> its own',
  },
  {
    what: 'the name of the namespace is a file',
    inject: 'umount /run/netns/$NAME',
    names: 'netns/web name: a plain file -> its own',
  },
  {
    what: 'the namespace is mounted over itself',
    inject: 'mount --bind /run/netns/$NAME /run/netns/$NAME',
    names: 'netns/web layers: 2 -> 1',
  },
  {
    what: 'the namespace of another subhost is mounted over it',
    inject: 'mount --bind /run/netns/$OTHER /run/netns/$NAME',
    names: 'netns/web layers: 2 -> 1',
  },
  {
    what: 'the name is that of the namespace of another subhost',
    inject: 'umount /run/netns/$NAME; mount --bind /run/netns/$OTHER /run/netns/$NAME',
    names: 'netns/web name: that of client -> its own',
  },
  {
    what: 'the namespace has lost its mark',
    inject: "ip -n $NAME link set lo alias ''",
    names: 'netns/web name: without a mark -> its own',
  },
  { what: 'the loopback link is down', inject: 'ip -n $NAME link set lo down', names: 'netns/web lo: down -> up' },
  {
    what: 'a namespace that belongs to the machine, with its mark, has the name',
    sort: 'userns',
    inject: 'umount /run/netns/$NAME; rm /run/netns/$NAME; ip netns add $NAME; ip -n $NAME link set lo up alias ob:demo/$NAME',
    names: 'netns/web userns: none -> 655360-720895',
    restarts: true,
  },

  // The root.
  {
    what: 'the root is mounted read-only',
    inject: 'mount -o remount,bind,ro /mnt/$NAME/live',
    names: 'mount/web access: ro -> rw',
  },
  {
    what: 'the filesystem of the root is read-only',
    inject: 'mount -o remount,ro /mnt/$NAME/live',
    names: 'mount/web access: ro -> rw',
  },
  {
    what: 'the root is covered',
    inject: 'mount -t tmpfs tmpfs /mnt/$NAME/live',
    names: 'mount/web covered_by: 1 -> 0',
  },
  { what: 'the root is unmounted', inject: 'umount /mnt/$NAME/live', names: 'mount/web attached: false -> true' },
  {
    what: 'what a program has set up as upper is unmounted',
    sort: 'program',
    inject: 'umount /mnt/store-$NAME',
    names: 'mount/web set_up: false -> true',
    restarts: true,
  },
  {
    what: 'the root is unmounted, and with it what tells of the program',
    sort: 'program',
    inject: 'umount /mnt/$NAME/live; umount /mnt/$NAME/live',
    names: '+ mount/web',
    restarts: true,
  },
  {
    what: 'after an end the root is mounted by other means, without ids of its own',
    sort: 'userns',
    // A run that comes between would mount it itself.
    inject: `
      until [ /proc/self/fd/9 -ef /run/ob/lock ]; do exec 9>>/run/ob/lock; flock 9; done
      kill -KILL $(pid1 $NAME); ended $NAME; umount /mnt/$NAME/live
      mount -t overlay -o lowerdir=/,upperdir=/mnt/$NAME/own,workdir=/mnt/$NAME/work ob:demo/$NAME /mnt/$NAME/live`,
    names: 'mount/web userns: none -> 655360-720895',
    restarts: true,
  },
  {
    what: 'the upper directory is given to a user of the machine',
    sort: 'userns',
    inject: 'chown 1000:1000 /mnt/$NAME/own',
    names: 'mount/web upper_owner: 1000:1000 -> its own ids',
    isSilent: true,
  },
  {
    what: 'another overlay is mounted on the upper directory',
    inject:
      'mkdir -p /mnt/$NAME/w /mnt/m-$NAME; mount -t overlay -o lowerdir=/,upperdir=/mnt/$NAME/root,workdir=/mnt/$NAME/w mine /mnt/m-$NAME',
    names: 'mount/web alone: false -> true',
    undo: 'umount /mnt/m-$NAME; rm -rf /mnt/$NAME/w /mnt/m-$NAME',
  },
  {
    what: 'a second PID 1 runs on the upper directory, started by other means',
    inject: `mkdir -p /mnt/$NAME/w /mnt/m-$NAME
      setsid unshare -mpf sh -c "
        mount -t overlay -o lowerdir=/,upperdir=/mnt/$NAME/root,workdir=/mnt/$NAME/w mine /mnt/m-$NAME
        exec chroot /mnt/m-$NAME sh -c 'echo >/second; exec sleep 1000'" >/dev/null 2>&1 &
      until [ -e /mnt/$NAME/root/second ]; do sleep 0.01; done`,
    names: 'mount/web alone: false -> true',
    undo: `for p in /proc/[0-9]*; do
        grep -q " mine .*/mnt/$NAME/root" $p/mountinfo 2>/dev/null && kill -KILL \${p#/proc/} || true
      done
      while grep -q " mine .*/mnt/$NAME/root" /proc/[0-9]*/mountinfo 2>/dev/null; do sleep 0.01; done
      rm -rf /mnt/$NAME/w /mnt/m-$NAME /mnt/$NAME/root/second`,
    isSilent: true,
  },
  {
    what: 'the packages of the tree below have changed',
    inject: 'cp /mnt/dpkg/status /mnt/dpkg/new; echo "Package: new" >>/mnt/dpkg/new; mv /mnt/dpkg/new /mnt/dpkg/status',
    names: 'mount/web lower_tree: changed -> as mounted',
    restarts: true,
  },
  {
    what: "a subhost's folder is open to users of the machine",
    inject: 'chmod 755 /mnt/$NAME; chown 65534:65534 /mnt/$NAME',
    names: 'mount/web base: 65534:65534 0755 -> root 0700',
  },

  // Inside.
  {
    what: 'the root is read-only inside',
    inject: 'nsenter -t $(pid1 $NAME) -m -p mount -o remount,bind,ro /',
    names: 'process/web root: ro -> rw',
  },
  {
    what: '/run is unmounted inside',
    inject: 'nsenter -t $(pid1 $NAME) -m -p umount -l /run',
    names: 'process/web run_in_memory: no -> yes',
    restarts: true,
  },
  {
    what: '/proc is unmounted inside',
    inject: 'nsenter -t $(pid1 $NAME) -m -p umount -l /proc',
    names: 'process/web inside: [/dev, /dev/pts, /dev/shm, /sys] -> [/dev, /dev/pts, /dev/shm, /proc, /sys]',
  },
  {
    what: 'devpts is unmounted inside',
    inject: 'nsenter -t $(pid1 $NAME) -m -p umount -l /dev/pts',
    names: 'process/web inside: [/dev, /dev/shm, /proc, /sys] -> [/dev, /dev/pts, /dev/shm, /proc, /sys]',
  },
  {
    what: 'sysfs is unmounted inside',
    inject: 'nsenter -t $(pid1 $NAME) -m -p umount -l /sys',
    names: 'process/web inside: [/dev, /dev/pts, /dev/shm, /proc] -> [/dev, /dev/pts, /dev/shm, /proc, /sys]',
  },
  {
    what: 'all but /run is unmounted inside',
    inject: 'nsenter -t $(pid1 $NAME) -m -p sh -c "umount -l /dev; umount -l /sys; umount -l /proc"',
    names: 'process/web inside: [] -> [/dev, /dev/pts, /dev/shm, /proc, /sys]',
  },
  {
    what: 'a device is missing inside',
    inject: 'nsenter -t $(pid1 $NAME) -m -p rm /dev/null /dev/ptmx',
    names: 'process/web missing_in_dev: [null, ptmx] -> []',
  },
  {
    what: 'a device has become a file',
    inject: 'nsenter -t $(pid1 $NAME) -m -p sh -c "rm /dev/null; echo >/dev/null"',
    names: 'process/web missing_in_dev: [null] -> []',
  },
  {
    what: 'a device has become a file, and what it covered is uncovered',
    inject: 'nsenter -t $(pid1 $NAME) -m -p sh -c "rm /dev/null; echo >/dev/null; umount /proc/kmsg"',
    names: 'process/web exposed: [/proc/kmsg] -> []',
  },
  {
    what: 'what the kernel tells of the machine is uncovered',
    inject: 'nsenter -t $(pid1 $NAME) -m -p umount /proc/kmsg /proc/sys/net',
    names: 'process/web exposed: [/proc/kmsg, /proc/sys/net] -> []',
  },
  {
    what: 'settings of the machine are writable',
    inject: 'nsenter -t $(pid1 $NAME) -m -p umount /proc/sys/net /proc/sys',
    names: 'process/web exposed: [/proc/sys, /proc/sys/net] -> []',
  },
  {
    what: 'device nodes of the root are devices',
    inject: 'nsenter -t $(pid1 $NAME) -m -p mount -o remount,bind,dev /',
    names: 'process/web exposed: [device nodes] -> []',
  },
  {
    what: 'a device of the machine is unmounted inside',
    sort: 'device',
    inject: 'nsenter -t $(pid1 $NAME) -m -p umount /dev/net/tun',
    names: 'process/web devices: [] -> [/dev/net/tun]',
  },
  {
    what: 'the host name is another',
    inject: 'nsenter -t $(pid1 $NAME) -u hostname elsewhere',
    names: 'process/web hostname: elsewhere -> web',
  },
  {
    what: 'a share is unmounted inside',
    inject: 'nsenter -t $(pid1 $NAME) -m -p umount /data',
    names: 'process/web shares: [] -> [/mnt/data on /data]',
  },

  // What runs.
  { what: 'PID 1 is killed', inject: 'kill -KILL $(pid1 $NAME); ended $NAME', names: 'process/web running: no -> yes', restarts: true },
  {
    what: 'the last service ends',
    inject: 'kill -KILL $(grep -vx $(pid1 $NAME) $CGROUP/cgroup.procs); ended $NAME',
    names: 'process/web running: no -> yes',
    restarts: true,
  },
  {
    what: 'a service has died inside',
    sort: 'asked',
    inject: "nsenter -t $(pid1 $NAME) -a sh -c 'kill $(cat /run/mail.pid)'",
    names: 'process/web dead_services: [mail] -> []',
  },
  {
    what: 'PID 1 is moved out of its cgroup, which is removed',
    inject: `
      for p in $(pid1 $NAME) $(cat $CGROUP/cgroup.procs); do echo $p >/sys/fs/cgroup/machine/cgroup.procs; done; rmdir $CGROUP`,
    names: 'process/web cgroup: /machine -> /ob/demo/web',
  },
  {
    what: 'a limit is another',
    inject: 'echo 100 >$(group pids.max)/pids.max',
    names: 'process/web limits: [cpu 8, memory 1G, pids 100] -> [cpu 8, memory 1G, pids 2048]',
    sort: 'limited',
  },
  {
    what: 'a limit is taken away',
    inject: 'folder=$(group cpu.max)$(group cpu.cfs_quota_us); echo max >$folder/cpu.max || echo -1 >$folder/cpu.cfs_quota_us',
    names: 'process/web limits: [memory 1G, pids 2048] -> [cpu 8, memory 1G, pids 2048]',
    sort: 'limited',
  },
  {
    what: 'all of it is moved out of its group of a v1 tree, which is removed',
    inject: `
      folder=$(group pids.max)
      while pids=$(cat $folder/cgroup.procs) && [ -n "$pids" ]; do for p in $pids; do echo $p >/mnt/cgroup/pids/cgroup.procs || true; done; done
      rmdir $folder`,
    names: 'process/web limits: [cpu 8, memory 1G] -> [cpu 8, memory 1G, pids 2048]',
    sort: 'v1',
  },
  {
    what: 'PID 1 is killed and its cgroup is removed',
    inject: 'kill -KILL $(pid1 $NAME); ended $NAME; removed $NAME',
    names: '+ process/web',
    restarts: true,
  },
  {
    what: 'a PID 1 that looks the same, but has the ids of the machine, is in the place of PID 1',
    sort: 'userns',
    // A run that comes between would start its own. In all namespaces of the old one but those of its ids and its processes.
    inject: `
      until [ /proc/self/fd/9 -ef /run/ob/lock ]; do exec 9>>/run/ob/lock; flock 9; done
      pid=$(pid1 $NAME)
      # Where PID 1 has the ids of the machine anyway, this one would be as good.
      [ ! /proc/$pid/ns/user -ef /proc/self/ns/user ]
      mkdir /proc/$pid/root/run/ob:demo
      echo 'trap exit TERM; while :; do sleep 1000 & wait; done' >/proc/$pid/root/run/ob:demo/$NAME
      words=$(tr '\\0' ' ' </proc/$pid/cmdline | cut -d' ' -f2-)
      (echo 0 >$CGROUP/cgroup.procs
        exec 9>&- setsid nsenter -t $pid -m -n -u -i unshare -pf setpriv --bounding-set=${AS_USUAL} bash -c 'cd /run; exec -a /.reaper bash "$@"' bash $words) >/dev/null 2>&1 &
      until grep -lz '^/\\.reaper$' $(sed "s,.*,/proc/&/cmdline,; /\\/$pid\\//d" $CGROUP/cgroup.procs) 2>/dev/null; do sleep 0.01; done
      kill -KILL $pid; while [ -d /proc/$pid ]; do sleep 0.01; done`,
    names: 'process/web userns: none -> 655360-720895',
    restarts: true,
  },
  {
    what: 'only the files are left, as after a boot',
    inject: `
      for name in $NAME $OTHER; do
        kill -KILL $(pid1 $name); ended $name
        removed $name
        ip netns delete $name
        umount /mnt/$name/live
      done
      rmdir /sys/fs/cgroup/ob/demo /sys/fs/cgroup/ob /mnt/cgroup/*/ob/demo /mnt/cgroup/*/ob 2>/dev/null || true; ip link delete ob0
      for link in $NAME"0" $NAME"1" $OTHER"0" $OTHER"1"; do ip link delete $link 2>/dev/null || true; done`,
    names: '+ process/web',
    restarts: true,
  },

  // What the file does not know.
  {
    what: 'a subhost is left that is no longer in the file',
    inject: `
      printf 'scope: demo\\nsubhosts: { left: { base: /mnt/left, start: none } }\\n' >/mnt/left.yaml
      ${OB} apply /mnt/left.yaml --limit left --lock-timeout 60 >/dev/null`,
    names: '- process/left',
    cause: 'change',
  },
  {
    what: 'a cable has the mark of no subhost',
    inject: 'ip link add left0 group 28514 type veth peer name left9 || true; ip link set left0 alias ob:demo/left',
    names: '- veth/left0',
  },
  {
    what: 'a namespace has the mark of no subhost',
    inject: 'ip netns add left || true; ip -n left link set lo alias ob:demo/left',
    names: '- netns/left',
  },
  {
    what: 'a mount has the mark of no subhost',
    inject: 'mkdir -p /mnt/left/live; mount -t tmpfs ob:demo/left /mnt/left/live',
    names: '- mount/left',
  },
  {
    what: 'a group of a v1 tree is that of no subhost',
    sort: 'v1',
    inject: 'mkdir -p /mnt/cgroup/pids/ob/demo/left',
    names: '- process/left',
  },
  { what: 'a cgroup is that of no subhost', inject: 'mkdir -p /sys/fs/cgroup/ob/demo/left', names: '- process/left' },

  // Last, since /run/netns stays as it is then, and `ip netns delete` fails for all names that were there before.
  {
    what: '`ip netns add` has mounted /run/netns over itself, and the name of the namespace is a file',
    inject: 'ip netns add later; ip netns delete later; umount /run/netns/$NAME',
    names: 'netns/web name: a plain file -> its own',
  },
];
