import { existsSync } from 'node:fs';
import { isEmpty } from '../../planner/plan.ts';
import { ExitCode, toObError } from '../../resources/error.ts';
import { foldersOf } from '../../resources/linux/lower-tree.ts';
import { listWatches, type Watches } from '../../resources/watcher.ts';
import { isTakeBackDue, takeBackTimes } from '../back/pending.ts';
import type { Args, Context } from '../command.ts';
import type { Event } from '../events.ts';
import { reconcile } from '../reconcile.ts';
import { isOnProbation } from '../record/learn.ts';
import { planGated } from '../record/round.ts';
import { listRecorded, recordsOf } from '../record/store.ts';
import { desiredOf, limitOf, namesOf, newLook } from '../session.ts';
import { withTurn } from '../turn.ts';
import type { Source } from './source.ts';
import { condense, type Teller } from './tell.ts';

/** For this long another run is waited for before we look again. */
const LOCK_SECONDS = 600;

/** What looks at the machine, and repairs it. */
export interface Keeper {
  readonly paths: readonly string[];
  readonly source: Source;
  readonly args: Args;
  readonly context: Context;
  readonly teller: Teller;
}

export interface Looked {
  readonly found: 'nothing' | 'repaired' | 'failed';
  /** When a subhost that is left alone now is taken up again; undefined: by no time. */
  readonly nextAt: number | undefined;
}

/** Only what finds something to do, or to keep in mind, takes the lock, and looks once more under it. */
export async function lookAndRepair(keeper: Keeper): Promise<Looked> {
  const { source, teller } = keeper;
  const seen = await see(keeper);
  if (seen.isAsWanted && !isOnProbation(source.file.scope, seen.leave)) {
    if (seen.leave.size === 0) teller.forget();
    return { found: 'nothing', nextAt: seen.nextAt };
  }
  const { isWell, after } = await repairAll(keeper, seen);
  if (seen.isAsWanted && isWell) return { found: 'nothing', nextAt: after.nextAt };
  return { found: isWell ? 'repaired' : 'failed', nextAt: after.nextAt };
}

/**
 * What failed is left alone from then on: without it the others are gone through once more, and at once, since what is in
 * its way keeps all of them waiting.
 */
async function repairAll(keeper: Keeper, seen: Seen): Promise<{ isWell: boolean; after: Seen }> {
  for (let left = seen.leave.size; ; ) {
    const code = await repair(keeper);
    const after = await see(keeper);
    const isWell = code === ExitCode.ok || after.isAsWanted;
    if (isWell || keeper.context.signal.aborted || after.leave.size <= left) return { isWell, after };
    left = after.leave.size;
  }
}

interface Seen {
  /** But for what is left alone. */
  readonly isAsWanted: boolean;
  readonly leave: ReadonlySet<string>;
  readonly nextAt: number | undefined;
}

async function see({ source: { file }, args }: Keeper): Promise<Seen> {
  try {
    const asking = { scope: file.scope, desired: desiredOf(file), selection: { limit: limitIn(file, args) }, isUnattended: true };
    const { plan, reasons } = await planGated(asking);
    const left = reasons.filter((reason) => reason.isLeft);
    const times = [...left.flatMap(({ until }) => (until === null ? [] : Date.parse(until))), ...takeBackTimes()];
    return {
      isAsWanted: isEmpty(plan) && !isTakeBackDue(),
      leave: new Set(left.map(({ name }) => name)),
      nextAt: times.length > 0 ? Math.min(...times) : undefined,
    };
  } catch {
    // Another run may be half through; under the lock it is tried again, and told.
    return { isAsWanted: false, leave: new Set(), nextAt: undefined };
  }
}

/** One run as `ob apply --quiet` does it. Gives its exit code. */
async function repair({ paths, source: { file }, args, context, teller }: Keeper): Promise<number> {
  const events: Event[] = [];
  const inner = { ...context, output: { ...context.output, sink: (event: Event) => void events.push(event) } };
  try {
    return await withTurn({ ...args, lockTimeout: LOCK_SECONDS }, inner, () => reconcile(paths, file, { ...args, quiet: true }, inner));
  } catch (error) {
    const { message, hint, exitCode } = toObError(error);
    if (exitCode !== ExitCode.locked && exitCode !== ExitCode.interrupted)
      events.push({ type: 'error', message, ...(hint ? { hint } : {}) });
    return ExitCode.failed;
  } finally {
    for (const told of condense(events)) teller.tell(told);
  }
}

/** All that can tell of a drift of what the file has. */
export function watchesOf({ source: { file }, args }: Pick<Keeper, 'source' | 'args'>): Watches {
  const limit = limitIn(file, args);
  const names = namesOf(file).filter((name) => !limit || limit.has(name));
  // Whom somebody takes back from being left alone is looked at at once.
  const records = listRecorded(file.scope).flatMap((name) => ['folder', recordsOf({ scope: file.scope, name })]);
  return [...listWatches(newLook(), file.scope, names), ...records, ...treesOf(file, names), ...basesOf(file, names)];
}

/** What is looked at below subhosts that are restarted when it changes. */
function treesOf({ subhosts }: Source['file'], names: readonly string[]): Watches {
  const restarted = subhosts.filter(({ name, onLowerChange }) => onLowerChange === 'restart' && names.includes(name));
  const folders = new Set(restarted.flatMap(({ lower }) => foldersOf(lower)));
  return [...folders].flatMap((folder) => ['folder', folder]);
}

/** Folders that are for root alone; what is not there yet is watched once it is. */
function basesOf({ subhosts }: Source['file'], names: readonly string[]): Watches {
  const own = subhosts.filter(({ name, lower, live, base }) => lower !== live && names.includes(name) && existsSync(base));
  return own.flatMap(({ base }) => ['access', base]);
}

function limitIn(file: Source['file'], args: Args): ReadonlySet<string> | undefined {
  return limitOf(args.limit, args.files, namesOf(file));
}
