import { lstatSync, readdirSync, readFileSync, statSync } from 'node:fs';
import type { Ahead } from './ahead.ts';
import { parseConfinement } from './confinement.ts';
import { type End, readEnd } from './end.ts';
import { unhiddenReader } from './hiding.ts';
import type { Subhost } from './hosts.ts';
import type { Result } from './kind.ts';
import { createLimitReader, type Seen } from './limits.ts';
import { accessOf } from './linux/access.ts';
import { findCgroupRoot, listCgroups } from './linux/cgroup.ts';
import { findPlaces, type Places } from './linux/controllers.ts';
import { cgroupWord, listGroups } from './linux/groups.ts';
import { findMountsOfUppers, type KnownMounts, type UpperUse } from './linux/holders.ts';
import type { Init } from './linux/init.ts';
import type { Inside } from './linux/inside.ts';
import type { Link } from './linux/ip.ts';
import { type Loop, readLoop } from './linux/loop.ts';
import { readTree, type Tree } from './linux/lower-tree.ts';
import { type Mount, type MountEntry, parseMountinfo, readMounts } from './linux/mountinfo.ts';
import { type NetnsName, readNetnsNames } from './linux/netns-names.ts';
import { findWrongOwner, strangerOf, type WrongOwner } from './linux/owners.ts';
import { ifThere, type Lstat, type ProcessId, readLstat } from './linux/proc.ts';
import { readInit, readStrays } from './live-init.ts';
import { markOf, type Owner } from './marks.ts';
import { readMaskable } from './masks.ts';
import { readHostname } from './mender.ts';
import { once, onceFor } from './once.ts';
import { findDeadServices } from './services.ts';
import { netnsOf, readLinks, readSurvey, type Survey } from './survey.ts';
import { readOomKills } from './usage.ts';

/** What a kind is given to work with. */
export interface Machine {
  readonly scope: string;
  /** Absolute name of the reaper binary. */
  readonly reaper: string;
  /** How many start lists may go on at a time in one call of a kind. */
  readonly width: number;
  /** Does something else that takes long (a command of the hosts file) when its turn has come, of all calls of all kinds. */
  readonly turn: <T>(act: () => Promise<T>) => Promise<T>;
  /** Takes what is known of one object before the call ends, so that what waits for it can go on. It is not heard twice. */
  readonly early?: (result: Result) => void;
  /** Aborted: what takes long is not begun any more. */
  readonly signal?: AbortSignal;
  readonly look: Look;
  /** Says what is going on with one object, for the progress display. */
  readonly say: (address: string, text: string) => void;
}

/** The PID 1 of a subhost and what it lives in. */
export interface LiveInit extends Init {
  /** Inode of its network namespace. */
  readonly netns: number | undefined;
  /** Its cgroup below the root of the tree: `/ob/SCOPE/NAME`, unless somebody has moved it. */
  readonly cgroup: string;
  /** All that is mounted inside. */
  readonly mounts: readonly Mount[];
  readonly uptimeSeconds: number;
  /** Devices and links in its /dev, where they have been read with it. */
  readonly devices?: readonly string[];
  /** The same of its host name. */
  readonly hostname?: string;
}

/**
 * One look at the machine. Each thing is read at most once, when first asked for; a new look sees anew.
 * Reads only.
 */
