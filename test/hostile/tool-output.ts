import { parseCgroup } from '../../src/resources/linux/cgroup.ts';
import { parseIpJson, toLink } from '../../src/resources/linux/ip.ts';
import { parseMountinfo } from '../../src/resources/linux/mountinfo.ts';
import { parseNamespacePids, parseTicks } from '../../src/resources/linux/proc.ts';

/** What a tool or the kernel may say. */
interface HostileOutput {
  readonly what: string;
  readonly read: () => unknown;
  /** The error that is thrown; else what is read. */
  readonly refused?: RegExp;
  readonly means?: unknown;
}

const links = (text: string): string[] =>
  parseIpJson(text)
    .flat()
    .flatMap(toLink)
    .map(({ name }) => name);
const REST = ' S 1 1 1 0 -1 4194560 0 0 0 0 0 0 0 0 20 0 1 0 4711 0 0\n';
const ONE = '{"ifindex":2,"ifname":"web0","flags":["UP"]}';
const MOUNT = '36 35 98:0 / /mnt rw - ext4 /dev/sda rw';
const points = (text: string): string[] => parseMountinfo(text).map(({ point }) => point);

export const TOOL_OUTPUT: readonly HostileOutput[] = [
  ...[') (', 'a) S (b', 'a\nb', '))))', 'sixteen-bytes-xx', '', '('].map((comm) => ({
    what: `stat of a process called ${JSON.stringify(comm)}`,
    read: () => parseTicks(`41 (${comm})${REST}`),
    means: 4711,
  })),
  { what: 'stat that is empty', read: () => parseTicks(''), means: undefined },
  { what: 'stat that is cut off', read: () => parseTicks('41 (x) S 1'), means: undefined },
  { what: 'status of a process called NSpid', read: () => parseNamespacePids('Name:\tNSpid:\t1\nNSpid:\t41\t1\n'), means: [41, 1] },
  { what: 'status without NSpid', read: () => parseNamespacePids('Name:\tx\n'), means: [] },
  { what: 'status that is empty', read: () => parseNamespacePids(''), means: [] },
  { what: 'cgroup of v1 before that of v2', read: () => parseCgroup('12:pids:/0::/x\n0::/ob/demo/web\n'), means: '/ob/demo/web' },
  { what: 'cgroup that is gone', read: () => parseCgroup('0::/ob/demo/web (deleted)\n'), means: '/ob/demo/web (deleted)' },
  { what: 'cgroup that is empty', read: () => parseCgroup(''), means: undefined },
  {
    what: 'a link with @ and UTF-8',
    read: () => links('[{"ifindex":2,"ifname":"we@"},{"ifindex":3,"ifname":"ü🦊"}]'),
    means: ['we@', 'ü🦊'],
  },
  { what: 'no links', read: () => links(''), means: [] },
  { what: 'an empty list', read: () => links('[]'), means: [] },
  { what: 'an entry that vanished', read: () => links(`[{},${ONE}]`), means: ['web0'] },
  { what: 'an unknown key', read: () => links(`[${ONE.replace('{', '{"new":[{"x":1}],"__proto__":{"name":"x"},')}]`), means: ['web0'] },
  {
    what: 'flags that are none',
    read: () => links('[{"ifindex":2,"ifname":"a","flags":7,"linkinfo":"x","addr_info":{"local":1}}]'),
    means: ['a'],
  },
  { what: 'a list that is cut off', read: () => links(`[${ONE},{"ifindex":3,`), refused: /no JSON list/ },
  { what: 'a warning before the list', read: () => links(`Warning: x\n[${ONE}]`), refused: /no JSON list: Warning: x/ },
  { what: 'an object in place of a list', read: () => links(ONE), refused: /no JSON list/ },
  { what: 'what is no JSON', read: () => links('2: web0: <UP>'), refused: /no JSON list/ },
  { what: 'a terminal sequence', read: () => links('\u001b]0;x\u0007'), refused: /no JSON list/ },
  {
    what: '10 000 links',
    read: () => links(`[${Array.from({ length: 10_000 }, (_, index) => ONE.replace('web0', `w${index}`)).join(',')}]`).length,
    means: 10_000,
  },
  {
    what: 'a mount point with every escape',
    read: () => points(MOUNT.replace('/mnt', '/a\\040b\\011c\\012d\\134e')),
    means: ['/a b\tc\nd\\e'],
  },
  { what: 'a mount point called " - "', read: () => points(MOUNT.replace('/mnt', '/a\\040-\\040b')), means: ['/a - b'] },
  { what: 'a mount with many tags', read: () => points(MOUNT.replace(' - ', ` ${'shared:1 '.repeat(1000)}- `)), means: ['/mnt'] },
  { what: 'a mount that is cut off', read: () => points(MOUNT.slice(0, 20)), means: [] },
  { what: 'mountinfo that is empty', read: () => points(''), means: [] },
  { what: 'an escape that is none', read: () => points(MOUNT.replace('/mnt', '/a\\9\\77\\')), means: ['/a\\9\\77\\'] },
];
