import type { Selection } from '../planner/plan.ts';
import type { HostsFile } from '../resources/hosts.ts';
import { knownBefore, writeApplied } from './back/applied.ts';
import { refuseTakenBack } from './back/pending.ts';
import type { Args, Context } from './command.ts';
import { digestOfWanted } from './plan-file.ts';
import { takeUp } from './record/learn.ts';
import { refuseHeld } from './record/round.ts';
import { runPlan } from './run-plan.ts';
import { checkLimit, desiredOf, findHostsFiles, lookAhead, planFor, readFiles, warn } from './session.ts';
import { withTurn } from './turn.ts';

/** Applies what the hosts file says of some subhosts. Gives the exit code. */
export function applySelected(
  selection: Selection & { readonly limit: ReadonlySet<string> },
  args: Args,
  context: Context,
): Promise<number> {
  return withTurn(args, context, async () => {
    const look = lookAhead();
    return applyPart(await readFiles(findHostsFiles(args.files), warn, look), selection, args, context, look);
  });
}

/** The same of a file that has been read. Needs the lock. */
export async function applyPart(
  file: HostsFile,
  selection: Selection & { readonly limit: ReadonlySet<string> },
  args: Args,
  context: Context,
  look = lookAhead(),
): Promise<number> {
  const desired = desiredOf(file);
  // Of what only the machine has, apply would make nothing but a removal: not what is asked for here.
  checkLimit(selection.limit, desired);
  refuseTakenBack(file.scope, () => digestOfWanted(desired), false);
  const { plan, world } = await planFor(file.scope, desired, selection, look);
  refuseHeld(file.scope, selection.limit, { desired, world });
  takeUp(file.scope, plan, selection);
  const begin = async (): Promise<void> => writeApplied(knownBefore(file.scope, world), file, selection.limit);
  return runPlan(plan, { scope: file.scope, desired, selection, world, isUnattended: false, begin }, args, context);
}
