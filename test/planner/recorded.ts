import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Facts, What } from '../../src/planner/hosts/facts.ts';
import { parseHostsFile } from '../../src/planner/hosts/read.ts';
import { listDesired, readWorld, type World } from '../../src/planner/live.ts';
import { makePlan, type Plan } from '../../src/planner/plan.ts';
import { bootDigest } from '../../src/resources/boot.ts';
import { type Confinement, confinementOf } from '../../src/resources/confinement.ts';
import type { End } from '../../src/resources/end.ts';
import { maskOf } from '../../src/resources/hidden.ts';
import type { HostsFile } from '../../src/resources/hosts.ts';
import { lowerdirOf } from '../../src/resources/ids.ts';
import { kinds } from '../../src/resources/index.ts';
import type { Seen } from '../../src/resources/limits.ts';
import { ownerOf } from '../../src/resources/link-rules.ts';
import { ROOT_ALONE } from '../../src/resources/linux/access.ts';
import { CONTROLLERS } from '../../src/resources/linux/controllers.ts';
import type { UpperUse } from '../../src/resources/linux/holders.ts';
import type { Image } from '../../src/resources/linux/image.ts';
import { parseInit } from '../../src/resources/linux/init.ts';
import type { Inside } from '../../src/resources/linux/inside.ts';
import type { Link, Route } from '../../src/resources/linux/ip.ts';
import type { Loop } from '../../src/resources/linux/loop.ts';
import type { Tree } from '../../src/resources/linux/lower-tree.ts';
import { parseMountinfo, parseMounts } from '../../src/resources/linux/mountinfo.ts';
import type { WrongOwner } from '../../src/resources/linux/owners.ts';
import type { LiveInit, Look } from '../../src/resources/machine.ts';
import { parseMark } from '../../src/resources/marks.ts';

/** A machine as it was read, all by name; see fixtures/plans/README.md. */
interface Recorded {
  readonly links: Readonly<Record<string, Partial<Link>>>;
  readonly netns: Readonly<Record<string, RecordedNetns>>;
  readonly mounts: Readonly<Record<string, string | readonly string[]>>;
  readonly inits: Readonly<Record<string, RecordedInit>>;
  /** Subhosts whose namespace is there although its name shows it no longer. */
  readonly nameless?: readonly string[];
  /** What this kernel has of what is masked inside. */
  readonly maskable: readonly string[];
  /** What can be given inside; left out: all. */
  readonly capabilities?: string;
  /** Who owns folders of subhosts; left out: root alone. */
  /** By upper directory. */
  readonly wrongOwners?: Readonly<Record<string, WrongOwner>>;
  /** By upper directory: whom it belongs to. */
  readonly strangers?: Readonly<Record<string, string>>;
  readonly owners?: Readonly<Record<string, string>>;
  readonly sameDirectories?: Readonly<Record<string, string>>;
  /** Lines of /proc/self/mountinfo by name, beside the root's; only filesystems of images are looked for there. */
  readonly mountinfo?: Readonly<Record<string, string>>;
  /** Trees below that differ from what was kept when roots were mounted; of others nothing is known. */
  readonly trees?: Readonly<Record<string, { readonly stamp: string; readonly isChanging?: boolean }>>;
  readonly loops?: Readonly<Record<string, Loop>>;
  /** What a subhost's layer does not hide although it is to be. */
  readonly unhidden?: Readonly<Record<string, readonly string[]>>;
  /** Directories that are missing, each as FOLDER/PATH. */
  readonly missing?: readonly string[];
  /** By upper directory: the overlays on it. */
  readonly uppers?: Readonly<Record<string, readonly UpperUse[]>>;
}

interface RecordedNetns {
  readonly inode: number;
  readonly isFile?: boolean;
  readonly layers?: number;
  readonly links?: Readonly<Record<string, Partial<Link>>>;
  readonly routes?: readonly Partial<Route>[];
  /** See `Inside.firstId`. */
  readonly first?: number;
}

interface RecordedInit {
  readonly hasEnded?: boolean;
  /** How it has ended by itself. */
  readonly end?: End;
  readonly pid: number;
  readonly netns: number;
  /** See `Init.firstId`. */
  readonly first?: number;
  readonly cgroup?: string;
  readonly dead?: readonly string[];
  /** What is missing in its /dev. */
  readonly lacks?: readonly string[];
  /** Left out: the default. */
  readonly limits?: Seen;
  /** Left out: its name. */
  readonly hostname?: string;
  /** Left out: the default one. */
  readonly confinement?: Confinement;
  readonly arguments: readonly string[];
  readonly mounts: Readonly<Record<string, string>>;
}

export const PLANS = fileURLToPath(new URL('../../fixtures/plans', import.meta.url));

