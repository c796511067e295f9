import { maskOf } from '../../resources/hidden.ts';
import { parseInsides } from '../../resources/linux/inside.ts';
import { parseIpJson, toLink } from '../../resources/linux/ip.ts';
import { parseMountinfo, parseMounts } from '../../resources/linux/mountinfo.ts';
import { parseInits } from '../../resources/live-init.ts';
import { createLook, type Look } from '../../resources/machine.ts';
import { rootMarkOf } from '../../resources/marks.ts';

// A hosts file, and a machine on which its subhost is up and nearly as wanted, in the words of the kernel, of ip and of the reaper.

export const HOSTS = `scope: demo
bridges: { ob0: {} }
defaults: { ram_size: 50M }
subhosts:
  web: # the first
    base: /web
    cables:
      - { bridge: ob0, mac: "02:00:0a:4d:00:02", address: 10.77.0.2/24 }
      - "ob0=02:00:00:00:00:07"
    start: [networking]
`;

export const FACTS = { realPath: (path: string) => path, deviceOf: () => 1, whatIs: () => 'directory' as const, bridges: undefined };

const MASK = maskOf({ base: '/web', lower: '/', upper: '/web/root', live: '/web/live', start: [] });
const OVERLAY = `rw,lowerdir=${MASK}:/,upperdir=/web/root,workdir=/web/work,uuid=on`;
const ROOT = rootMarkOf('ob:demo/web', '0123abcd-4567ef01');

const MOUNTS: readonly (readonly [id: number, device: string, text: string])[] = [
  [86, '0:44', `/ / rw,nodev,relatime - overlay ${ROOT} ${OVERLAY}`],
  [87, '0:45', '/ /proc rw,nosuid,nodev,noexec,relatime - proc \\ rw'],
  [88, '0:46', '/ /sys ro,nosuid,nodev,noexec,relatime - sysfs \\ rw'],
  [89, '0:47', '/ /run rw,nosuid,nodev,relatime - tmpfs \\ rw,size=51200k,mode=755'],
  [90, '0:45', '/bus /proc/bus ro,nosuid,nodev,noexec,relatime - proc \\ rw'],
];

const PID_1 = {
  pid: 2,
  arguments: ['/.reaper', 'ob:demo/web', '0', '90000', '10000', 'runs:00', '000:networking'],
  status: 'Uid:\t0\t0\t0\t0\nNSpid:\t2\t1\nCapBnd:\t00000000a00435fb\nNoNewPrivs:\t0\nSeccomp:\t2\n',
  stat: '2 (.reaper) S 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 1 0 1 0\n',
  netns: 'net:[1]',
  mountns: 2,
  first: 0,
  mounts: MOUNTS.flat(),
  devices: ['null'],
  hostname: 'web',
};
export const INIT = JSON.stringify(PID_1);

const WEB0 = { ifindex: 6, link_index: 2, ifname: 'web0', flags: ['UP'], mtu: 1500, master: 'ob0', group: '28514', ifalias: 'ob:demo/web' };
const OB0 = {
  ifindex: 5,
  ifname: 'ob0',
  flags: ['UP'],
  mtu: 1500,
  group: '0',
  ifalias: 'ob:demo/ob0',
  linkinfo: { info_kind: 'bridge' },
  addr_info: [{ family: 'inet', local: '10.77.0.1', prefixlen: 24, scope: '0' }],
};
export const LINKS = `${JSON.stringify([OB0, { ...WEB0, linkinfo: { info_kind: 'veth' } }])}\n`;

export const INSIDE = JSON.stringify({
  error: 0,
  first: 0,
  links: [
    { index: 1, name: 'lo', up: 1, mtu: 65536, peer: 0, master: 0, group: 0, mac: '00:00:00:00:00:00', alias: 'ob:demo/web' },
    { index: 2, name: 'eth0', up: 1, mtu: 1500, peer: 6, master: 0, group: 0, mac: '02:00:0a:4d:00:02', away: 1, kind: 'veth' },
  ],
  addresses: [{ link: 2, prefix: 24, flags: 128, address: '10.77.0.2' }],
  routes: [{ link: 2 }],
});

const MACHINE = JSON.stringify({
  error: 0,
  links: [
    { index: 5, name: 'ob0', up: 1, mtu: 1500, peer: 0, master: 0, group: 0, alias: 'ob:demo/ob0', kind: 'bridge' },
    { index: 6, name: 'web0', up: 1, mtu: 1500, peer: 2, master: 5, group: 28514, away: 1, alias: 'ob:demo/web', kind: 'veth' },
  ],
});

const MOUNT_TABLE = `cgroup2 /sys/fs/cgroup cgroup2 rw 0 0\n${ROOT} /web/live overlay ${OVERLAY} 0 0\n`;

/** What `reaper ahead` tells of it. */
export const AHEAD = ['/', `${MACHINE}\n${MOUNT_TABLE}web`, INSIDE, '', '/sys/fs/cgroup', '', 'demo/web', INIT, '', '1 1', ''].join('\n');

/** How reaper/ahead.c tells that a TEXT is there: the links and the mounts, what goes to each of the ENDS, all. */
export function toldOf(text: string, ends: readonly number[] = []): Buffer {
  const first = /^.*\n.*\n(?:.* 0 0\n)*/.exec(text)?.[0].length ?? 0;
  const sizes = [first, ...ends, -text.length];
  const told = Buffer.alloc(8 * sizes.length);
  for (const [index, size] of sizes.entries()) told.writeBigInt64LE(BigInt(size), 8 * index);
  return told;
}

/** In the place of the reaper: it is there, and is not started. */
export const PROGRAM = '/proc/self/exe';

/** What is not said here is of the machine on which this runs. */
export const LOOK: Look = {
  ...createLook(PROGRAM),
  links: async () => parseIpJson(LINKS).flat().flatMap(toLink),
  netnsNames: () => [{ name: 'web', real: true, inode: 1, layers: 1 }],
  inside: async () => parseInsides(['web', INSIDE]).get('web'),
  mounts: () => parseMounts(MOUNT_TABLE),
  mountinfo: () => parseMountinfo(MOUNTS.map(([id, device, text]) => `${id} 66 ${device} ${text}\n`).join('')),
  cgroupRoot: () => '/sys/fs/cgroup',
  cgroups: () => [{ scope: 'demo', name: 'web' }],
  initSeen: async () => parseInits(['demo/web', INIT]).get('ob:demo/web'),
  mountsOfUppers: () => new Map(),
};
