import { realpathSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { hasCode } from '../../resources/error.ts';

/** What a check has to know of the machine. Injected, so that checks stay pure. */
export interface Facts {
  /** The path without symbolic links, as far as it exists: /proc/mounts shows paths that way. */
  realPath(path: string): string;
  /** A number that two directories share if they are, or would be made, on one filesystem. */
  deviceOf(path: string): number;
  isDirectory(path: string): boolean;
  /** Bridges that exist and are the administrator's own; undefined: not to be known here. */
  readonly bridges: ReadonlySet<string> | undefined;
}

/** Facts of the machine that we run on. */
export function machineFacts(bridges: ReadonlySet<string> | undefined): Facts {
  return {
    realPath,
    deviceOf: (path) => statSync(existing(path)).dev,
    isDirectory: (path) => statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false,
    bridges,
  };
}

function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch (error) {
    // A loop, or a file where a directory should be: said when it is used.
    if (!hasCode(error, 'ENOENT') || path === '/') return path;
    return join(realPath(dirname(path)), basename(path));
  }
}

/** The nearest directory above that exists. */
function existing(path: string): string {
  let at = path;
  while (at !== '/' && !statSync(at, { throwIfNoEntry: false })) at = dirname(at);
  return at;
}
