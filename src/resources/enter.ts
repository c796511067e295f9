import { ObError } from './error.ts';
import { needCgroupRoot } from './linux/cgroup.ts';
import { findPlaces } from './linux/controllers.ts';
import { cgroupWord } from './linux/groups.ts';
import type { LiveInit } from './machine.ts';
import type { Owner } from './marks.ts';
import { parseReaperErrors } from './reaper.ts';
import { runAttached } from './run.ts';

/** A subhost that runs. */
export interface Running {
  readonly owner: Owner;
  readonly init: LiveInit;
}

/**
 * Runs a command inside, on this program's own streams: in all namespaces of the subhost, its cgroup, and under the
 * confinement of its PID 1. Gives the command's exit code; 127 and 126 as a shell has them.
 */
export async function runInside(reaper: string, { owner, init }: Running, command: readonly string[]): Promise<number> {
  const cgroup = cgroupWord(needCgroupRoot(), findPlaces(), owner);
  const words = ['exec', String(init.pid), String(init.ticks), cgroup, terminalType(), ...command];
  const { exitCode, report } = await runAttached(reaper, words);
  const error = parseReaperErrors(report).get(String(init.pid));
  if (error) throw new ObError(`cannot run ${command[0]} in ${owner.name}: ${error.message}`, { exitCode, ...hintOf(error) });
  return exitCode;
}

/** At its limit of PIDs nothing more is born in it, and this comes from nothing else there. */
function hintOf({ message }: ObError): { readonly hint?: string } {
  if (message !== `clone: ${EAGAIN}`) return {};
  return { hint: 'it has as many processes as it may: limits: { pids: … } in its hosts file says how many' };
}

const EAGAIN = 'Resource temporarily unavailable';

/** What is inside knows its terminal only by this name; nothing else of the caller's environment goes along. */
function terminalType(): string {
  const name = process.env['TERM'] ?? '';
  return /^[A-Za-z0-9][A-Za-z0-9.+_-]{0,63}$/.test(name) ? name : 'linux';
}
