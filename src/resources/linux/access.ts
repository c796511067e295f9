import { closeSync, constants, fchmodSync, fchownSync, openSync } from 'node:fs';
import { type Lstat, lstatIfThere, statIfThere } from './proc.ts';

/** What `accessOf` says of a directory that root alone may look into. */
export const ROOT_ALONE = 'root 0700';

/** Who owns a path, and what others may do with it: `root 0700`, `1000:50 0755`. Undefined: it is not there. */
export function accessOf(path: string, lstat?: Lstat): string | undefined {
  const seen = lstatIfThere(path, lstat);
  const stat = seen?.isSymbolicLink() ? statIfThere(path) : seen;
  if (!stat) return undefined;
  const owner = stat.uid === 0 && stat.gid === 0 ? 'root' : `${stat.uid}:${stat.gid}`;
  return `${owner} ${(stat.mode & 0o7777).toString(8).padStart(4, '0')}`;
}

/** Makes a directory one that root alone may look into. */
export function takeForRoot(path: string): void {
  const fd = openSync(path, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    fchownSync(fd, 0, 0);
    fchmodSync(fd, 0o700);
  } finally {
    closeSync(fd);
  }
}
