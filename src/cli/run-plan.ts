import { apply as applySteps, type Outcome } from '../planner/apply.ts';
import type { Change } from '../planner/diff.ts';
import { kindOf, type World } from '../planner/live.ts';
import { isEmpty, type Plan, type Selection } from '../planner/plan.ts';
import { ExitCode } from '../resources/error.ts';
import { kinds } from '../resources/index.ts';
import type { Spec } from '../resources/kind.ts';
import { needProgram } from '../resources/programs.ts';
import type { Args, Context } from './command.ts';
import { differsEvents, type Event, planEvents, recap, type Sink, stepEvent } from './events.ts';
import { readFault } from './fault.ts';
import { createEventsLog } from './record/events-log.ts';
import { forgetGone, learn, type RunEnd } from './record/learn.ts';
import { newlyStalled } from './record/round.ts';
import { keepWanted } from './record/wanted.ts';
import { createMachine, planFor, REAPER } from './session.ts';

export interface Wish {
  readonly scope: string;
  readonly desired: readonly Spec[];
  readonly selection: Selection;
  /** As it was planned for. */
  readonly world: World;
  /** Nobody is there; undefined: it is no repair, and how it goes tells nothing of repairs. */
  readonly isUnattended?: boolean;
  /** Called when nothing stands in the way: before the first step, or where nothing has to be done. */
  readonly begin?: (plan: Plan, sink: Sink) => Promise<void>;
}

/** Runs a plan, looks again, tells everything to the sink. Gives the exit code. */
export async function runPlan(plan: Plan, wish: Wish, args: Args, context: Context): Promise<number> {
  const { output } = context;
  const log = createEventsLog(wish.scope, context.commandLine, output.warn);
  const sink: Sink = (event) => {
    log.sink(event);
    output.sink(event);
  };
  try {
    return await runAndTell(plan, wish, args, { ...context, output: { ...output, sink } });
  } finally {
    log.flush();
  }
}

async function runAndTell(plan: Plan, wish: Wish, args: Args, { output, signal }: Context): Promise<number> {
  const { sink } = output;
  const begin = performance.now();
  const elapsed = (): number => (performance.now() - begin) / 1000;
  planEvents(plan).forEach(sink);
  if (plan.blockers.length === 0) {
    preflight(plan);
    await wish.begin?.(plan, sink);
  }
  if (plan.blockers.length > 0 || isEmpty(plan)) {
    sweep(wish);
    keepRecords(wish, { plan, outcomes: [], rest: [], world: wish.world }).forEach(sink);
    return plan.blockers.length > 0 ? ExitCode.failed : ExitCode.ok;
  }

  const started = new Map<string, number>();
  const outcomes = await applySteps(plan.steps, {
    kinds,
    fault: readFault(plan.steps),
    parallel: args.parallel,
    signal,
    machine: (share) => createMachine(wish.scope, { ...share, signal, say: (address, text) => sink({ type: 'say', address, text }) }),
    onStart(step) {
      started.set(step.id, performance.now());
      sink({ type: 'start', verb: step.verb, address: step.change.address });
    },
    onEnd: (outcome) => sink(stepEvent(outcome, (performance.now() - (started.get(outcome.step.id) ?? performance.now())) / 1000)),
  });
  sweep(wish);
  const { differs, rest, world } = await lookAgain(wish, outcomes);
  differs.forEach(sink);
  keepRecords(wish, { plan, outcomes, rest, world }).forEach(sink);
  sink(recap(plan, outcomes, elapsed()));
  if (signal.aborted) return ExitCode.interrupted;
  return differs.length === 0 && outcomes.every(({ result }) => result === 'done') ? ExitCode.ok : ExitCode.failed;
}

/** What this machine lacks is said before anything is touched. */
function preflight(plan: Plan): void {
  if (isEmpty(plan)) return;
  needProgram(REAPER);
  for (const kind of kinds) {
    const touched = plan.changes.filter((change) => change.action !== 'none' && kindOf(change.address) === kind.name);
    if (touched.length > 0) kind.preflight(touched.flatMap((change) => change.spec ?? []));
  }
}

function sweep({ scope, desired }: Wish): void {
  if (desired.length === 0) for (const kind of kinds) kind.sweep?.(scope);
}

/** The proof: a second plan must be empty, but for what has been said to have failed. */
async function lookAgain(
  { scope, desired, selection }: Wish,
  outcomes: readonly Outcome[],
): Promise<{ differs: readonly Event[]; rest: readonly Change[]; world: World }> {
  const lost = new Set(outcomes.filter(({ result }) => result !== 'done').map(({ step }) => step.change.address));
  // What has been started is as wanted now, also where it has come to its end by itself meanwhile.
  const wanted = selection.order === 'restart' || selection.order === 'start' ? { limit: selection.limit } : selection;
  const { plan, world } = await planFor(scope, desired, wanted);
  const rest = plan.changes.filter((change) => !lost.has(change.address));
  return { differs: differsEvents({ ...plan, changes: rest }), rest, world };
}

/** What the run tells of its subhosts for the runs to come. Gives what is to be said of that. */
function keepRecords({ scope, desired, selection, isUnattended }: Wish, end: Omit<RunEnd, 'scope' | 'desired' | 'isUnattended'>): Event[] {
  const scene = { scope, desired, world: end.world };
  keepWanted({ scope, selection, ...end });
  if (isUnattended !== undefined) learn({ ...end, scope, desired, isUnattended });
  forgetGone(scene, selection.limit);
  return isUnattended === undefined ? [] : newlyStalled(scene);
}
