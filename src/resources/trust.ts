import { lstatSync, readlinkSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';

/** As many links as Linux itself follows: path_resolution(7). */
const MAX_LINKS = 40;

/** The first of these files, or of the folders and links on the way to one, that somebody other than root may change. */
export function findUntrusted(paths: readonly string[]): string | undefined {
  return paths.flatMap((path) => onTheWay(resolve(path))).find(isOpen);
}

/** Everything that is passed on the way to a file: who may put another link in the place of one decides what the path means. */
function onTheWay(path: string, links = 0): string[] {
  const passed = ['/'];
  const parts = path.split('/').filter(Boolean);
  for (const [index, part] of parts.entries()) {
    const at = join(passed.at(-1) ?? '/', part);
    passed.push(at);
    if (!lstatSync(at).isSymbolicLink()) continue;
    if (links === MAX_LINKS) return passed;
    const target = resolve(dirname(at), readlinkSync(at), ...parts.slice(index + 1));
    return [...passed, ...onTheWay(target, links + 1)];
  }
  return passed;
}

function isOpen(path: string): boolean {
  const seen = lstatSync(path);
  if (seen.uid !== 0) return true;
  // A link has no mode of its own.
  if (seen.isSymbolicLink()) return false;
  const isWritable = (seen.mode & 0o002) !== 0 || ((seen.mode & 0o020) !== 0 && seen.gid !== 0);
  // In a sticky folder others may add files, and not replace root's.
  return isWritable && !(seen.isDirectory() && (seen.mode & 0o1000) !== 0);
}
