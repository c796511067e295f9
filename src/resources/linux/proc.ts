import { lstatSync, readdirSync, readFileSync, readlinkSync, type Stats, statSync } from 'node:fs';
import { hasCode } from '../error.ts';

/** What identifies a process for as long as it lives. A PID alone may be another's by now. */
export interface ProcessId {
  readonly pid: number;
  /** Start time in clock ticks since boot: field 22 of /proc/PID/stat, proc_pid_stat(5). */
  readonly ticks: number;
}

/**
 * Gone (ENOENT, ENOTDIR; ESRCH while it is read; ENODEV for a cgroup; EINVAL for the mounts of a zombie), or not ours
 * to see. Nothing else (EMFILE, ENOMEM) may look like a process that has ended: another would be started in its place.
 */
const NOT_THERE = ['ENOENT', 'ENOTDIR', 'ESRCH', 'ENODEV', 'EINVAL', 'EACCES', 'EPERM'];

/** What is read, or undefined if it is not there (any more), as happens all the time in /proc. */
export function ifThere<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (hasCode(error, ...NOT_THERE)) return undefined;
    throw error;
  }
}

export function readIfThere(path: string): string | undefined {
  return ifThere(() => readFileSync(path, 'utf8'));
}

/** That a file is not there is told of most of them, and an error takes longer than to look. */
export function statIfThere(path: string): Stats | undefined {
  return ifThere(() => statSync(path, { throwIfNoEntry: false }));
}

export function lstatIfThere(path: string, lstat: Lstat = readLstat): Stats | undefined {
  return ifThere(() => lstat(path));
}

/** What is there itself, be it a link. Undefined: nothing; all else that is in the way is thrown. */
export type Lstat = (path: string) => Stats | undefined;

export const readLstat: Lstat = (path) => lstatSync(path, { throwIfNoEntry: false });

/** Text of a link, e.g. `net:[4026532281]`. */
export function readLinkIfThere(path: string): string | undefined {
  return ifThere(() => readlinkSync(path));
}

/** Every process that can be seen here. */
export function listPids(): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
}

/** Start time out of /proc/PID/stat. The command's name in it may hold spaces and parentheses: count from the last `)`. */
export function parseTicks(stat: string): number | undefined {
  const end = stat.lastIndexOf(')');
  const ticks = end < 0 ? 0 : Number(stat.slice(end + 2).split(' ')[19]);
  return ticks > 0 ? ticks : undefined;
}

/** PIDs of a process from our namespace (first) to its own (last): `NSpid` of /proc/PID/status. */
export function parseNamespacePids(status: string): number[] {
  const line = /^NSpid:\s*(.*)$/m.exec(status)?.[1] ?? '';
  return line.split(/\s+/).filter(Boolean).map(Number);
}

export function identify(pid: number): ProcessId | undefined {
  const ticks = parseTicks(readIfThere(`/proc/${pid}/stat`) ?? '');
  return ticks === undefined ? undefined : { pid, ticks };
}

/** Ticks of /proc/PID/stat in a second: USER_HZ, the same on every Linux architecture that Node runs on. */
const TICKS_PER_SECOND = 100;

/** Seconds since boot. */
export function readUptime(): number {
  return Number(readFileSync('/proc/uptime', 'utf8').split(' ')[0]);
}

/** For how long a process has been there. */
export function uptimeSeconds({ ticks }: ProcessId, now = readUptime()): number {
  return Math.max(0, Math.round(now - ticks / TICKS_PER_SECOND));
}

/** The argument list; empty for a zombie. */
export function readArguments(pid: number): string[] {
  return (readIfThere(`/proc/${pid}/cmdline`) ?? '').split('\0').slice(0, -1);
}

/** How a process is named to a person: `PID (command)`. */
export function describeProcess(pid: number): string {
  return `${pid} (${readIfThere(`/proc/${pid}/comm`)?.trim() ?? '?'})`;
}
