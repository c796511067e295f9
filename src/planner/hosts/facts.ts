import { realpathSync, type Stats, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { hasCode } from '../../resources/error.ts';
import { type Disk, findDeviceProblem, readDisk } from '../../resources/linux/block.ts';
import { type Image, readImage } from '../../resources/linux/image.ts';
import { mountOver, readMounts } from '../../resources/linux/mountinfo.ts';
import { firstIdOf, readUsedIds, type UsedIds } from '../../resources/linux/owners.ts';
import { type Lstat, readLstat } from '../../resources/linux/proc.ts';
import { findUntrusted } from '../../resources/trust.ts';

/** `program`: a file that can be executed. `other`: a directory can neither be found nor be made there. `unknown`: we may not look. */
export type What = 'directory' | 'nothing' | 'program' | 'other' | 'unknown';

/** A command in the place of a value, in the file CONFIG. */
export interface Question {
  readonly argv: readonly string[];
  readonly folder: string;
  readonly config: string;
  readonly env: Readonly<Record<string, string>>;
}

/** What it printed without the last newline, or why there is no answer. */
export type Answer = { readonly output: string; readonly error?: undefined } | { readonly error: string; readonly output?: undefined };

/** What a check has to know of the machine. Injected, so that checks stay pure. */
export interface Facts {
  /** The path without symbolic links, as far as it exists: /proc/mounts shows paths that way. */
  realPath(path: string): string;
  /** A number that two directories share if they are, or would be made, on one filesystem; undefined: not to be known. */
  deviceOf(path: string): number | undefined;
  whatIs(path: string): What;
  /** Bridges that exist and are the administrator's own; undefined: not to be known here. */
  readonly bridges: ReadonlySet<string> | undefined;
  /** Runs a command whose output is a value; left out where none may be run. */
  readonly answer?: (question: Question) => Answer;
  /** What is in a file with a filesystem; undefined: we may not look. Left out where images do not matter. */
  readonly image?: (path: string, partition: number | null) => Image | undefined;
  /** The disk that a path is on, or is; undefined: we may not look. Left out where disks do not matter. */
  readonly disk?: (path: string) => Disk | undefined;
  /** Why a path is no device, in words; undefined: it is one. Left out where devices do not matter. */
  readonly deviceProblem?: (path: string) => string | undefined;
  /** The mount point, other than `/`, of the filesystem that a path is on; undefined: none. Left out where mounts do not matter. */
  readonly mountedAt?: (path: string) => string | undefined;
  /** The first of the ids that a directory belongs to, if it belongs to root of a subhost with ids of its own. Left out where ids do not matter. */
  readonly firstIdOf?: (path: string) => number | undefined;
  /** Ids that others have for their own. */
  readonly usedIds?: () => readonly UsedIds[];
  /** The file, or the folder above it, that others than root can change; left out where it does not matter. */
  readonly untrusted?: (path: string) => string | undefined;
}

/** Facts of the machine that we run on. LSTAT: of who asks for more of the same paths. */
export function machineFacts(bridges: ReadonlySet<string> | undefined, answer?: Facts['answer'], lstat = readLstat): Facts {
  const stats = new Map<string, Stats>();
  const stat = createStat(stats);
  const realPath = createRealPath(stats, lstat);
  return {
    realPath,
    deviceOf: (path) => deviceOf(path, stat),
    whatIs: (path) => whatIs(path, stat),
    bridges,
    image: readImage,
    disk: readDisk,
    deviceProblem: findDeviceProblem,
    mountedAt: (path) => mountOver(realPath(path), readMounts()),
    firstIdOf,
    usedIds: readUsedIds,
    untrusted: (path) => findUntrusted([path]),
    ...(answer ? { answer } : {}),
  };
}

/** What has been found of a folder holds for all that is in it. STATS: of what has been met, which need not be asked for again. */
function createRealPath(stats: Map<string, Stats>, lstat: Lstat): (path: string) => string {
  const known = new Map([['/', '/']]);
  const realPath = (path: string): string => {
    const real = known.get(path) ?? find(path);
    known.set(path, real);
    return real;
  };
  /** PATH with the folder that it is in by its real path. */
  const nextTo = (path: string): string => {
    const at = path.lastIndexOf('/');
    const name = path.slice(at + 1);
    if (name === '' || name === '.' || name === '..') return join(realPath(dirname(path)), basename(path));
    // Nearly always; what node:path does goes through each character several times.
    const folder = at === 0 ? '/' : realPath(path.slice(0, at));
    return folder === '/' ? `/${name}` : `${folder}/${name}`;
  };
  /** PATH is absolute. */
  const find = (path: string): string => {
    try {
      const here = nextTo(path);
      const seen = lstat(here);
      if (seen?.isSymbolicLink()) return realpathSync.native(here);
      if (seen) stats.set(here, seen);
      return here;
    } catch (error) {
      // A loop, or a file where a directory should be: `whatIs` tells.
      if (!hasCode(error, 'ENOENT')) return path;
      return nextTo(path);
    }
  };
  return realPath;
}

type Stat = (path: string) => Stats;

/** Asks for each path that is there once. KNOWN: what has been asked for. */
function createStat(known: Map<string, Stats>): Stat {
  return (path) => {
    const stat = known.get(path) ?? statSync(path);
    known.set(path, stat);
    return stat;
  };
}

/** A directory that is yet to be made will be on the filesystem of the nearest one above it. */
function deviceOf(path: string, stat: Stat): number | undefined {
  try {
    return stat(path).dev;
  } catch (error) {
    return hasCode(error, 'ENOENT') ? deviceOf(dirname(path), stat) : undefined;
  }
}

function whatIs(path: string, statOf: Stat): What {
  try {
    const stat = statOf(path);
    if (stat.isDirectory()) return 'directory';
    return stat.isFile() && (stat.mode & 0o111) !== 0 ? 'program' : 'other';
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return whatIsUnfound(path, statOf);
    return hasCode(error, 'ELOOP', 'ENOTDIR', 'ENAMETOOLONG') ? 'other' : 'unknown';
  }
}

/** Nothing can be made where a symbolic link leads nowhere; what is there by now another run has just made. */
function whatIsUnfound(path: string, statOf: Stat): What {
  const there = readLstat(path);
  if (!there) return 'nothing';
  return there.isSymbolicLink() ? 'other' : whatIs(path, statOf);
}
