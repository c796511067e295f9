import { existsSync, realpathSync, statSync } from 'node:fs';
import { resolve as resolvePath } from 'node:path';
import { ObError } from './error.ts';
import { type Environment, environmentOf, runHook } from './hooks.ts';
import type { Subhost } from './hosts.ts';
import type { Address } from './kind.ts';
import { takeForRoot } from './linux/access.ts';
import { type MountEntry, readMounts } from './linux/mountinfo.ts';
import { readIfThere } from './linux/proc.ts';
import { mountSetups, unmountRoots } from './linux/roots.ts';
import type { Machine } from './machine.ts';
import { parseMark, setupMarkOf } from './marks.ts';

// INVARIANTS
// - The marker is mounted before setup is run and unmounted after teardown was: while it is there, teardown is owed.
// - Teardown is run when nothing of the root is mounted any more.

/** Lets PROGRAM set up the upper directory of a subhost; gives that. */
export async function setUp(machine: Machine, address: Address, subhost: Subhost, program: string): Promise<string> {
  const { base, live, name } = subhost;
  const env = environmentOf(machine.scope, subhost);
  const environment = Object.entries(env).map(([key, value]) => `${key}=${value}\n`);
  const mark = setupMarkOf({ scope: machine.scope, name }, program);
  const errors = await mountSetups(machine.reaper, [{ key: address, mark, live, environment: environment.join('') }]);
  for (const error of errors.values()) throw new ObError(`cannot mark ${live}: ${error.message}`);
  const output = await runHook('setup of upper', [program], base, { ...env, ACTION: 'setup' });
  return toUpper(output, subhost, program);
}

/** The last line of what it printed. */
function toUpper(output: string, { base }: Subhost, program: string): string {
  const line = output.trimEnd().split('\n').at(-1) ?? '';
  const refuse = (why: string): ObError =>
    new ObError(`upper: ${program} printed ${JSON.stringify(line)}: ${why}`, {
      hint: 'the last line of what it prints is the upper directory',
    });
  if (line === '') throw refuse('this is no directory');
  if (/[,:\\\p{Cc}]/u.test(line)) throw refuse('it holds a character that mount options have another use for');
  const path = resolvePath(base, line);
  if (!statSync(path, { throwIfNoEntry: false })?.isDirectory()) throw refuse(`${path} is no directory`);
  const real = realpathSync(path);
  if (real === '/') throw refuse('this is the root directory of this machine');
  return real;
}

/** A root with a marker of a program's. UPPER: as far as it can be seen still. */
export interface SetUpRoot {
  readonly address: Address;
  readonly name: string;
  readonly points: readonly string[];
  readonly program: string;
  readonly upper: string | null;
}

/** Unmounts the root, runs PROGRAM again, then removes what tells that this is owed. EXPLAIN: what to say of a mount that is busy. */
export async function tearDown(machine: Machine, root: SetUpRoot, explain: (error: ObError, point: string) => ObError): Promise<void> {
  const unmount = async (point: string, depth: number): Promise<void> => {
    if (depth < 1) return;
    const errors = await unmountRoots(machine.reaper, [{ key: root.address, point, depth }]);
    for (const error of errors.values()) throw explain(error, point);
  };
  for (const point of root.points) await unmount(point, readDepth(machine, point) - 1);
  const marked = root.points.filter((point) => readDepth(machine, point) > 0);
  const [live] = marked;
  if (live === undefined) return;
  const env = readEnvironment(machine, root, live);
  const folder = existsSync(env['BASE'] ?? '') ? env['BASE'] : undefined;
  // As before a setup: it may have been open to others since, and the program may lie in it.
  if (folder) takeForRoot(folder);
  const hint = `it is run again by the next run; umount ${live} if nothing of it has to be taken down`;
  await runHook('teardown of upper', [root.program], folder ?? '/', { ...env, ACTION: 'teardown' }, hint);
  for (const point of marked) await unmount(point, readDepth(machine, point));
}

/** How many mounts there are from our mark upwards. STACK: all at one point, the topmost last. */
export function depthOf(stack: readonly MountEntry[], scope: string): number {
  const first = stack.findIndex((entry) => parseMark(entry.source)?.scope === scope);
  return first < 0 ? 0 : stack.length - first;
}

/** Where mounts propagate, one that goes takes its copies with it: so they are looked at anew each time. */
function readDepth({ scope }: Machine, point: string): number {
  const entries = readMounts();
  return depthOf(
    entries.filter((entry) => entry.point === point),
    scope,
  );
}

function readEnvironment({ scope }: Machine, { name, upper }: SetUpRoot, live: string): Environment {
  const lines = (readIfThere(`${live}/environment`) ?? '').split('\n').filter(Boolean);
  const kept = Object.fromEntries(lines.map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]));
  return { SCOPE: scope, NAME: name, LIVE: live, ...kept, ...(upper ? { UPPER: upper } : {}) };
}
