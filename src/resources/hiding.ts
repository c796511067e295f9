import { mkdirSync, readdirSync, rmdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { hasCode, ObError } from './error.ts';
import { hiddenFrom, hidesSubhosts, MASKS, maskOf, shownTo } from './hidden.ts';
import type { HostsFile, Subhost } from './hosts.ts';
import { layersOf } from './ids.ts';
import { listMaskEntries, listUnhidden, type MaskEntry, toMaskWords } from './linux/mask.ts';
import { type MountEntry, optionValue, readMounts } from './linux/mountinfo.ts';
import type { Lstat } from './linux/proc.ts';
import { unmountRoots } from './linux/roots.ts';
import type { Look, Machine } from './machine.ts';
import { parseMark } from './marks.ts';
import { runForEach } from './reaper.ts';

// INVARIANTS
// - What is in a layer stays in it as long as any root stands on it: what is taken out shows again.
// - A layer is whole before a root is mounted on it, and the folder of a subhost is hidden before it is made.
// - The filesystem of all layers goes when no root that is mounted stands on any. A root that shows nowhere keeps what it has.

/** All that belongs to the subhosts of a file on this machine, and to nobody inside: folders, images, the file itself. */
export function ownPaths({ subhosts, files = [] }: HostsFile): string[] {
  const paths = subhosts.flatMap(({ base, upper, work, live, log, disks = [] }) => [
    ...[base, upper, work, live],
    ...(log ? [log] : []),
    ...disks.map(({ image }) => image),
  ]);
  return [...files, ...paths];
}

/** Of subhosts that are up, in whatever scope, as their mounts show it. */
function pathsOf(mounts: readonly MountEntry[]): string[] {
  return mounts.flatMap(({ source, point, type, options }) => {
    if (!parseMark(source)) return [];
    const paths =
      type === 'overlay' ? [optionValue(options, 'upperdir') ?? point, optionValue(options, 'workdir') ?? point, point] : [point];
    const base = dirname(point);
    const isUsual = ['root', 'work', 'live'].every((name, index) => paths[index] === `${base}/${name}`);
    return isUsual ? [base] : paths;
  });
}

/** What has to be hidden at this moment, by layer; read once for each. OWN: see `ownPaths`. */
function createReader(mounts: readonly MountEntry[], own: readonly string[], lstat?: Lstat): (subhost: Subhost) => readonly MaskEntry[] {
  const points = new Set(mounts.map(({ point }) => point));
  const known = new Map<string, MaskEntry[]>();
  const list = (mask: string, subhost: Subhost): MaskEntry[] => {
    const others = hidesSubhosts(mask) ? [...own, ...pathsOf(mounts)] : [];
    return listMaskEntries(subhost.lower, { hidden: [...hiddenFrom(subhost), ...others], shown: shownTo(subhost) }, points, lstat);
  };
  return (subhost) => {
    const mask = maskOf(subhost) ?? '';
    const entries = known.get(mask) ?? list(mask, subhost);
    known.set(mask, entries);
    return entries;
  };
}

/** Tells what of a subhost's lower layer is not hidden although it is to be, as what came later. */
export function unhiddenReader(
  { mounts, lstat }: Pick<Look, 'mounts' | 'lstat'>,
  own: readonly string[],
): (subhost: Subhost) => readonly string[] {
  const entriesOf = createReader(mounts(), own, lstat);
  const known = new Map<string, string[]>();
  return (subhost) => {
    const mask = maskOf(subhost);
    if (mask === null) return [];
    const unhidden = known.get(mask) ?? listUnhidden(mask, entriesOf(subhost)).sort();
    known.set(mask, unhidden);
    return unhidden;
  };
}

/** Is nothing mounted that stands on the layers that are there? */
export function areLeftOver(mounts: readonly MountEntry[]): boolean {
  return isThere(mounts) && !mounts.some(({ options }) => layersOf(optionValue(options, 'lowerdir') ?? '').mask);
}

function isThere(mounts: readonly MountEntry[]): boolean {
  return mounts.some(({ point, type }) => point === MASKS && type === 'tmpfs');
}

/** Calls of this program that need the layers which are there. */
let users = 0;
let queue: Promise<void> = Promise.resolve();

/** Does something that needs the layers of SUBHOSTS, which are made first. */
export async function withMasks<T>(
  machine: Machine,
  subhosts: readonly Subhost[],
  own: readonly string[],
  act: () => Promise<T>,
): Promise<T> {
  users++;
  try {
    queue = queue.then(() => make(machine, subhosts, own));
    const made = queue;
    queue = queue.catch(() => {});
    await made;
    return await act();
  } finally {
    users--;
  }
}

async function make({ reaper }: Machine, subhosts: readonly Subhost[], own: readonly string[]): Promise<void> {
  // To list it takes a while, in which nothing else is asked for: so the namespaces are under way, for which cables wait.
  await new Promise(setImmediate);
  const mounts = readMounts();
  const entriesOf = createReader(mounts, own);
  const wanted = new Map(subhosts.flatMap((one) => (maskOf(one) ? [[maskOf(one) ?? '', entriesOf(one)]] : [])) as [string, MaskEntry[]][]);
  // What others see of the machine holds the folders of these as well.
  const others = listMasks().filter((mask) => hidesSubhosts(mask) && !wanted.has(mask));
  const folders = others.length > 0 ? listMaskEntries('/', { hidden: own, shown: [] }, new Set(mounts.map(({ point }) => point))) : [];
  for (const mask of others) wanted.set(mask, folders);
  const there = new Set(listMasks());
  const words = [...wanted].flatMap(([mask, entries]) => {
    if (there.has(mask) && listUnhidden(mask, entries).length === 0) return [];
    const folder = mask.slice(MASKS.length + 1);
    return ['folder', folder, '493', '0', '0', ...toMaskWords(folder, entries)];
  });
  if (words.length === 0) return;
  mkdirSync(MASKS, { recursive: true, mode: 0o700 });
  const [error] = (await runForEach(reaper, 'hide', [MASKS, isThere(mounts) ? 'old' : 'new', ...words], ['hide'])).values();
  if (error) throw new ObError(`cannot hide what the subhost is not to see: ${error.message}`, { hint: 'hide: none lets it see all' });
}

/** Takes the layers away once no root stands on any. */
export async function dropMasks({ reaper }: Machine): Promise<void> {
  queue = queue.then(async () => {
    // By now another call may have done so.
    if (users > 0 || !areLeftOver(readMounts())) return;
    const errors = await unmountRoots(reaper, [{ key: 'hide', point: MASKS, depth: 1 }]);
    for (const error of errors.values()) throw error;
    removeMaskFolders();
  });
  const dropped = queue;
  queue = queue.catch(() => {});
  await dropped;
}

/** Where the layers were; where something is mounted still, nothing is done. */
export function removeMaskFolders(): void {
  for (const folder of [MASKS, dirname(MASKS)])
    try {
      rmdirSync(folder);
    } catch (error) {
      if (hasCode(error, 'EBUSY', 'ENOTEMPTY', 'ENOENT')) return;
      throw error;
    }
}

function listMasks(): string[] {
  try {
    return readdirSync(MASKS).map((name) => `${MASKS}/${name}`);
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return [];
    throw error;
  }
}
