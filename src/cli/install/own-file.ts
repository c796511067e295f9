import {
  closeSync,
  fchmodSync,
  fsyncSync,
  lstatSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname } from 'node:path';
import { hasCode, messageOf, ObError } from '../../resources/error.ts';

export type Purpose = 'boot' | 'cron';

/** What `install` puts somewhere in the machine, outside of anything that a hosts file speaks of. */
export interface OwnFile {
  readonly path: string;
  readonly text: string;
  readonly mode: number;
}

/** A file that `install` wrote at some time, by what stands in its first lines. */
export interface Installed {
  readonly path: string;
  readonly purpose: Purpose;
  readonly scope: string;
  /** As `nameOf` has it. */
  readonly hostsFile: string;
}

/** The first comment of every such file; after `#!` where there must be one. */
export function headOf(purpose: Purpose, scope: string, hostsFiles: readonly string[]): string {
  const remove = `ob ${purpose} remove --scope ${scope}`;
  return `# ob:${scope} ${purpose}: written by "ob ${purpose} install", removed by "${remove}"; changes made here are lost\n# hosts file: ${nameOf(hostsFiles)}\n`;
}

export function nameOf(hostsFiles: readonly string[]): string {
  return hostsFiles.join(' ');
}

const HEAD = /^(?:#!.*\n)?# ob:([a-z][a-z0-9-]*) (boot|cron): written by .*\n# hosts file: (.+)\n/;

/** Undefined: there is no such file, or it is none that we wrote. */
function readInstalled(path: string): Installed | undefined {
  try {
    // A link is none of ours: `systemctl mask` makes one to /dev/null.
    if (!lstatSync(path).isFile()) return undefined;
    const [, scope = '', purpose, hostsFile = ''] = HEAD.exec(readFileSync(path, 'utf8')) ?? [];
    return purpose === 'boot' || purpose === 'cron' ? { path, purpose, scope, hostsFile } : undefined;
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ENOTDIR')) return undefined;
    throw error;
  }
}

/** Every file of ours in a folder. */
export function listInstalled(folder: string, purpose: Purpose): Installed[] {
  try {
    const names = readdirSync(folder).filter((name) => name.startsWith(`ob-${purpose}-`));
    return names.sort().flatMap((name) => readInstalled(`${folder}/${name}`) ?? []);
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return [];
    throw error;
  }
}

/** An error where something that is not ours has the name. */
export function refuseForeign({ path }: OwnFile): void {
  const seen = lstatSync(path, { throwIfNoEntry: false });
  if (!seen || readInstalled(path)) return;
  throw new ObError(`${path} exists and was not written by ob`, { hint: `look at it (ls -l ${path}); ob writes there once it is gone` });
}

/** Whole or not at all: whoever reads the folder in between sees the old file, or none. False: it was so already. */
export function writeOwn({ path, text, mode }: OwnFile): boolean {
  if (isSame(path, text, mode)) return false;
  // A name that systemd, cron and insserv pass over.
  const draft = `${dirname(path)}/.${basename(path)}.${process.pid}.new`;
  try {
    rmSync(draft, { force: true });
    const fd = openSync(draft, 'wx', mode);
    try {
      writeFileSync(fd, text);
      // The caller's umask does not decide what cron and init may read.
      fchmodSync(fd, mode);
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    renameSync(draft, path);
    return true;
  } catch (error) {
    rmSync(draft, { force: true });
    throw new ObError(`cannot write ${path}: ${messageOf(error)}`);
  }
}

function isSame(path: string, text: string, mode: number): boolean {
  const seen = lstatSync(path, { throwIfNoEntry: false });
  return seen?.isFile() === true && seen.uid === 0 && (seen.mode & 0o7777) === mode && readFileSync(path, 'utf8') === text;
}

export function removeOwn({ path }: Installed): void {
  rmSync(path, { force: true });
}
