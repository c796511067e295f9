import { isEmpty } from '../../planner/plan.ts';
import { ExitCode, ObError } from '../../resources/error.ts';
import { backRefusals } from '../back/pending.ts';
import type { Args, Command } from '../command.ts';
import { type Event, planEvents, type Sink } from '../events.ts';
import { digestOfWanted, type PlanFile, readPlanFile, type Source, writePlanFile } from '../plan-file.ts';
import { emptyRefusal } from '../reconcile.ts';
import { gateEvents, heldRefusal, planGated } from '../record/round.ts';
import { checkLimit, desiredOf, findHostsFiles, limitOf, lookAhead, namesOf, readFiles } from '../session.ts';

export const plan: Command = {
  name: 'plan',
  positionals: '[file..]',
  summary: 'Show what apply would do; changes nothing',
  options: ['limit', 'json', 'quiet', 'detailedExitcode', 'out'],
  examples: [
    ['ob plan', 'What ./hosts.yaml or /etc/ob/hosts.yaml would change'],
    ['ob plan demo.yaml --limit web', 'One subhost, and what it needs'],
    ['ob plan -o /root/ob.plan', 'Keep it; ob apply /root/ob.plan does that and nothing else'],
    ['ob plan --detailed-exitcode', 'Exit 0: nothing to do, 2: changes pending'],
  ],
  needsRoot: true,
  tellsEvents: true,

  async run(args, { output }) {
    const [only, ...more] = args.files;
    const kept = only !== undefined && more.length === 0 ? readPlanFile(only) : undefined;
    if (kept) return showAgain(kept, args, output.sink);
    const paths = findHostsFiles(args.files);
    const look = lookAhead();
    const file = await readFiles(paths, output.warn, look);
    const limit = limitOf(args.limit, args.files, namesOf(file));
    const desired = desiredOf(file);
    const asking = { scope: file.scope, desired, selection: { limit }, isUnattended: args.quiet, look };
    const { plan: found, world, reasons } = await planGated(asking);
    if (limit) checkLimit(limit, desired, world.live.values());
    const events = [...gateEvents(reasons), ...planEvents(found)];
    events.forEach(output.sink);
    const refusals = [
      ...backRefusals(file.scope, () => digestOfWanted(desired)),
      args.quiet ? undefined : heldRefusal(file.scope, args.limit, { desired, world }),
      emptyRefusal(paths, file, world),
    ];
    for (const error of refusals) if (error) output.warn(tellRefusal(error));
    if (args.out !== undefined) keep(args.out, { paths, scope: file.scope, limit: args.limit, desired }, events);
    if (found.blockers.length > 0) return ExitCode.failed;
    return args.detailedExitcode && !isEmpty(found) ? ExitCode.changesPending : ExitCode.ok;
  },
};

/** The plan is what there is to do; that it would not be done is another matter. */
function tellRefusal({ message, hint }: ObError): string {
  return `ob: note: apply refuses this: ${message}${hint ? `\n    -> ${hint}` : ''}`;
}

/** What is in the way may be another thing by the time that it is gone. */
function keep(path: string, source: Source, events: readonly Event[]): void {
  if (events.some(({ type }) => type === 'blocked'))
    throw new ObError(`the plan is not kept in ${path}: it cannot be applied`, { hint: 'first remove what is in the way' });
  writePlanFile(path, source, events);
}

/** As it was shown when it was made. */
function showAgain({ plan }: PlanFile, args: Args, sink: Sink): number {
  if (args.out !== undefined || args.limit.length > 0)
    throw new ObError('a plan that was kept is only shown again: neither limited nor kept anew', { exitCode: ExitCode.usage });
  plan.forEach(sink);
  const isNothing = plan.every((event) => event.type !== 'planned' || event.steps === 0);
  return args.detailedExitcode && !isNothing ? ExitCode.changesPending : ExitCode.ok;
}