export interface Look {
  /** What there is, is only looked for to be taken away: of a PID 1 that was seen nothing of what is inside is known. */
  readonly inBrief: boolean;
  links(): Promise<readonly Link[]>;
  netnsNames(): readonly NetnsName[];
  inside(netns: string): Promise<Inside | undefined>;
  /** The same of the namespace that a process is in, whether that has a name or not. */
  insideOf(process: Init): Promise<Inside | undefined>;
  mounts(): readonly MountEntry[];
  /** What is at a path, see `Lstat`. */
  readonly lstat: Lstat;
  /** The same, with what belongs to which filesystem. */
  mountinfo(): readonly Mount[];
  /** The file behind the source of a mount. */
  loop(source: string): Loop | undefined;
  /** Is this a directory, and neither it nor what is between it and FOLDER a link? PATH: from FOLDER on. */
  isPlainFolder(folder: string, path: string): boolean;
  cgroupRoot(): string | undefined;
  /** Those of every tree of cgroups. */
  cgroups(): readonly Owner[];
  /** Where limits can be set. */
  places(): Places;
  /** The limits of what is in the groups that a PID 1 is in. */
  limits(owner: Owner, process: ProcessId): Seen;
  /**
   * Read anew at each call, since it may just have been started. Undefined: there is none, or it has ended. Looked for
   * in its cgroup; if it is not there, among all processes: a second one must never be started beside it.
   */
  init(owner: Owner): LiveInit | undefined;
  /** The same of one whose cgroup is gone, as it was when this was first asked of any. */
  stray(owner: Owner): LiveInit | undefined;
  /** The same as it was when this look began, which is read for all of them at once: what plans, asks for this. */
  initSeen(owner: Owner): Promise<LiveInit | undefined>;
  /** Its services that say that they do not run. */
  deadServices(owner: Owner, init: LiveInit): Promise<readonly string[]>;
  /** Devices and links in the /dev of a process; undefined: it cannot be read. */
  devices(init: ProcessId & Pick<LiveInit, 'devices'>): readonly string[] | undefined;
  /** The capabilities that can be given inside: our own. 16 hexadecimal digits. */
  capabilities(): string;
  /** What of /proc and /sys is to be masked inside, of what this kernel has. */
  maskable(): readonly string[];
  /** The host name that is seen inside; undefined: it cannot be known. */
  hostname(init: ProcessId & Pick<LiveInit, 'hostname'>): Promise<string | undefined>;
  /** How a subhost without a PID 1 has ended by itself; undefined: it has not. */
  end(owner: Owner): End | undefined;
  /** Overlays on these upper directories in any mount namespace, by upper directory. */
  mountsOfUppers(uppers: readonly string[], known?: KnownMounts): ReadonlyMap<string, readonly UpperUse[]>;
  /** Tells what of lower a subhost's own layer does not hide although it is to be; OWN: see `ownPaths`. */
  unhidden(own: readonly string[]): (subhost: Subhost) => readonly string[];
  /** What a tree of files is now; undefined: there is none. */
  tree(root: string): Tree | undefined;
  /** Are these two names of one directory, as after a bind mount? */
  isSameDirectory(one: string, other: string): boolean;
  /** What in an upper directory has an owner that is not of the ids of its subhost; FIRST: of these, 0: the machine's. */
  wrongOwner(upper: string, first: number, isOurs?: boolean): WrongOwner | undefined;
  /** The owner of an upper directory, if that is another: see owners.ts. */
  strangerOf(upper: string, first: number): string | undefined;
  /** Who owns a path and what others may do with it: `root 0700`. Undefined: it is not there. */
  accessOf(path: string): string | undefined;
}

