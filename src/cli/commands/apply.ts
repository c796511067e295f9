import { ObError } from '../../resources/error.ts';
import type { Command } from '../command.ts';
import { withLock } from '../lock.ts';
import { runPlan } from '../run-plan.ts';
import { checkLimit, desiredOf, findHostsFile, planFor, readFile } from '../session.ts';

export const apply: Command = {
  name: 'apply',
  positionals: '[file]',
  summary: 'Make this machine what the hosts file says',
  options: ['limit', 'json', 'parallel', 'lockTimeout', 'allowEmpty'],
  examples: [
    ['ob apply', 'What ./hosts.yaml or /etc/ob/hosts.yaml says'],
    ['ob apply demo.yaml --limit web,client', 'Only these two, and what they need'],
    ['ob apply -j 1 --lock-timeout 60', 'One thing at a time; wait for another run to end'],
  ],
  needsRoot: true,

  async run(args, context) {
    const path = findHostsFile(args.file);
    const file = await readFile(path);
    const desired = desiredOf(file);
    const limit = args.limit.length > 0 ? new Set(args.limit) : undefined;
    return withLock(args.lockTimeout, context.commandLine, async () => {
      const { plan, world } = await planFor(file.scope, desired, limit);
      if (limit) checkLimit(limit, desired, world);
      if (file.subhosts.length === 0 && world.live.size > 0 && !args.allowEmpty)
        throw new ObError(
          `${path} names no subhost, and ${world.live.size} resources of scope "${file.scope}" are there: all would be removed`,
          {
            hint: '--allow-empty if that is what you want',
          },
        );
      return runPlan(plan, { scope: file.scope, desired, limit }, args, context);
    });
  },
};
