import { lstatSync, realpathSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { hasCode } from '../../resources/error.ts';

/** `other`: a directory can neither be found nor be made there. `unknown`: we may not look. */
export type What = 'directory' | 'nothing' | 'other' | 'unknown';

/** What a check has to know of the machine. Injected, so that checks stay pure. */
export interface Facts {
  /** The path without symbolic links, as far as it exists: /proc/mounts shows paths that way. */
  realPath(path: string): string;
  /** A number that two directories share if they are, or would be made, on one filesystem; undefined: not to be known. */
  deviceOf(path: string): number | undefined;
  whatIs(path: string): What;
  /** Bridges that exist and are the administrator's own; undefined: not to be known here. */
  readonly bridges: ReadonlySet<string> | undefined;
}

/** Facts of the machine that we run on. */
export function machineFacts(bridges: ReadonlySet<string> | undefined): Facts {
  return { realPath, deviceOf, whatIs, bridges };
}

function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch (error) {
    // A loop, or a file where a directory should be: `whatIs` tells.
    if (!hasCode(error, 'ENOENT') || path === '/') return path;
    return join(realPath(dirname(path)), basename(path));
  }
}

/** A directory that is yet to be made will be on the filesystem of the nearest one above it. */
function deviceOf(path: string): number | undefined {
  try {
    return statSync(path).dev;
  } catch (error) {
    return hasCode(error, 'ENOENT') ? deviceOf(dirname(path)) : undefined;
  }
}

function whatIs(path: string): What {
  try {
    return statSync(path).isDirectory() ? 'directory' : 'other';
  } catch (error) {
    // Nothing can be made where a symbolic link leads nowhere.
    if (hasCode(error, 'ENOENT')) return isThere(path) ? 'other' : 'nothing';
    return hasCode(error, 'ELOOP', 'ENOTDIR', 'ENAMETOOLONG') ? 'other' : 'unknown';
  }
}

function isThere(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
}
