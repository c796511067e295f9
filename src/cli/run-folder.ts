import { lstatSync, mkdirSync } from 'node:fs';
import { hasCode, ObError } from '../resources/error.ts';

/** What `ob` keeps until the machine is booted anew: the lock, and the records of subhosts. */
export const RUN_FOLDER = '/run/ob';

/** What root alone has made: through a link, or where others may write, a lock is none, and a record is not to be believed. */
export function makeRunFolder(): void {
  try {
    mkdirSync(RUN_FOLDER, { mode: 0o700 });
  } catch (error) {
    if (!hasCode(error, 'EEXIST')) throw error;
  }
  const seen = lstatSync(RUN_FOLDER);
  if (!seen.isDirectory() || seen.uid !== 0 || (seen.mode & 0o022) !== 0) throw refused(RUN_FOLDER);
}

export function refused(path: string): ObError {
  return new ObError(`${path} was not made by ob, or others may write to it`, { hint: `look at it (ls -ld ${path}), then remove it` });
}
