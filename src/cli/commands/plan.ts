import { isEmpty } from '../../planner/plan.ts';
import { ExitCode } from '../../resources/error.ts';
import type { Command } from '../command.ts';
import { planEvents } from '../events.ts';
import { gateEvents, planGated } from '../record/round.ts';
import { checkLimit, desiredOf, findHostsFiles, limitOf, namesOf, readFiles } from '../session.ts';

export const plan: Command = {
  name: 'plan',
  positionals: '[file..]',
  summary: 'Show what apply would do; changes nothing',
  options: ['limit', 'json', 'quiet', 'detailedExitcode'],
  examples: [
    ['ob plan', 'What ./hosts.yaml or /etc/ob/hosts.yaml would change'],
    ['ob plan demo.yaml --limit web', 'One subhost, and what it needs'],
    ['ob plan --detailed-exitcode', 'Exit 0: nothing to do, 2: changes pending'],
  ],
  needsRoot: true,
  tellsEvents: true,

  async run(args, { output }) {
    const file = await readFiles(findHostsFiles(args.files), output.warn);
    const limit = limitOf(args.limit, args.files, namesOf(file));
    const desired = desiredOf(file);
    const asking = { scope: file.scope, desired, selection: { limit }, isUnattended: args.quiet };
    const { plan: found, world, reasons } = await planGated(asking);
    if (limit) checkLimit(limit, desired, world.live.values());
    for (const event of [...gateEvents(reasons), ...planEvents(found)]) output.sink(event);
    if (found.blockers.length > 0) return ExitCode.failed;
    return args.detailedExitcode && !isEmpty(found) ? ExitCode.changesPending : ExitCode.ok;
  },
};
