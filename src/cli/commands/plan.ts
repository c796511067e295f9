import { isEmpty } from '../../planner/plan.ts';
import { ExitCode } from '../../resources/error.ts';
import type { Command } from '../command.ts';
import { planEvents } from '../events.ts';
import { checkLimit, desiredOf, findHostsFiles, limitOf, namesOf, planFor, readFiles } from '../session.ts';

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
    const { plan: found, world } = await planFor(file.scope, desired, { limit });
    if (limit) checkLimit(limit, desired, world.live.values());
    for (const event of planEvents(found)) output.sink(event);
    if (found.blockers.length > 0) return ExitCode.failed;
    return args.detailedExitcode && !isEmpty(found) ? ExitCode.changesPending : ExitCode.ok;
  },
};
