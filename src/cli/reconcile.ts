import { ExitCode, ObError } from '../resources/error.ts';
import type { HostsFile } from '../resources/hosts.ts';
import type { Args, Context } from './command.ts';
import { gateEvents, newlyStalled, planRound, refuseHeld } from './record/round.ts';
import { runPlan } from './run-plan.ts';
import { checkLimit, desiredOf, limitOf, namesOf } from './session.ts';

/** One run of apply, of what PATHS say: reads the machine, plans, and runs the plan. Needs the lock. Gives the exit code. `quiet` says that nobody is there. */
export async function reconcile(paths: readonly string[], file: HostsFile, args: Args, context: Context): Promise<number> {
  const { scope } = file;
  const limit = limitOf(args.limit, args.files, namesOf(file));
  const desired = desiredOf(file);
  const isUnattended = args.quiet;
  const { plan, world, selection, reasons } = await planRound({ scope, desired, selection: { limit }, isUnattended });
  if (!isUnattended) refuseHeld(scope, args.limit, { desired, world });
  if (limit) checkLimit(limit, desired, world.live.values());
  if (file.subhosts.length === 0 && world.live.size > 0 && !args.allowEmpty) throw wouldEmpty(paths.join(', '), scope, world.live.size);
  for (const event of gateEvents(reasons)) context.output.sink(event);
  const stalled = newlyStalled({ scope, desired, world });
  for (const event of stalled) context.output.sink(event);
  const code = await runPlan(plan, { scope, desired, selection, world, isUnattended }, args, context);
  return code === ExitCode.ok && stalled.length > 0 ? ExitCode.failed : code;
}

function wouldEmpty(path: string, scope: string, count: number): ObError {
  return new ObError(`${path} names no subhost, and ${count} resources of scope "${scope}" are there: all would be removed`, {
    hint: '--allow-empty if that is what you want',
  });
}
