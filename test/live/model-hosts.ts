import { existsSync, statSync } from 'node:fs';
import { lacksLimits, noLive } from '../machine.ts';
import { noImages } from './images.ts';

/** What a hosts file says: of each subhost, and under `file` of the rest, by key the number of a variant. */
export type Variants = Readonly<Record<string, number>>;
export type Model = ReadonlyMap<string, Variants>;

export const NAMES = ['s0', 's1', 's2'] as const;
export const FILE = 'file';

const [hasTun, hasFuse] = ['/dev/net/tun', '/dev/fuse'].map((path) => existsSync(path));
const hasLimits = noLive === undefined && lacksLimits() === undefined;
/** Filesystems of no disk have a major number of 0. */
const io = statSync('/').dev >= 256 ? ', io: { /: { read: 1G, write: 1G } }' : '';

/**
 * The variants of each key that is one line or more of a subhost; the first leaves it out. Each goes with each of any other
 * key, but for `userns`: see `withIds`. $NAME is the subhost's name. What this machine lacks is not among them.
 */
const LINES: Readonly<Record<string, readonly string[]>> = {
  start: ['start: none', 'start: [/srv/web]', 'start: [mail, /srv/web]', 'start: none\ninit: /mnt/boot'],
  share: [
    'share: []',
    'share: [/mnt/data:/data]',
    'share: ["/mnt/data:/data:ro", "/mnt/data:/more"]',
    'share: [../data/file:/etc/shared, /mnt/data]',
  ],
  ram: ['ram_size: 10M', 'ram_size: 20M', 'ram_size: none'],
  lower: ['', ...(noImages ? [] : ['lower: /mnt/tree', 'lower: { diskfile: { image: /mnt/tree.squashfs } }'])],
  upper: [
    '',
    'upper: root1\nwork: work1',
    'upper: root2\nwork: work2',
    'upper: ./setup\nwork: /mnt/store-$NAME/work',
    ...(noImages ? [] : ['upper: { diskfile: { image: disk.img } }', 'upper: { diskfile: { image: disk.img } }\nwork: other']),
  ],
  live: ['', 'live: top'],
  hide: ['', 'hide: [/home/, /etc/issue]', 'hide: none'],
  restart: ['', 'restart: on-failure', 'restart: never'],
  on_lower_change: ['', 'on_lower_change: restart'],
  check_services: ['', 'check_services: true'],
  limits: ['', ...(hasLimits ? ['limits: { pids: 500, memory: 512M }', `limits: { pids: none, memory: 1G, cpu: 4${io} }`] : [])],
  devices: ['', ...(hasTun ? ['devices: [/dev/net/tun]'] : []), ...(hasTun && hasFuse ? ['devices: [/dev/fuse, /dev/net/tun]'] : [])],
  userns: ['', 'userns: auto', 'userns: $IDS'],
  profile: ['', 'profile: minimal', 'profile: trusted'],
  caps: ['', 'caps: { drop: [net_raw] }', 'caps: { add: [sys_time, mknod], drop: [all] }'],
  seccomp: ['', 'seccomp: "off"', 'seccomp: default'],
  no_new_privs: ['', 'no_new_privs: true', 'no_new_privs: false'],
  premount: ['', 'premount: /bin/true'],
  postmount: ['', 'postmount: [/bin/sh, -c, "mountpoint -q $LIVE"]'],
  log: ['', 'log: /mnt/$NAME.log'],
};

/** What of the schema no variant has: what the kernel of most machines lacks, and what is a matter of reading alone. */
export const LEFT_OUT = [
  /\.vlan$/,
  /\.diskfile\.(partition|path)$/,
  ...(noImages ? [/\.diskfile\b/, /\.lower$/] : []),
  ...(hasLimits ? [] : [/\.limits\b/]),
  ...(io ? [] : [/\.io\b/]),
  ...(hasTun ? [] : [/\.devices$/]),
];

/** How many variants there are of what takes more than lines: of the cables, and whether the subhost is there at all. */
const COUNTS: Readonly<Record<string, number>> = { there: 3, cables: 3, mac: 3, address: 4, mtu: 3, bridge: 3 };

/** Variants of what is not of one subhost. */
const BRIDGES = ['{ address: 10.77.0.1/24 }', '{ address: [10.77.0.1/24, "2001:db8::1/64"] }', '{}'];
const MORE_BRIDGES = ['', '  ob2: { address: 10.79.0.1/24 }\n', '  ob2: {}\n'];
const DEFAULTS = [
  '',
  `defaults: { caps: { drop: [chown] }${hasLimits ? ', limits: { pids: 300, cpu: 2 }' : ''} }\n`,
  'defaults: { hide: [/srv/] }\n',
];
const FILE_COUNTS: Readonly<Record<string, number>> = { ob0: BRIDGES.length, bridges: MORE_BRIDGES.length, defaults: DEFAULTS.length };

