import { basename } from 'node:path';
import { INIT_FOLDER, type Job, UNIT_FOLDER } from './boot-files.ts';
import { CRON_FOLDER } from './cron-files.ts';
import { isSystemdRunning, reloadSystemd, systemctl, unlinkScript } from './init-system.ts';
import { type Installed, listInstalled, nameOf, type OwnFile, type Purpose, refuseForeign, removeOwn, writeOwn } from './own-file.ts';

const FOLDERS: Readonly<Record<Purpose, readonly string[]>> = { boot: [UNIT_FOLDER, INIT_FOLDER], cron: [UNIT_FOLDER, CRON_FOLDER] };

type Say = (line: string) => void;

/** Whatever was installed for a purpose, in whichever way. */
export function listAll(purpose: Purpose): Installed[] {
  return FOLDERS[purpose].flatMap((folder) => listInstalled(folder, purpose));
}

/** Writes all files, or none where one is in the way. Gives what has changed. */
export function writeAll(files: readonly OwnFile[], say: Say): OwnFile[] {
  for (const file of files) refuseForeign(file);
  return files.filter((file) => {
    const isNew = writeOwn(file);
    say(`${isNew ? 'wrote    ' : 'unchanged'} ${file.path}`);
    return isNew;
  });
}

/** Undoes what `install` did; a subhost is not touched. */
export async function removeAll(found: readonly Installed[], say: Say): Promise<void> {
  for (const one of found) {
    await disable(one);
    removeOwn(one);
    say(`removed   ${one.path}`);
  }
  if (found.some(({ path }) => path.startsWith(`${UNIT_FOLDER}/`))) await reloadSystemd();
}

/** While its file is there. */
async function disable({ path, purpose }: Installed): Promise<void> {
  const name = basename(path);
  if (path.startsWith(`${INIT_FOLDER}/`)) await unlinkScript(name);
  else if (name.endsWith('.timer')) await systemctl('disable', ...(isSystemdRunning() ? ['--now'] : []), name);
  else if (purpose === 'boot' && name.endsWith('.service')) await systemctl('disable', name);
}

/** What an earlier install left that this one takes the place of: in another way, or when the file had another scope. */
export function listOutdated(purpose: Purpose, files: readonly OwnFile[], { scope, hostsFiles }: Job): Installed[] {
  const now = new Set(files.map(({ path }) => path));
  return listAll(purpose).filter((one) => !now.has(one.path) && (one.scope === scope || one.hostsFile === nameOf(hostsFiles)));
}