export interface Recording {
  readonly file: HostsFile;
  readonly world: World;
  readonly plan: Plan;
}

export function listRecordings(): string[] {
  return readdirSync(PLANS, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name)
    .sort();
}

/** What `ob` would make of a folder in fixtures/plans; the first line of its hosts file may say how it is called. */
export async function readRecording(name: string): Promise<Recording> {
  const base: unknown = JSON.parse(readFileSync(`${PLANS}/live.json`, 'utf8'));
  const patch: unknown = JSON.parse(readFileSync(`${PLANS}/${name}/live.json`, 'utf8'));
  const recorded = mergePatch(base, patch) as Recorded;
  const text = readFileSync(`${PLANS}/${name}/hosts.yaml`, 'utf8');
  const [, command = '', names] = /^# ob (plan --limit|stop|restart|destroy) (\S+)$/m.exec(text) ?? [];
  const all = Object.entries((base as Recorded).netns);
  const nameless = Object.fromEntries(all.filter(([one]) => recorded.nameless?.includes(one)));
  const look = toLook(recorded, nameless, bootDigests());
  const file = parseHostsFile(text, '/etc/ob/hosts.yaml', factsOf(await look.links()));
  const desired = command === 'stop' || command === 'destroy' ? [] : listDesired(kinds, file);
  const machine = { scope: file.scope, reaper: '/nowhere', width: 1, turn: <T>(act: () => Promise<T>) => act(), look, say: () => {} };
  const world = await readWorld(kinds, machine, desired);
  const order = command === 'stop' || command === 'restart' ? ({ order: command } as const) : {};
  return { file, world, plan: makePlan(kinds, desired, world, { limit: names ? new Set(names.split(',')) : undefined, ...order }) };
}

/** JSON Merge Patch, RFC 7396: objects are merged, null removes, all else replaces. */
function mergePatch(target: unknown, patch: unknown): unknown {
  if (!isObject(patch)) return patch;
  const merged: Record<string, unknown> = isObject(target) ? { ...target } : {};
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete merged[key];
    else merged[key] = mergePatch(merged[key], value);
  }
  return merged;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A machine on which every path is as it is written, and a directory; one that ends in .sh is a program. */
function factsOf(links: readonly Link[]): Facts {
  const bridges = links.filter((link) => link.kind === 'bridge' && !ownerOf(link)).map((link) => link.name);
  const whatIs = (path: string): What => (path.endsWith('.sh') ? 'program' : 'directory');
  return { realPath: (path) => path, deviceOf: () => 1, whatIs, bridges: new Set(bridges), image, disk: () => ({ device: '254:0' }) };
}

/** Every image holds ext4, from its begin, and from as many MiB on as a partition has for number. */
function image(_: string, partition: number | null): Image {
  const range = partition === null ? { offset: 0, size: 0 } : { offset: partition << 20, size: 1 << 20 };
  return { range, type: 'ext4' };
}

/** `BOOT` in a recorded argument list: the digest of the subhost as the recorded machine was booted from. */
function bootDigests(): ReadonlyMap<string, string> {
  const text = readFileSync(`${PLANS}/nothing-to-do/hosts.yaml`, 'utf8');
  const { scope, subhosts } = parseHostsFile(text, '/etc/ob/hosts.yaml', { ...factsOf([]), bridges: undefined });
  return new Map(subhosts.map((subhost) => [`${scope}/${subhost.name}`, bootDigest(subhost)]));
}

