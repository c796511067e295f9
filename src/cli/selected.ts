import type { Selection } from '../planner/plan.ts';
import type { Args, Context } from './command.ts';
import { withLock } from './lock.ts';
import { takeUp } from './record/learn.ts';
import { refuseHeld } from './record/round.ts';
import { runPlan } from './run-plan.ts';
import { checkLimit, desiredOf, findHostsFiles, planFor, readFiles } from './session.ts';

/** Applies what the hosts file says of some subhosts. Gives the exit code. */
export function applySelected(
  selection: Selection & { readonly limit: ReadonlySet<string> },
  args: Args,
  context: Context,
): Promise<number> {
  return withLock(args.lockTimeout, context, async () => {
    const file = await readFiles(findHostsFiles(args.files));
    const desired = desiredOf(file);
    // Of what only the machine has, apply would make nothing but a removal: not what is asked for here.
    checkLimit(selection.limit, desired);
    const { plan, world } = await planFor(file.scope, desired, selection);
    refuseHeld(file.scope, selection.limit, { desired, world });
    takeUp(file.scope, selection.limit);
    return runPlan(plan, { scope: file.scope, desired, selection, world, isUnattended: false }, args, context);
  });
}
