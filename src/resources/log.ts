import { closeSync, constants, existsSync, fstatSync, mkdirSync, openSync, readdirSync, readSync, renameSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { hasCode, messageOf, ObError } from './error.ts';
import type { ProcessId } from './linux/proc.ts';
import type { Owner } from './marks.ts';
import { failure } from './ran.ts';
import { run } from './run.ts';
import { findUntrusted } from './trust.ts';

const LOG_FOLDER = '/var/log/ob';
/** A log that would grow beyond this becomes NAME.1, in place of the one before it. */
const MAX_LOG_BYTES = 1 << 20;
/** Of one start, its last words. */
const MAX_START_BYTES = 1 << 18;

/** Where what a subhost's starts say is kept, unless the hosts file says another place. */
export function defaultLog({ scope, name }: Owner): string {
  return `${LOG_FOLDER}/${scope}/${name}.log`;
}

/** The scopes that have a log of a subhost of this name at its usual place. */
export function scopesWithLog(name: string): string[] {
  try {
    return readdirSync(LOG_FOLDER).filter((scope) => existsSync(defaultLog({ scope, name })));
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return [];
    throw new ObError(messageOf(error), { cause: error });
  }
}

/** What the start commands of the present boot have said, out of the subhost itself: its end, if it is longer than BYTES. */
export async function readBootLog(reaper: string, { pid, ticks }: ProcessId, bytes: number): Promise<string> {
  const ran = await run(reaper, ['log', String(pid), String(ticks), String(bytes)]);
  if (ran.ok) return ran.output;
  throw failure(ran, 'cannot read the boot log');
}

/** Appends the boot log of a start to the kept one. Gives what went wrong: that is no reason for a subhost not to run. */
export async function keepLog(reaper: string, init: ProcessId, name: string, path: string): Promise<string[]> {
  try {
    const text = await readBootLog(reaper, init, MAX_START_BYTES);
    appendToLog(path, `== ${new Date().toISOString()} ${name} has started\n${text}${text === '' ? '' : '\n'}`);
    return [];
  } catch (error) {
    return [`what the start of ${name} said is not kept in ${path}: ${messageOf(error)}`];
  }
}

/** Makes the log, and its folder, if need be; through no link, and only where root alone writes. */
export function appendToLog(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o750 });
  const untrusted = findUntrusted([dirname(path)]);
  if (untrusted) throw new ObError(`others than root can change ${untrusted}`);
  const bytes = Buffer.from(text);
  const { fd, size } = openOwn(path, constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT);
  try {
    if (size > 0 && size + bytes.length > MAX_LOG_BYTES) {
      renameSync(path, `${path}.1`);
      appendToLog(path, text);
    } else writeSync(fd, bytes);
  } finally {
    closeSync(fd);
  }
}

/** No link, pipe or device, and nothing of somebody else's, however it came to be there. */
function openOwn(path: string, flags: number): { fd: number; size: number } {
  const fd = openSync(path, flags | constants.O_NOFOLLOW | constants.O_NONBLOCK, 0o640);
  const { uid, nlink, size } = fstatSync(fd);
  if (fstatSync(fd).isFile() && uid === 0 && nlink === 1) return { fd, size };
  closeSync(fd);
  throw new ObError('it is no file of root alone');
}

/** What is in a kept log from an offset on; `inode` tells whether it is still the same file. Undefined: there is none. */
export function readLogFrom(path: string, from: number): { text: Buffer; inode: number; size: number } | undefined {
  let own: { fd: number; size: number };
  try {
    own = openOwn(path, constants.O_RDONLY);
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined;
    throw new ObError(`cannot read ${path}: ${messageOf(error)}`, { cause: error });
  }
  try {
    const text = Buffer.alloc(Math.max(0, own.size - from));
    const got = readSync(own.fd, text, 0, text.length, from);
    return { text: text.subarray(0, got), inode: fstatSync(own.fd).ino, size: from + got };
  } finally {
    closeSync(own.fd);
  }
}
