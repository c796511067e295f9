import type { Selection } from '../planner/plan.ts';
import { ObError } from '../resources/error.ts';
import type { HostsFile } from '../resources/hosts.ts';
import type { Args, Context } from './command.ts';
import { runPlan } from './run-plan.ts';
import { checkLimit, desiredOf, limitOf, namesOf, planFor } from './session.ts';

/** One run of apply, of what PATHS say: reads the machine, plans, and runs the plan. Needs the lock. Gives the exit code. */
export async function reconcile(paths: readonly string[], file: HostsFile, args: Args, context: Context): Promise<number> {
  const { scope } = file;
  const limit = limitOf(args.limit, args.files, namesOf(file));
  const selection: Selection = { limit };
  const desired = desiredOf(file);
  const { plan, world } = await planFor(scope, desired, selection);
  if (limit) checkLimit(limit, desired, world.live.values());
  if (file.subhosts.length === 0 && world.live.size > 0 && !args.allowEmpty) throw wouldEmpty(paths.join(', '), scope, world.live.size);
  return runPlan(plan, { scope, desired, selection }, args, context);
}

function wouldEmpty(path: string, scope: string, count: number): ObError {
  return new ObError(`${path} names no subhost, and ${count} resources of scope "${scope}" are there: all would be removed`, {
    hint: '--allow-empty if that is what you want',
  });
}