/** Key and number of variants of all that can be edited, of a subhost or of `file`. */
export function editsOf(name: string): [key: string, count: number][] {
  const counts =
    name === FILE ? FILE_COUNTS : { ...COUNTS, ...Object.fromEntries(Object.entries(LINES).map(([key, all]) => [key, all.length])) };
  return Object.entries(counts).filter(([, count]) => count > 1);
}

const FIRST: Variants = { there: 1, cables: 1, address: 1, start: 1, share: 1 };

export function firstModel(): Model {
  return new Map([...NAMES.map((name): [string, Variants] => [name, FIRST]), [FILE, {}]]);
}

export function edited(model: Model, name: string, key: string, value: number): Model {
  return new Map([...model].map(([one, variants]) => [one, one === name ? { ...variants, [key]: value } : variants]));
}

/** Those that the file has. */
export function namesIn(model: Model): string[] {
  return NAMES.filter((name) => variantOf(model, name, 'there') > 0);
}

export function variantOf(model: Model, name: string, key: string): number {
  return model.get(name)?.[key] ?? 0;
}

/** The hosts file of a model; none of its variants is wrong beside any other. */
export function hostsText(model: Model): string {
  const subhosts = NAMES.flatMap((name, index) => (namesIn(model).includes(name) ? [subhostText(name, model.get(name) ?? {}, index)] : []));
  const { ob0 = 0, bridges = 0, defaults = 0 } = model.get(FILE) ?? {};
  return [
    `scope: demo\n${DEFAULTS[defaults]}bridges:\n  ob0: ${BRIDGES[ob0]}\n  ob1: { address: 10.78.0.1/24 }\n${MORE_BRIDGES[bridges]}`,
    `subhosts:${subhosts.length > 0 ? `\n${subhosts.join('')}` : ' {}\n'}`,
  ].join('');
}

/** The first of the ids that a subhost has where it has its own. */
export function firstIdOf(name: string): number {
  return 655_360 + 65_536 * (NAMES as readonly string[]).indexOf(name);
}

/** Files of its own ids are in an upper directory beside that of the same files of root. */
function withIds(text: string): string {
  if (!/^userns:/m.test(text) || /^upper: \.\/setup|^profile: trusted/m.test(text)) return text.replace(/^userns:.*\n?/m, '');
  if (!/^upper:/m.test(text)) return `upper: own\n${text}`;
  // Before it is mounted, nobody knows whom the files of an image belong to.
  if (text.includes('disk.img')) return text.replace('disk.img', 'own.img').replace('userns: auto', 'userns: $IDS');
  return text.replace(/^upper: root/m, 'upper: own');
}

function subhostText(name: string, variants: Variants, index: number): string {
  const text = Object.entries(LINES).map(([key, all]) => all[variants[key] ?? 0] ?? '');
  const lines = withIds(text.filter(Boolean).join('\n'))
    .replace('$IDS', String(firstIdOf(name)))
    .split('\n')
    .filter(Boolean);
  const cables = cableLines(variants, index);
  return [`  ${name}:`, `base: /mnt/${name}`, ...lines, `cables:${cables.length > 0 ? '' : ' []'}`, ...cables]
    .map((line) => `    ${line.replaceAll('$NAME', name)}\n`)
    .join('')
    .slice(4);
}

function cableLines({ cables = 0, mac = 0, mtu = 0, address = 0, bridge = 0 }: Variants, index: number): string[] {
  return Array.from({ length: cables }, (_, cable) => {
    const isMain = cable === 0;
    const net = bridge === 1 ? 78 : 77;
    const first = `10.${net}.0.${10 * Math.min(address, 2) + index}/24`;
    const words = [
      `bridge: ${isMain ? ['ob0', 'ob1', 'br0'][bridge] : 'br0'}`,
      `mac: "02:00:00:0${mac}:0${index}:0${cable}"`,
      ...(mtu > 0 ? [`mtu: ${1300 + 50 * mtu}`] : []),
      ...(isMain && address > 0 ? [`address: ${address < 3 ? first : `[${first}, "2001:db8::1${index}/64"]`}`] : []),
      ...(isMain && address > 1 ? [`gateway: 10.${net}.0.1`] : []),
    ];
    return `  - { ${words.join(', ')} }`;
  });
}
