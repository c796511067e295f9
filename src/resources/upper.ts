import { lstatSync, readdirSync, type Stats } from 'node:fs';
import { layersOf } from './ids.ts';
import { ifThere, lstatIfThere } from './linux/proc.ts';
import { readOverlayNotes } from './mender.ts';

/** What an upper directory makes of one path of the lower one. */
export interface Difference {
  /** As it is seen inside; that of a directory ends with `/`. */
  readonly path: string;
  /** `replaced`: a directory that hides all that the lower one has there. */
  readonly what: 'added' | 'changed' | 'deleted' | 'replaced';
  /** Of a directory that was added: how many files are in it. */
  readonly files?: number;
  /** The file below has changed since this one was written: what is seen inside may be older. */
  readonly hidesNewer?: true;
}

interface Folder {
  /** From the root on, without `/` at the end. */
  readonly path: string;
  /** Does what the lower directory has there show through? */
  readonly isMerged: boolean;
}

interface Entry extends Folder {
  readonly seen: Stats;
  readonly below: Stats | undefined;
}

/**
 * All that an overlay's upper directory adds to the lower one, changes and hides, by path. The lower one is seen as the
 * overlay sees it: without what is mounted in it. LOWERDIR: as the mount shows it, with the layer that hides a part of it.
 */
export async function listDifferences(reaper: string, upper: string, lowerdir: string): Promise<Difference[]> {
  const below = await openBelow(reaper, lowerdir);
  const found: Difference[] = [];
  // A level at a time: one program reads the attributes of a whole level.
  for (let level: Folder[] = [{ path: '', isMerged: true }]; level.length > 0; ) {
    const entries = level.flatMap((folder) => listEntries(folder, upper, below));
    const notes = await readOverlayNotes(
      reaper,
      entries.filter(mayHaveNote).map(({ path }) => upper + path),
    );
    const next: Folder[] = [];
    for (const entry of entries) {
      const one = toDifference(entry, notes.get(upper + entry.path), upper, below.first);
      if (one) found.push(one);
      if (one?.files === undefined && entry.seen.isDirectory())
        next.push({
          path: entry.path,
          isMerged: entry.isMerged && entry.below?.isDirectory() === true && notes.get(upper + entry.path) !== 'y',
        });
    }
    level = next;
  }
  return found.sort((one, other) => (one.path < other.path ? -1 : 1));
}

function listEntries({ path, isMerged }: Folder, upper: string, below: Below): Entry[] {
  return (ifThere(() => readdirSync(upper + path)) ?? []).flatMap((name) => {
    const own = `${path}/${name}`;
    const seen = lstatIfThere(upper + own);
    if (!seen) return [];
    const stat = isMerged ? below.stat(own) : undefined;
    return [{ path: own, isMerged: stat !== undefined && !below.isEmptied(own), seen, below: stat }];
  });
}

/** All layers below the upper one, as one. */
interface Below {
  readonly first: number;
  /** Of a directory that shows through: only asked for what is in such a one. */
  stat(path: string): Stats | undefined;
  /** Is this a directory in which nothing shows through? */
  isEmptied(path: string): boolean;
}

async function openBelow(reaper: string, lowerdir: string): Promise<Below> {
  const { mask, lower, first } = layersOf(lowerdir);
  const device = lstatSync(lower).dev;
  const emptied = mask === null ? new Map() : await readOverlayNotes(reaper, listFolders(mask));
  const inMask = (path: string): Stats | undefined => (mask === null ? undefined : lstatIfThere(mask + path));
  return {
    first,
    stat(path) {
      const hiding = inMask(path);
      if (hiding && !hiding.isDirectory()) return isWhiteout(hiding) ? undefined : hiding;
      const stat = lstatIfThere(lower + path);
      // What is mounted there hides what the overlay sees; nothing can be said of that.
      return stat?.dev === device ? stat : undefined;
    },
    isEmptied: (path) => mask !== null && emptied.get(mask + path) === 'y',
  };
}

function listFolders(folder: string): string[] {
  const entries = ifThere(() => readdirSync(folder, { withFileTypes: true })) ?? [];
  return [folder, ...entries.flatMap((one) => (one.isDirectory() ? listFolders(`${folder}/${one.name}`) : []))];
}

function isWhiteout(stat: Stats): boolean {
  return stat.isCharacterDevice() && stat.rdev === 0;
}

/** Attributes are read where they make a difference only. */
function mayHaveNote({ seen, below }: Entry): boolean {
  return seen.isDirectory() ? below?.isDirectory() === true : seen.isFile() && seen.size === 0;
}

/** FIRST: what the tree below has of the machine's is shown as of these ids, see ids.ts. */
function toDifference({ path, seen, below }: Entry, note: string | undefined, upper: string, first: number): Difference | undefined {
  // Whiteouts are character devices 0/0, or empty files with an attribute.
  if (isWhiteout(seen) || (seen.isFile() && note === 'whiteout'))
    return below ? { path: below.isDirectory() ? `${path}/` : path, what: 'deleted' } : undefined;
  if (!seen.isDirectory()) {
    const hidesNewer = below && below.ctimeMs > seen.ctimeMs ? ({ hidesNewer: true } as const) : {};
    return { path, what: below ? 'changed' : 'added', ...hidesNewer };
  }
  if (!below?.isDirectory()) return { path: `${path}/`, what: below ? 'changed' : 'added', files: countFiles(upper + path) };
  if (note === 'y') return { path: `${path}/`, what: 'replaced' };
  const isSame = seen.mode === below.mode && seen.uid === below.uid + first && seen.gid === below.gid + first;
  return isSame ? undefined : { path: `${path}/`, what: 'changed' };
}

function countFiles(folder: string): number {
  const entries = ifThere(() => readdirSync(folder, { withFileTypes: true })) ?? [];
  return entries.reduce((sum, one) => sum + (one.isDirectory() ? countFiles(`${folder}/${one.name}`) : 1), 0);
}