/** NAMELESS: namespaces that there are although no name shows them. */
function toLook(recorded: Recorded, nameless: Recorded['netns'], digests: ReadonlyMap<string, string>): Look {
  const { netns, inits, sameDirectories = {}, mountinfo = {}, loops = {}, missing = [], uppers = {}, maskable } = recorded;
  const init: Look['init'] = ({ scope, name }) => toInit(inits[`${scope}/${name}`], `${scope}/${name}`, digests);
  return {
    links: async () => toLinks(recorded.links),
    netnsNames: () =>
      Object.entries(netns).map(([name, { inode, isFile = false, layers = 1 }]) => ({ name, inode, real: !isFile, layers })),
    async insideOf({ pid }) {
      const inode = Object.values(inits).find((init) => init.pid === pid)?.netns;
      return toInside(Object.values(nameless).find((one) => one.inode === inode));
    },
    inside: async (name) => toInside(netns[name]),
    mounts: () => {
      const entries = parseMounts(`${withMasks(Object.values(recorded.mounts).flat().join('\n'))}\n`);
      const more = parseMountinfo(Object.values(mountinfo).join('\n')).filter(({ point }) => !entries.some((one) => one.point === point));
      return [...entries, ...more.map((one) => ({ ...one, options: [...one.options, ...one.superOptions] }))];
    },
    mountinfo: () => parseMountinfo(['1 0 254:0 / / rw - ext4 /dev/root rw', ...Object.values(mountinfo)].join('\n')),
    loop: (source) => loops[source],
    isPlainFolder: (folder, path) => !missing.includes(`${folder}/${path}`),
    cgroupRoot: () => '/sys/fs/cgroup',
    cgroups: () => Object.keys(inits).flatMap((name) => parseMark(`ob:${name}`) ?? []),
    init,
    initSeen: async (owner) => init(owner),
    stray: () => undefined,
    inBrief: false,
    places: () => new Map(CONTROLLERS.map((controller) => [controller, { version: 2, root: '/sys/fs/cgroup' }])),
    limits: ({ scope, name }) => inits[`${scope}/${name}`]?.limits ?? { pids: 2048 },
    end: ({ scope, name }) => inits[`${scope}/${name}`]?.end,
    deadServices: async ({ scope, name }) => inits[`${scope}/${name}`]?.dead ?? [],
    devices: ({ pid }) => {
      const { lacks = [] } = Object.values(inits).find((init) => init.pid === pid) ?? {};
      return IN_DEV.filter((name) => !lacks.includes(name));
    },
    hostname: async ({ pid }) => {
      const [owner, init] = Object.entries(inits).find((one) => one[1].pid === pid) ?? [];
      return init?.hostname ?? owner?.split('/')[1];
    },
    mountsOfUppers: (wanted) => new Map(wanted.flatMap((upper) => (uppers[upper] ? [[upper, uppers[upper]]] : []))),
    maskable: () => maskable,
    unhidden:
      () =>
      ({ name }) =>
        recorded.unhidden?.[name] ?? [],
    capabilities: () => recorded.capabilities ?? confinementOf('trusted').capabilities,
    tree: (root) => recorded.trees?.[root] && treeOf(recorded.trees[root]),
    isSameDirectory: (one, other) => sameDirectories[one] === other,
    wrongOwner: (upper) => recorded.wrongOwners?.[upper],
    strangerOf: (upper) => recorded.strangers?.[upper],
    lstat: () => undefined,
    accessOf: (path) => recorded.owners?.[path] ?? ROOT_ALONE,
  };
}

/** STAMP: of the tree as it is now. */
function treeOf({ stamp, isChanging = false }: { readonly stamp: string; readonly isChanging?: boolean }): Tree {
  const [shape = '', content = ''] = stamp.split('-');
  return { shape, content: () => content, changedAt: Date.UTC(2026, 10, 24), isChanging: () => isChanging };
}

/** `MASK` in a recorded line: the layer that hides the usual of `/`. */
function withMasks(lines: string): string {
  const mask = maskOf({ lower: '/', upper: '', live: '-', base: '-', start: [] });
  return lines.replaceAll('=MASK:', `=${mask}:`).replaceAll('=MAPPED,', `=${lowerdirOf('/', mask, 589824)},`);
}

const IN_DEV = 'fd full null ptmx random stderr stdin stdout tty urandom zero'.split(' ');

function toInside({ links, routes = [], first = 0 }: Partial<RecordedNetns> = {}): Inside | undefined {
  return (
    links && {
      ...(first === undefined ? {} : { firstId: first }),
      links: toLinks(links),
      routes: routes.map((route) => ({ ...NO_ROUTE, ...route })),
    }
  );
}

const NO_ROUTE: Route = { gateway: undefined, link: undefined };
const NO_LINK: Omit<Link, 'name'> = {
  index: 0,
  up: false,
  mtu: 1500,
  kind: undefined,
  master: undefined,
  group: 0,
  alias: undefined,
  mac: undefined,
  peerIndex: undefined,
  addresses: [],
};

function toLinks(links: Recorded['links']): Link[] {
  return Object.entries(links).map(([name, link]) => ({ ...NO_LINK, ...link, name }));
}

function toInit(recorded: RecordedInit | undefined, name: string, digests: ReadonlyMap<string, string>): LiveInit | undefined {
  if (!recorded || recorded.hasEnded) return undefined;
  const { pid, netns } = recorded;
  const words = recorded.arguments.map((word) => (word === 'BOOT' ? (digests.get(name) ?? word) : word));
  const init = parseInit(words, `ob:${name}`);
  const mounts = parseMountinfo(`${withMasks(Object.values(recorded.mounts).join('\n'))}\n`);
  const confinement = recorded.confinement ?? confinementOf('default');
  return (
    init && {
      ...init,
      firstId: recorded.first ?? 0,
      confinement,
      pid,
      ticks: 1,
      netns,
      cgroup: recorded.cgroup ?? `/ob/${name}`,
      mounts,
      uptimeSeconds: 1,
    }
  );
}