/** ISFORPLAN: nearly all of it will be asked for, so one program reads it. AHEAD: what has been read already. INBRIEF: see `Look`. */
export function createLook(reaper: string, isForPlan = false, ahead?: Ahead, inBrief = false): Look {
  const strays = once(readStrays);
  const told = once(() => ahead?.all());
  const mounts = once(() => ahead?.mounts() ?? readMounts());
  const lstat = onceFor(readLstat);
  const netnsNames = once(() => readNetnsNames(mounts, told()?.names));
  const cgroupRoot = once(() => findCgroupRoot(mounts()));
  const places = once(() => findPlaces(mounts()));
  const limitReader = once(() => createLimitReader(places()));
  const cgroups = once(() => {
    const root = cgroupRoot();
    const all = [...(root ? listCgroups(root) : []), ...listGroups(places())];
    return [...new Map(all.map((owner) => [markOf(owner), owner])).values()];
  });
  const stray: Look['stray'] = (owner) => strays().get(markOf(owner));
  const init: Look['init'] = (owner) => readInit(cgroupRoot(), owner) ?? stray(owner);
  const hasCgroups = (): boolean => told()?.root === cgroupRoot();
  const survey = once(async (): Promise<Survey> => {
    // Nobody waits where nothing was begun: what is to be read is asked for before the caller goes on.
    if (ahead) await undefined;
    const seen = told();
    const names = netnsNames().flatMap((one) => (one.real ? one.name : []));
    if (!seen) return readSurvey(reaper, names, { root: cgroupRoot(), owners: cgroups(), withLinks: isForPlan, inBrief });
    const missing = names.filter((name) => !seen.insides.has(name));
    const more = missing.length > 0 ? (await readSurvey(reaper, missing)).insides : [];
    const insides = missing.length > 0 ? new Map([...seen.insides, ...more]) : seen.insides;
    return { insides, inits: hasCgroups() ? seen.inits : new Map() };
  });
  return {
    inBrief,
    links: once(async () => {
      // First what the caller has to do still: to read the hosts file.
      if (ahead) await undefined;
      return ahead?.links() ?? (isForPlan ? (await survey()).links : undefined) ?? readLinks();
    }),
    netnsNames,
    inside: async (netns) => (await survey()).insides.get(netns),
    insideOf: async ({ pid }) => (await readSurvey(reaper, [netnsOf(pid)])).insides.get(netnsOf(pid)),
    mounts,
    lstat,
    unhidden: (own) => unhiddenReader({ mounts, lstat }, own),
    mountinfo: once(() => parseMountinfo(readFileSync('/proc/self/mountinfo', 'utf8'))),
    loop: readLoop,
    isPlainFolder,
    cgroupRoot,
    cgroups,
    places,
    limits: (owner, { pid }) => limitReader()(owner, pid),
    init,
    stray,
    initSeen: async (owner) => (await survey()).inits.get(markOf(owner)) ?? init(owner),
    end: (owner) => readEnd(owner, () => readOomKills(places(), owner)),
    deadServices: async (owner, init) => findDeadServices(reaper, cgroupWord(cgroupRoot() ?? '', places(), owner), init),
    devices: (init) => init.devices ?? readDevices(init),
    hostname: async (init) => init.hostname ?? (await readHostname(reaper, init.pid)),
    maskable: once(readMaskable),
    capabilities: once(() => parseConfinement(readFileSync('/proc/self/status', 'utf8')).capabilities),
    mountsOfUppers: (uppers, known) => findMountsOfUppers(uppers, known, hasCgroups() ? told()?.namespaces : undefined),
    tree: onceFor(readTree),
    isSameDirectory,
    accessOf: (path) => accessOf(path, lstat),
    wrongOwner: findWrongOwner,
    strangerOf,
  };
}

function readDevices({ pid }: ProcessId): string[] | undefined {
  const entries = ifThere(() => readdirSync(`/proc/${pid}/root/dev`, { withFileTypes: true }));
  return entries?.filter((one) => one.isCharacterDevice() || one.isSymbolicLink()).map(({ name }) => name);
}

function isPlainFolder(folder: string, path: string): boolean {
  const parts = path.split('/').filter(Boolean);
  const passed = [folder, ...parts.map((_, index) => [folder, ...parts.slice(0, index + 1)].join('/'))];
  return passed.every((one) => lstatSync(one, { throwIfNoEntry: false })?.isDirectory());
}

function isSameDirectory(one: string, other: string): boolean {
  const a = statSync(one, { throwIfNoEntry: false });
  const b = statSync(other, { throwIfNoEntry: false });
  return a !== undefined && a.ino === b?.ino && a.dev === b.dev;
}
