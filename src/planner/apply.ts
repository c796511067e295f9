import PQueue from 'p-queue';
import { ExitCode, ObError, toObError } from '../resources/error.ts';
import type { Address, Kind, Result } from '../resources/kind.ts';
import type { Machine } from '../resources/machine.ts';
import { type Batch, createCutter } from './batches.ts';
import { kindOf } from './live.ts';
import type { Step, StepId } from './order.ts';

// INVARIANTS
// - A step starts only when all that it comes after is done; the queue limits, it does not order.
// - A step runs at most once, and every step gets exactly one outcome.
// - A failure skips what comes after it, nothing else.
// - Nothing starts once the signal is aborted; what runs is let finish.
// - A failpoint is passed before and after each step that is not skipped.

export type Outcome =
  | { readonly step: Step; readonly result: 'done'; readonly notes: readonly string[] }
  | { readonly step: Step; readonly result: 'failed'; readonly error: ObError; readonly notes: readonly string[] }
  | { readonly step: Step; readonly result: 'skipped'; readonly because: StepId | 'interrupted' };

export interface ApplyOptions {
  readonly kinds: readonly Kind[];
  /** Made anew for every batch: a kind looks at the machine as it is then. */
  readonly machine: (share: Share) => Machine;
  /** How many things go on at a time: batches, and within all of them what takes long. */
  readonly parallel: number;
  /** Objects that are rather dealt with in one batch than in several at a time. */
  readonly fewest?: number;
  readonly signal?: AbortSignal;
  readonly onStart?: (step: Step) => void;
  readonly onEnd?: (outcome: Outcome) => void;
  readonly fault?: Fault | undefined;
}

/** A failpoint, for tests of crashes: what it gives is the step's failure, whether the step was done (`after`) or not. */
export type Fault = (step: StepId, when: 'before' | 'after') => ObError | undefined;

/** What a batch may do at a time of what takes long, and whom it tells when something has come to its end. */
type Share = Pick<Machine, 'width' | 'turn' | 'early'>;

/**
 * Runs steps in their order, many at a time, and gives an outcome for each. Never throws because a step failed, only
 * where a callback did.
 */
export async function apply(steps: readonly Step[], options: ApplyOptions): Promise<Outcome[]> {
  const kinds = new Map(options.kinds.map((kind) => [kind.name, kind]));
  const queue = new PQueue({ concurrency: options.parallel });
  const outcomes = new Map<StepId, Outcome>();
  const waiting = new Set(steps);
  const broken: unknown[] = [];
  const slow = new PQueue({ concurrency: options.parallel });
  const turn: Machine['turn'] = (act) => slow.add(act);
  const cut = createCutter(steps, kinds, options);

  const settle = (outcome: Outcome): void => {
    outcomes.set(outcome.step.id, outcome);
    options.onEnd?.(outcome);
  };
  const runBatch = async ({ steps: batch, width }: Batch): Promise<void> => {
    const open = new Map(batch.map((step): [Address, Step] => [step.change.address, step]));
    const take = (outcome: Outcome): void => {
      if (open.delete(outcome.step.change.address)) settle(struck(outcome, options.fault));
    };
    const early = (result: Result): void => {
      const step = open.get(result.address);
      if (!step) return;
      try {
        take(outcomeOf(step, result, undefined));
        startReady();
      } catch (error) {
        broken.push(error);
      }
    };
    if (options.signal?.aborted) for (const step of batch) take({ step, result: 'skipped', because: 'interrupted' });
    else {
      for (const step of batch) options.onStart?.(step);
      const machine = (): Machine => options.machine({ width, turn, early });
      for (const outcome of await runSteps(kinds, machine, strike(batch, options.fault, take))) take(outcome);
    }
    startReady();
  };
  const startReady = (): void => {
    skipBlocked(waiting, outcomes, settle);
    const ready = [...waiting].filter((step) => [...step.after].every((id) => outcomes.get(id)?.result === 'done'));
    for (const step of ready) waiting.delete(step);
    for (const batch of cut(ready)) void queue.add(() => runBatch(batch)).catch((error) => broken.push(error));
  };

  startReady();
  await queue.onIdle();
  if (broken.length > 0) throw broken[0];
  return steps.map((step) => outcomes.get(step.id) as Outcome);
}

/** Gives the steps that are to be run: one that fails at its failpoint is not. */
function strike(batch: readonly Step[], fault: Fault | undefined, take: (outcome: Outcome) => void): readonly Step[] {
  if (!fault) return batch;
  return batch.filter((step) => {
    const error = fault(step.id, 'before');
    if (error) take({ step, result: 'failed', error, notes: [] });
    return !error;
  });
}

function struck(outcome: Outcome, fault: Fault | undefined): Outcome {
  const error = outcome.result === 'done' ? fault?.(outcome.step.id, 'after') : undefined;
  return error ? { ...outcome, result: 'failed', error, notes: [] } : outcome;
}

/** Settles what can no longer run, and what can no longer run because of that. */
function skipBlocked(waiting: Set<Step>, outcomes: ReadonlyMap<StepId, Outcome>, settle: (outcome: Outcome) => void): void {
  for (let found = true; found; ) {
    found = false;
    for (const step of waiting) {
      const lost = [...step.after].find((id) => isLost(outcomes.get(id)));
      if (!lost) continue;
      waiting.delete(step);
      settle({ step, result: 'skipped', because: rootOf(outcomes.get(lost), lost) });
      found = true;
    }
  }
}

function isLost(outcome: Outcome | undefined): boolean {
  return outcome !== undefined && outcome.result !== 'done';
}

/** A failure is named at its root, not at each step between. */
function rootOf(outcome: Outcome | undefined, id: StepId): StepId | 'interrupted' {
  return outcome?.result === 'skipped' ? outcome.because : id;
}

async function runSteps(kinds: ReadonlyMap<string, Kind>, machine: () => Machine, batch: readonly Step[]): Promise<Outcome[]> {
  const results = new Map<Address, Result>();
  let broken: ObError | undefined;
  try {
    for (const result of await callKind(kinds, machine(), batch)) results.set(result.address, result);
  } catch (error) {
    broken = toObError(error);
  }
  return batch.map((step) => outcomeOf(step, results.get(step.change.address), broken));
}

/** BROKEN: why the whole call gave no results. */
function outcomeOf(step: Step, result: Result | undefined, broken: ObError | undefined): Outcome {
  const error = result ? result.error : (broken ?? new ObError('no result was given: this is a bug in ob'));
  if (error?.exitCode === ExitCode.interrupted) return { step, result: 'skipped', because: 'interrupted' };
  const notes = result?.notes ?? [];
  return error ? { step, result: 'failed', error, notes } : { step, result: 'done', notes };
}

/** All steps of a batch have the same kind and verb. */
function callKind(kinds: ReadonlyMap<string, Kind>, machine: Machine, batch: readonly Step[]): Promise<Result[]> {
  const [first] = batch;
  const kind = first && kinds.get(kindOf(first.change.address));
  if (!kind) return Promise.resolve([]);
  if (first.verb === 'remove')
    return kind.remove(
      machine,
      batch.flatMap((step) => step.change.live ?? []),
    );
  const tasks = batch.flatMap(({ change }) => {
    if (!change.spec) return [];
    // What was removed a moment ago is made from nothing.
    const live = change.action === 'update' ? (change.live ?? null) : null;
    return [{ spec: change.spec, live, changes: live ? change.fields : [] }];
  });
  return kind.converge(machine, tasks);
}
