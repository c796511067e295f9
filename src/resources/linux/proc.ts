import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

/** What identifies a process for as long as it lives. A PID alone may be another's by now. */
export interface ProcessId {
  readonly pid: number;
  /** Start time in clock ticks since boot: field 22 of /proc/PID/stat, proc_pid_stat(5). */
  readonly ticks: number;
}

/** Text of a file that may be gone by now, as /proc/PID is; undefined then. */
export function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    // ENOENT, ESRCH: gone. EACCES: not ours to see. Either way there is nothing to be known here.
    return undefined;
  }
}

/** The same for the text of a link, e.g. `net:[4026532281]`. */
export function readLinkIfThere(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined;
  }
}

/** Every process that can be seen here. */
export function listPids(): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
}

/** Start time out of /proc/PID/stat. The command's name in it may hold spaces and parentheses: count from the last `)`. */
export function parseTicks(stat: string): number | undefined {
  const ticks = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]);
  return Number.isFinite(ticks) && ticks > 0 ? ticks : undefined;
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

/** For how long a process has been there. */
export function uptimeSeconds({ ticks }: ProcessId): number {
  const now = Number(readFileSync('/proc/uptime', 'utf8').split(' ')[0]);
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
