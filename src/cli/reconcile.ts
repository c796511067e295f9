import type { World } from '../planner/live.ts';
import { ExitCode, ObError } from '../resources/error.ts';
import type { HostsFile } from '../resources/hosts.ts';
import type { Look } from '../resources/machine.ts';
import { refuseTakenBack } from './back/pending.ts';
import { createSafety } from './back/safety.ts';
import type { Args, Context } from './command.ts';
import { planEvents } from './events.ts';
import { type AsRead, digestOfWanted, refuseMoved } from './plan-file.ts';
import { takeUp } from './record/learn.ts';
import { keepParsed } from './record/parsed.ts';
import { type Asking, gateEvents, newlyStalled, planRound, refuseHeld } from './record/round.ts';
import { runPlan, type Wish } from './run-plan.ts';
import { checkLimit, desiredOf, limitOf, namesOf } from './session.ts';

interface Known {
  /** The plan that a person has read: no other is run. */
  readonly asRead?: AsRead | undefined;
  /** What has been seen of the machine, if nothing can have changed it since. */
  readonly look?: Look;
}

/** One run of apply, of what PATHS say: reads the machine, plans, and runs the plan. Needs the lock. Gives the exit code. `quiet` says that nobody is there. */
export async function reconcile(
  paths: readonly string[],
  file: HostsFile,
  args: Args,
  context: Context,
  { asRead, look }: Known = {},
): Promise<number> {
  const { scope } = file;
  const limit = limitOf(args.limit, args.files, namesOf(file));
  const desired = desiredOf(file);
  const isUnattended = args.quiet;
  if (args.confirm === undefined && !args.rollbackOnFailure) refuseTakenBack(scope, () => digestOfWanted(desired), isUnattended);
  const asking = { scope, desired, selection: { limit }, isUnattended };
  const { plan, world, selection, reasons } = await planRound({ ...asking, ...(look ? { look } : {}) });
  if (!isUnattended) refuseHeld(scope, args.limit, { desired, world });
  if (limit) checkLimit(limit, desired, world.live.values());
  const empty = args.allowEmpty ? undefined : emptyRefusal(paths, file, world);
  if (empty) throw empty;
  if (asRead) refuseMoved(asRead, desired, planEvents(plan));
  const safety = createSafety({ file, desired, world, selection }, args, context);
  // Who is refused has not asked for more than he was told.
  if (!isUnattended) takeUp(scope, plan, { limit, leave: selection.leave });
  for (const event of gateEvents(reasons)) context.output.sink(event);
  const stalled = newlyStalled({ scope, desired, world });
  for (const event of stalled) context.output.sink(event);
  const wish = { scope, desired, selection, world, isUnattended, begin: safety.begin };
  const ran = await runPlan(plan, wish, args, context);
  if (isUnattended && plan.blockers.length > 0) await goAround(asking, wish, args, context);
  const code = await safety.end(ran);
  if (code === ExitCode.ok) keepParsed(file);
  return code === ExitCode.ok && stalled.length > 0 ? ExitCode.failed : code;
}

/** What something is in the way of is on record now, and left alone: the others need not wait for the next run. */
async function goAround(asking: Asking, wish: Wish, args: Args, context: Context): Promise<void> {
  const { plan, world, selection } = await planRound(asking);
  if (plan.blockers.length === 0) await runPlan(plan, { ...wish, world, selection }, args, context);
}

/** Why nothing is done for a file without subhosts: somebody may have cut it off by mistake. */
export function emptyRefusal(paths: readonly string[], { scope, subhosts }: HostsFile, { live }: World): ObError | undefined {
  if (subhosts.length > 0 || live.size === 0) return undefined;
  const what = `${live.size} resources of scope "${scope}" are there: all would be removed`;
  return new ObError(`${paths.join(', ')} names no subhost, and ${what}`, { hint: '--allow-empty if that is what you want' });
}
