import { accessSync, constants, existsSync } from 'node:fs';
import { ObError } from './error.ts';

/** Where system programs are, whatever PATH cron or an administrator has. */
export const SYSTEM_PATH = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin'];

const PACKAGES: Readonly<Record<string, string>> = { ip: 'iproute2', mount: 'mount', umount: 'mount', flock: 'util-linux' };

const found = new Map<string, string | undefined>();

/** Absolute name of a system program, looked up once; undefined where the machine has none. */
export function findProgram(name: string): string | undefined {
  if (name.includes('/')) return isExecutable(name) ? name : undefined;
  if (!found.has(name)) found.set(name, SYSTEM_PATH.map((folder) => `${folder}/${name}`).find(isExecutable));
  return found.get(name);
}

/** As if none had been looked up yet. */
export function forgetPrograms(): void {
  found.clear();
}

/** The same, or an error that says what to install. */
export function needProgram(name: string): string {
  const path = findProgram(name);
  if (path) return path;
  throw new ObError(`the program "${name}" is not on this machine`, {
    // The only one with a path of its own is the reaper.
    hint: name.includes('/') ? 'build it again: scripts/build' : `apt-get install ${PACKAGES[name] ?? name}`,
  });
}

function isExecutable(path: string): boolean {
  // Nearly always it is not there, and an error takes longer than to ask.
  if (!existsSync(path)) return false;
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
