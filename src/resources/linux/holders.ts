import { readdirSync } from 'node:fs';
import { ObError } from '../error.ts';
import { markOf, parseMark } from '../marks.ts';
import { type Mount, optionValue, parseMountinfo } from './mountinfo.ts';
import { describeProcess, ifThere, listPids, readIfThere, readLinkIfThere, statIfThere } from './proc.ts';

/** Processes that keep a directory tree busy: their root, working directory, program or an open file is in it. */
function findHolders(folder: string): string[] {
  return listPids()
    .filter((pid) => isHolding(pid, folder))
    .slice(0, 8)
    .map(describeProcess);
}

/** What to say of a mount that could not be unmounted. */
export function explainBusy({ message }: ObError, point: string): ObError {
  if (!/busy/.test(message)) return new ObError(`cannot unmount ${point}: ${message}`);
  const who = findHolders(point).join(', ') || 'somebody unseen';
  return new ObError(`${point} is in use by ${who}`, { hint: 'end those processes, then run this again' });
}

function isHolding(pid: number, folder: string): boolean {
  const own = ['root', 'cwd', 'exe'].map((name) => readLinkIfThere(`/proc/${pid}/${name}`));
  return [...own, ...openFiles(pid)].some((path) => path === folder || path?.startsWith(`${folder}/`));
}

function openFiles(pid: number): (string | undefined)[] {
  const names = ifThere(() => readdirSync(`/proc/${pid}/fd`)) ?? [];
  return names.map((fd) => readLinkIfThere(`/proc/${pid}/fd/${fd}`));
}

/** An overlay that uses an upper directory. */
export interface UpperUse {
  readonly source: string;
  /** MAJOR:MINOR of the overlay: what tells two of them apart, and copies of one not. */
  readonly device: string;
  readonly point: string;
  /** A process that sees it. */
  readonly pid: number;
}

/** Where such an overlay is, for a person. */
export function whereOf({ source, point, pid }: UpperUse): string {
  const owner = parseMark(source);
  return `${owner ? markOf(owner) : source} on ${point}, seen by process ${describeProcess(pid)}`;
}

/**
 * By upper directory: the overlays in any mount namespace that use it. One that was started by other means, in a
 * namespace of its own, does not show in our /proc/mounts. KNOWN: what has been read already, by process. TOLD: what has been
 * told of all namespaces.
 */
export function findMountsOfUppers(uppers: readonly string[], known: KnownMounts = new Map(), told?: Namespaces): Map<string, UpperUse[]> {
  const found = new Map<string, UpperUse[]>();
  if (uppers.length === 0) return found;
  // One that was not told of has come since, and others with it.
  if (told && ![...known.keys()].every((pid) => told.has(pid))) return findMountsOfUppers(uppers, known);
  const find = createFinder(uppers);
  let isSeen: ReturnType<typeof createMemory> | undefined;
  for (const pid of onePerMountNamespace([...known.keys()], told)) {
    const mounts = known.get(pid) ?? told?.get(pid)?.mounts;
    if (!mounts) isSeen ??= createMemory(known);
    const overlays = mounts?.filter(isOverlay) ?? readOverlays(pid, isSeen);
    // It has ended since that was told: another one may be in its namespace still.
    if (!overlays && told) return findMountsOfUppers(uppers, known);
    for (const { source, point, device, superOptions } of overlays ?? []) {
      const upper = find(device, optionValue(superOptions, 'upperdir'));
      if (upper !== undefined) found.set(upper, [...(found.get(upper) ?? []), { source, device, point, pid }]);
    }
  }
  return found;
}

export type KnownMounts = ReadonlyMap<number, readonly Mount[]>;

/** Mount namespaces, each by a process in it: all that there are. */
export type Namespaces = ReadonlyMap<number, MountNamespace>;

export interface MountNamespace {
  readonly number: number;
  /** What is mounted there, or of it only the overlays of which no other of these namespaces has a copy. Undefined: not told. */
  readonly mounts: readonly Mount[] | undefined;
}

function isOverlay({ type }: Mount): boolean {
  return type === 'overlay';
}

/** Tells whether a line of mountinfo is of an overlay that shows among KNOWN as well: copies of it say nothing new. */
function createMemory(known: KnownMounts): (line: string) => boolean {
  const overlays = [...known.values()].flatMap((mounts) => mounts.filter(isOverlay));
  const seen = new Set(overlays.map(({ device, superOptions }) => `${device} ${optionValue(superOptions, 'upperdir')}`));
  return (line) => seen.has(`${line.split(' ', 3)[2]} ${/,upperdir=([^,]*)/.exec(line)?.[1]}`);
}

/** Only these lines are taken apart: each of many namespaces may have a copy of all mounts of the machine. Undefined: it has ended. */
function readOverlays(pid: number, isSeen: (line: string) => boolean = () => false): Mount[] | undefined {
  const text = readIfThere(`/proc/${pid}/mountinfo`);
  const lines = text?.split('\n').filter((line) => line.includes(' - overlay ') && !isSeen(line));
  return lines && parseMountinfo(lines.join('\n'));
}

/** Which of UPPERS an overlay is on: it may have been told another name of the same directory. */
function createFinder(uppers: readonly string[]): (device: string, path: string | undefined) => string | undefined {
  const names = new Set(uppers);
  let byId: Map<string | undefined, string> | undefined;
  const known = new Map<string, string | undefined>();
  return (device, path) => {
    if (path === undefined || names.has(path)) return path;
    byId ??= new Map(uppers.flatMap((upper) => (idOf(upper) ? [[idOf(upper), upper]] : [])));
    if (!known.has(device)) known.set(device, byId.get(idOf(path)));
    return known.get(device);
  };
}

function idOf(path: string): string | undefined {
  const seen = statIfThere(path);
  return seen && `${seen.dev} ${seen.ino}`;
}

/** FIRST: rather these than others in the same one. */
function onePerMountNamespace(first: readonly number[], told?: Namespaces): number[] {
  const byNamespace = new Map<string | number, number>();
  for (const pid of new Set([...first, ...(told?.keys() ?? listPids())])) {
    const namespace = told ? told.get(pid)?.number : readLinkIfThere(`/proc/${pid}/ns/mnt`);
    if (namespace && !byNamespace.has(namespace)) byNamespace.set(namespace, pid);
  }
  return [...byNamespace.values()];
}
