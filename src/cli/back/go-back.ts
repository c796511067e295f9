import { makePlan, type Selection } from '../../planner/plan.ts';
import { ExitCode } from '../../resources/error.ts';
import { kinds } from '../../resources/index.ts';
import type { Args, Context } from '../command.ts';
import { stampNow } from '../record/clock.ts';
import { createEventsLog } from '../record/events-log.ts';
import { gate } from '../record/gate.ts';
import { gateEvents } from '../record/round.ts';
import { runPlan, type Wish } from '../run-plan.ts';
import { desiredOf, planFor } from '../session.ts';
import { writeApplied } from './applied.ts';
import { dropPending, type TakenBack, type WayBack, writeTakenBack } from './pending.ts';

/** What goes back may meet what is just ending. */
const TRIES = 3;

/** Makes the machine what it was told to be before a run, and looks if it is. Needs the lock. True: it is. */
export async function goBack(way: WayBack, why: TakenBack['why'], args: Args, context: Context): Promise<boolean> {
  const { scope, before, by, wanted } = way;
  const { sink, warn } = context.output;
  const limit = way.limit ? new Set(way.limit) : undefined;
  const log = createEventsLog(scope, context.commandLine, warn);
  sink({ type: 'rollback', why, by });
  writeApplied(before, before, limit);
  let isBack = false;
  for (let tries = 0; tries < TRIES && !isBack && !context.signal.aborted; tries++) isBack = await tryBack(way, limit, args, context);
  writeTakenBack(scope, { ...stampNow(), wanted, by, why, isBack, told: false });
  dropPending();
  log.add({ subhost: null, address: null, what: isBack ? 'taken-back' : 'not-back', why: `${WHY[why]}: ${by}` });
  log.flush();
  sink({ type: 'rolled-back', ok: isBack });
  return isBack;
}

const WHY: Readonly<Record<TakenBack['why'], string>> = { unconfirmed: 'nobody confirmed it in time', failed: 'it failed' };

async function tryBack(way: WayBack, limit: ReadonlySet<string> | undefined, args: Args, context: Context): Promise<boolean> {
  const { scope } = way;
  const desired = desiredOf(way.before);
  const asked: Selection = { limit, also: new Set(way.also) };
  const { world } = await planFor(scope, desired, asked);
  // A person may have begun to work on one of them since.
  const held = gate({ scope, desired, world, isUnattended: false, limit });
  for (const event of gateEvents(held.reasons.filter(({ isLeft }) => isLeft))) context.output.sink(event);
  const selection = { ...asked, leave: new Set([...way.leave, ...held.leave]) };
  const wish: Wish = { scope, desired, selection, world };
  return (await runPlan(makePlan(kinds, desired, world, selection), wish, args, context)) === ExitCode.ok;
}
