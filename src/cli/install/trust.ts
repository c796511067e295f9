import { realpathSync, statSync } from 'node:fs';
import { dirname } from 'node:path';

/** The first of these files, or of the folders above one, that somebody other than root may change. */
export function findUntrusted(paths: readonly string[]): string | undefined {
  return paths.flatMap((path) => withParents(realpathSync(path))).find(isOpen);
}

function withParents(path: string): string[] {
  const above = dirname(path);
  return above === path ? [path] : [path, ...withParents(above)];
}

function isOpen(path: string): boolean {
  const { uid, gid, mode } = statSync(path);
  const isWritable = (mode & 0o002) !== 0 || ((mode & 0o020) !== 0 && gid !== 0);
  // In a sticky folder others may add files, and not replace root's.
  return uid !== 0 || (isWritable && (mode & 0o1000) === 0);
}
