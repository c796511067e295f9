import { chmodSync, chownSync, closeSync, constants, lstatSync, mkdirSync, openSync, readdirSync, renameSync, type Stats } from 'node:fs';
import { dirname } from 'node:path';
import { hasCode, ObError } from './error.ts';
import { layersOf } from './ids.ts';
import { ifThere, lstatIfThere } from './linux/proc.ts';
import { readOverlayNotes } from './mender.ts';

// INVARIANTS
// - Nothing is copied and nothing deleted: what goes is renamed, each path in one step. Killed anywhere, all of it is either
//   in its place or in what is kept, with its attributes, owners and links.
// - The upper directory belongs to whoever is root inside: no link in it is followed. Each directory on the way is opened
//   from the one before, and what is renamed is named from the last one.

/** From `fcntl.h`; Node has no name for it. */
const O_PATH = 0o10000000;
const FOLDER = O_PATH | constants.O_DIRECTORY | constants.O_NOFOLLOW;

/** The layers of a subhost that does not run. */
export interface Layers {
  readonly upper: string;
  /** As the mount shows it: with the layer that hides a part of it. */
  readonly lower: string;
  readonly work: string;
}

/**
 * Those of PATHS (from the root on, `/` is all) of which the upper directory has anything. Throws where a link is on the
 * way, or where dropping one would not bring back what the tree below has there. Reads only.
 */
export async function findOwn(reaper: string, layers: Layers, paths: readonly string[]): Promise<string[]> {
  const own = paths.filter((path) => isOwn(layers, path));
  await refuseHidden(reaper, layers, own);
  // What is in a directory that goes, goes with it.
  return own.filter((path) => !own.some((other) => other !== path && (other === '/' || path.startsWith(`${other}/`))));
}

function isOwn({ upper, lower: lowerdir }: Layers, path: string): boolean {
  const { lower } = layersOf(lowerdir);
  if (path === '/') return (ifThere(() => readdirSync(upper)) ?? []).length > 0;
  for (const folder of foldersOf(path)) {
    const seen = lstatIfThere(upper + folder);
    if ((seen ?? lstatIfThere(lower + folder))?.isSymbolicLink())
      throw new ObError(`${path} leads through the link ${folder}`, { hint: 'name the place that it leads to' });
    if (!seen?.isDirectory()) return false;
  }
  return lstatIfThere(upper + path) !== undefined;
}

/** In a directory that hides all that the tree below has there, nothing of that comes back. */
async function refuseHidden(reaper: string, { upper, lower: lowerdir }: Layers, paths: readonly string[]): Promise<void> {
  const { lower } = layersOf(lowerdir);
  const folders = [...new Set(paths.flatMap(foldersOf))];
  const notes = await readOverlayNotes(
    reaper,
    folders.map((folder) => upper + folder),
  );
  for (const path of paths) {
    const hiding = foldersOf(path).find((folder) => notes.get(upper + folder) === 'y');
    if (!hiding || !lstatIfThere(lower + path)) continue;
    throw new ObError(`${hiding} hides all that the tree below has there, ${path} too`, { hint: `reset ${hiding}` });
  }
}

/** `/a/b/c`: `/a`, `/a/b`. */
function foldersOf(path: string): string[] {
  const parts = path.split('/').slice(1, -1);
  return parts.map((_, index) => `/${parts.slice(0, index + 1).join('/')}`);
}

/** What has been set aside. */
export interface Kept {
  /** Has it as the upper directory had it. */
  readonly folder: string;
  readonly paths: readonly string[];
  /** What is in its place still, and why. */
  readonly failed: readonly { readonly path: string; readonly words: string }[];
  /** Files of which another name stays: what is written there is written to what is kept as well. */
  readonly shared: readonly string[];
}

/** Moves PATHS, as `findOwn` gives them, out of the upper directory, into a new folder beside the work directory: on the same filesystem. */
export function setAside({ upper, work }: Layers, paths: readonly string[], now = new Date()): Kept {
  const folder = `${makeKeep(dirname(work), now)}/upper`;
  const isAll = paths.includes('/');
  if (!isAll) makeAlike(folder, lstatSync(upper));
  const results = paths.map((path) => ({ path, words: wordsOf(() => (isAll ? moveAll(upper, folder) : moveOne(upper, folder, path))) }));
  return {
    folder,
    paths: results.flatMap(({ path, words }) => (words === '' ? [path] : [])),
    failed: results.flatMap(({ path, words }) => (words ? [{ path, words }] : [])),
    shared: findShared(folder),
  };
}

/** Empty: it is done. Undefined: it has gone by itself, as what stops takes its PID file away. Else why not, e.g. as it is immutable (chattr(1)). */
function wordsOf(act: () => void): string | undefined {
  try {
    act();
    return '';
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined;
    if (error instanceof Error && 'syscall' in error) return error.message.replace(/,.*/, '');
    throw error;
  }
}

/** For root alone: what is set-user-ID in it must not be run by the machine's users. */
function makeKeep(base: string, now: Date): string {
  const stamp = now.toISOString().slice(0, 19).replace(/[-:]/g, '');
  for (let count = 1; ; count++) {
    const keep = `${base}/reset-${stamp}${count > 1 ? `-${count}` : ''}`;
    try {
      mkdirSync(keep, { mode: 0o700 });
      return keep;
    } catch (error) {
      if (!hasCode(error, 'EEXIST')) throw error;
    }
  }
}

function moveAll(upper: string, kept: string): void {
  const seen = lstatSync(upper);
  renameSync(upper, kept);
  // The next start makes it, if this does not come to it.
  makeAlike(upper, seen);
}

function moveOne(upper: string, kept: string, path: string): void {
  const parts = path.split('/').slice(1);
  const name = parts.pop() ?? '';
  let from = openSync(upper, FOLDER);
  let to = openSync(kept, FOLDER);
  try {
    for (const part of parts) {
      const seen = lstatSync(`${pathOf(from)}/${part}`);
      from = step(from, part);
      makeAlike(`${pathOf(to)}/${part}`, seen);
      to = step(to, part);
    }
    renameSync(`${pathOf(from)}/${name}`, `${pathOf(to)}/${name}`);
  } finally {
    closeSync(from);
    closeSync(to);
  }
}

/** From one directory into the next, which must be one. */
function step(folder: number, name: string): number {
  const next = openSync(`${pathOf(folder)}/${name}`, FOLDER);
  closeSync(folder);
  return next;
}

function pathOf(fd: number): string {
  return `/proc/self/fd/${fd}`;
}

/** So that what is kept can be copied back as it is. */
function makeAlike(folder: string, { mode, uid, gid }: Stats): void {
  try {
    mkdirSync(folder, { mode: 0o700 });
  } catch (error) {
    if (hasCode(error, 'EEXIST')) return;
    throw error;
  }
  chownSync(folder, uid, gid);
  chmodSync(folder, mode & 0o7777);
}

function findShared(folder: string): string[] {
  const names = new Map<number, string[]>();
  const links = new Map<number, number>();
  for (const path of listFiles(folder)) {
    const { ino, nlink } = lstatSync(path);
    if (nlink < 2) continue;
    names.set(ino, [...(names.get(ino) ?? []), path]);
    links.set(ino, nlink);
  }
  return [...names].flatMap(([ino, found]) => (found.length < (links.get(ino) ?? 0) ? found : [])).sort();
}

function listFiles(folder: string): string[] {
  return (ifThere(() => readdirSync(folder, { withFileTypes: true })) ?? []).flatMap((one) => {
    const path = `${folder}/${one.name}`;
    return one.isDirectory() ? listFiles(path) : [path];
  });
}
