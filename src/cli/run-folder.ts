import { lstatSync, mkdirSync, renameSync, rmdirSync, rmSync, type Stats, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { hasCode, messageOf, ObError } from '../resources/error.ts';
import { readLstat } from '../resources/linux/proc.ts';

/** What `ob` keeps until the machine is booted anew: the lock, and the records of subhosts. */
export const RUN_FOLDER = '/run/ob';

/** What root alone has made: through a link, or where others may write, a lock is none, and a record is not to be believed. */
export function makeRunFolder(): void {
  const seen = readLstat(RUN_FOLDER) ?? makeFolder();
  if (!seen.isDirectory() || seen.uid !== 0 || (seen.mode & 0o022) !== 0) throw refused(RUN_FOLDER);
}

function makeFolder(): Stats {
  try {
    mkdirSync(RUN_FOLDER, { mode: 0o700 });
  } catch (error) {
    if (!hasCode(error, 'EEXIST')) throw error;
  }
  return lstatSync(RUN_FOLDER);
}

/** Writes a file below /run/ob, and makes its folder, in one step: a reader, or a kill, meets the old file or the new. Needs the lock. */
export function writeWhole(file: string, text: string): void {
  makeRunFolder();
  try {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    writeFileSync(`${file}.new`, text, { mode: 0o600 });
    renameSync(`${file}.new`, file);
  } catch (error) {
    rmSync(`${file}.new`, { force: true });
    throw new ObError(`cannot write ${file}: ${messageOf(error)}`, { cause: error });
  }
}

/** With what a kill has left half written, and with its folder, if nothing else is in that. */
export function dropWhole(file: string): void {
  for (const one of [file, `${file}.new`]) rmSync(one, { force: true });
  removeEmpty([dirname(file)]);
}

/** From the first on, until something is in one: nothing is left over in /run. */
export function removeEmpty(folders: readonly string[]): void {
  for (const folder of folders) {
    try {
      rmdirSync(folder);
    } catch (error) {
      if (hasCode(error, 'ENOTEMPTY')) return;
      if (!hasCode(error, 'ENOENT')) throw error;
    }
  }
}

export function refused(path: string): ObError {
  return new ObError(`${path} was not made by ob, or others may write to it`, { hint: `look at it (ls -ld ${path}), then remove it` });
}
