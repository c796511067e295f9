import { apply as applySteps, type Outcome } from '../planner/apply.ts';
import { kindOf } from '../planner/live.ts';
import { isEmpty, type Plan, type Selection } from '../planner/plan.ts';
import { ExitCode } from '../resources/error.ts';
import { kinds } from '../resources/index.ts';
import type { Spec } from '../resources/kind.ts';
import { needProgram } from '../resources/run.ts';
import type { Args, Context } from './command.ts';
import { differsEvents, planEvents, recap, stepEvent } from './events.ts';
import { createMachine, planFor, REAPER } from './session.ts';

export interface Wish {
  readonly scope: string;
  readonly desired: readonly Spec[];
  readonly selection: Selection;
}

/** Runs a plan, looks again, tells everything to the sink. Gives the exit code. */
export async function runPlan(plan: Plan, wish: Wish, args: Args, { output, signal }: Context): Promise<number> {
  const { sink } = output;
  const begin = Date.now();
  const elapsed = (): number => (Date.now() - begin) / 1000;
  planEvents(plan).forEach(sink);
  if (plan.blockers.length > 0) return ExitCode.failed;
  if (isEmpty(plan)) return ExitCode.ok;
  preflight(plan);

  const started = new Map<string, number>();
  const outcomes = await applySteps(plan.steps, {
    kinds,
    parallel: args.parallel,
    signal,
    machine: () => createMachine(wish.scope, { signal, say: (address, text) => sink({ type: 'say', address, text }) }),
    onStart(step) {
      started.set(step.id, Date.now());
      sink({ type: 'start', verb: step.verb, address: step.change.address });
    },
    onEnd: (outcome) => sink(stepEvent(outcome, (Date.now() - (started.get(outcome.step.id) ?? Date.now())) / 1000)),
  });
  const isAsWanted = await lookAgain(wish, outcomes, output.sink);
  sink(recap(plan, outcomes, elapsed()));
  if (signal.aborted) return ExitCode.interrupted;
  return isAsWanted && outcomes.every(({ result }) => result === 'done') ? ExitCode.ok : ExitCode.failed;
}

/** What this machine lacks is said before anything is touched. */
function preflight(plan: Plan): void {
  needProgram(REAPER);
  for (const kind of kinds) {
    const touched = plan.changes.filter((change) => change.action !== 'none' && kindOf(change.address) === kind.name);
    if (touched.length > 0) kind.preflight(touched.flatMap((change) => change.spec ?? []));
  }
}

/** The proof: a second plan must be empty, but for what has been said to have failed. */
async function lookAgain(
  { scope, desired, selection }: Wish,
  outcomes: readonly Outcome[],
  sink: Context['output']['sink'],
): Promise<boolean> {
  const lost = new Set(outcomes.filter(({ result }) => result !== 'done').map(({ step }) => step.change.address));
  // What has been started anew is as wanted now.
  const { plan } = await planFor(scope, desired, selection.order === 'restart' ? { limit: selection.limit } : selection);
  const rest = { ...plan, changes: plan.changes.filter((change) => !lost.has(change.address)) };
  const differs = differsEvents(rest);
  for (const event of differs) sink(event);
  return differs.length === 0;
}
