import { resolve as resolvePath } from 'node:path';
import { ObError } from './error.ts';
import type { Subhost } from './hosts.ts';
import { findProgram } from './programs.ts';
import { failure } from './ran.ts';
import { run } from './run.ts';
import { findUntrusted } from './trust.ts';

const HOOK_LIMIT_MS = 60_000;

export type Environment = Readonly<Record<string, string>>;

/** What a command is told of its subhost, in overlay-boot's words. */
export function environmentOf(scope: string, { name, base, lower, upper, work, live, hooks }: Subhost): Environment {
  return { CONFIG: hooks?.config ?? '', SCOPE: scope, NAME: name, BASE: base, LOWER: lower, UPPER: upper, WORK: work, LIVE: live };
}

/**
 * Runs a command of a hosts file on the machine, as root; gives what it printed. WHAT: its key. A relative path is meant
 * from FOLDER, in which it is run; a name is looked for where system programs are. HINT: what to do if it fails.
 */
export async function runHook(
  what: string,
  [word = '', ...args]: readonly string[],
  folder: string,
  env: Environment,
  hint?: string,
): Promise<string> {
  const program = word.includes('/') ? resolvePath(folder, word) : word;
  const path = findProgram(program);
  if (!path)
    throw new ObError(`${what}: there is no program ${program}`, { hint: hint ?? 'a file that may be executed is wanted (chmod +x)' });
  refuseUntrusted(what, path);
  const ran = await run(path, args, { cwd: folder, env, timeLimitMs: HOOK_LIMIT_MS, isUnknown: true });
  if (!ran.ok) throw failure(ran, `${what} failed`, hint);
  return ran.output;
}

function refuseUntrusted(what: string, path: string): void {
  const untrusted = findUntrusted([path]);
  if (!untrusted) return;
  throw new ObError(`${what}: ${path} would be run as root, and others than root can change ${untrusted}`, {
    hint: `chown root: ${untrusted}; chmod go-w ${untrusted}`,
  });
}
