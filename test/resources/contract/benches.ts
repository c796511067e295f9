import { IMAGES } from '../../live/images.ts';

/** What the contract suite needs to know of a kind: the rest it learns from the kind itself. */
export interface Bench {
  /** In the place of HOSTS, and what this needs. */
  readonly hosts?: string;
  readonly prepare?: string;
  /** Something of somebody else's in the place of the first object, as a shell script. */
  readonly foreign: string;
  /** Takes that away, if `takeAway` does not. */
  readonly foreignAway?: string;
  /** Does that keep the object from being made? */
  readonly isInTheWay: boolean;
  /** Takes away by hand what was made of the first object. */
  readonly takeAway: string;
  /** What runs that were killed have left of the first object, each a shell script. */
  readonly halfDone: readonly string[];
}

/** Two subhosts that differ wherever a kind makes a difference: overlay and bind, a start list and none. */
export const HOSTS = `scope: demo
bridges: { ob0: { address: 10.77.0.1/24 }, ob1: {} }
subhosts:
  web:
    base: /mnt/web
    cables: [{ bridge: ob0, mac: "02:00:00:00:00:02", address: 10.77.0.2/24, gateway: 10.77.0.1 }, { bridge: ob1 }]
    start: [/bin/true]
    ram_size: 1M
  client:
    base: /mnt/client
    lower: /mnt/tree
    upper: /mnt/tree
    cables: [{ bridge: ob0 }]
    start: none
`;

export const PREPARE = 'mkdir /mnt/tree';

const DISK = '/run/ob/disk/demo/web.upper';
const CGROUP = '/sys/fs/cgroup/ob/demo/web';

/** By name of the kind. */
export const BENCHES: Readonly<Record<string, Bench>> = {
  bridge: {
    foreign: 'ip link add ob0 type bridge; ip address add 10.9.9.9/24 dev ob0',
    isInTheWay: true,
    takeAway: 'ip link delete ob0',
    halfDone: [
      'ip link add ob0 group 28514 type bridge',
      'ip link add ob0 up group 28514 type bridge; ip link set ob0 alias ob:demo/ob0; ip address add 10.9.9.9/24 dev ob0',
    ],
  },
  netns: {
    foreign: 'ip netns add web',
    isInTheWay: true,
    takeAway: 'ip netns delete web',
    halfDone: ['mkdir -p /run/netns; touch /run/netns/web'],
  },
  veth: {
    foreign: 'ip link add web0 type veth peer name mine; ip link set web0 up',
    isInTheWay: true,
    takeAway: 'ip link delete web0',
    halfDone: [
      'ip link add web0 group 28514 type veth peer name eth0 netns web',
      'ip link add web0 master ob0 up group 28514 type veth peer name eth0 netns web; ip link set web0 alias ob:demo/web',
      'ip link add web0 group 28514 type veth peer name eth0',
    ],
  },
  disk: {
    hosts: `scope: demo
subhosts:
  web:
    base: /mnt/web
    upper: { diskfile: { image: /mnt/data.img, partition: 2, path: web/root } }
    start: none
  client:
    base: /mnt/client
    lower: { diskfile: { image: /mnt/tree.squashfs } }
    upper: { diskfile: { image: /mnt/data.img, partition: 2, path: client/root } }
    start: none
`,
    prepare: IMAGES,
    foreign: `mkdir -p ${DISK}; mount -t tmpfs mine ${DISK}`,
    foreignAway: `umount ${DISK}; rmdir -p --ignore-fail-on-non-empty ${DISK}`,
    isInTheWay: true,
    takeAway: `umount ${DISK}; umount ${DISK}`,
    halfDone: [
      `mkdir -p ${DISK}`,
      `mkdir -p ${DISK}; mount -t tmpfs -o ro,size=4k ob:demo/web#upper ${DISK}`,
      `mkdir -p ${DISK}; mount -t tmpfs -o ro,size=4k ob:demo/web#upper ${DISK};
        mount -o loop,offset=2097152,sizelimit=16777216 /mnt/data.img ${DISK}`,
    ],
  },
  vlan: {
    hosts: `scope: demo
bridges: { ob0: { address: 10.77.0.1/24 }, ob1: {} }
subhosts:
  web:
    base: /mnt/web
    cables: ["ob0=", { vlan: 302, bridge: ob1, address: 10.78.0.2/24, gateway: 10.78.0.1 }, "ob1=.303"]
    start: none
`,
    foreign: 'ip link add web0.302 type bridge; ip address add 10.9.9.9/24 dev web0.302',
    foreignAway: 'ip link delete web0.302',
    isInTheWay: true,
    takeAway: 'ip link delete web0.302; ip -n web link delete eth0.302',
    halfDone: [
      'ip link add dev web0.302 link web0 group 28514 type vlan id 302',
      'ip link add dev web0.302 link web0 master ob1 up group 28514 type vlan id 302; ip link set web0.302 alias ob:demo/web',
      'ip -n web link add dev eth0.302 link eth0 type vlan id 302; ip -n web address add 10.9.9.9/24 dev eth0.302',
      'ip link add dev web0.302 link web0 up group 28514 type vlan id 7; ip link set web0.302 alias ob:demo/web',
    ],
  },
  mount: {
    foreign: 'mkdir -p /mnt/web/live; mount -t tmpfs mine /mnt/web/live',
    isInTheWay: true,
    foreignAway: 'umount /mnt/web/live',
    // With the layer that hides a part of the machine, which the last root takes with it.
    takeAway: 'umount /mnt/web/live /run/ob/hide; rmdir -p --ignore-fail-on-non-empty /run/ob/hide',
    halfDone: [
      'mkdir -p /mnt/web/root',
      'mkdir -p /mnt/web/live; mount -t tmpfs -o ro,size=4k ob:demo/web /mnt/web/live',
      'mkdir -p /mnt/client/live; mount -t tmpfs -o ro,size=4k,mode=700 ob:demo/client /mnt/client/live',
    ],
  },
  process: {
    // A process that only looks like a subhost's PID 1: it is none of a pid namespace.
    foreign: `
      cd /mnt; mkdir -p ob:demo; echo 'while :; do sleep 1000; done' >ob:demo/web
      bash -c 'exec -a /.reaper sh ob:demo/web 0123456789abcdef 90000 10000 runs:00' >/dev/null 2>&1 & echo $! >pid`,
    foreignAway: 'kill $(cat /mnt/pid)',
    isInTheWay: false,
    takeAway: `echo 1 >${CGROUP}/cgroup.kill; while grep -q 'populated 1' ${CGROUP}/cgroup.events; do sleep 0.01; done; rmdir ${CGROUP}; rm /run/ob/end/demo/web`,
    halfDone: [`mkdir -p ${CGROUP}`, `mkdir -p ${CGROUP}; sleep 1000 >/dev/null 2>&1 & echo $! >${CGROUP}/cgroup.procs`],
  },
};
