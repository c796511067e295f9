import { ObError } from '../../resources/error.ts';
import type { Command } from '../command.ts';
import { withLock } from '../lock.ts';
import { runPlan } from '../run-plan.ts';
import { checkLimit, desiredOf, findHostsFiles, limitOf, namesOf, planFor, readFiles } from '../session.ts';

export const apply: Command = {
  name: 'apply',
  positionals: '[file..]',
  summary: 'Make this machine what the hosts file says',
  options: ['limit', 'json', 'quiet', 'parallel', 'lockTimeout', 'allowEmpty'],
  examples: [
    ['ob apply', 'What ./hosts.yaml or /etc/ob/hosts.yaml says'],
    ['ob apply demo.yaml --limit web,client', 'Only these two, and what they need'],
    ['ob apply -j 1 --lock-timeout 60', 'One thing at a time; wait for another run to end'],
  ],
  needsRoot: true,
  changes: true,
  tellsEvents: true,

  async run(args, context) {
    const paths = findHostsFiles(args.files);
    const early = await readFiles(paths, context.output.warn);
    return withLock(args.lockTimeout, context, async (hasWaited) => {
      const file = hasWaited ? await readFiles(paths, context.output.warn) : early;
      const limit = limitOf(args.limit, args.files, namesOf(file));
      const desired = desiredOf(file);
      const { plan, world } = await planFor(file.scope, desired, { limit });
      if (limit) checkLimit(limit, desired, world.live.values());
      if (file.subhosts.length === 0 && world.live.size > 0 && !args.allowEmpty)
        throw wouldEmpty(paths.join(', '), file.scope, world.live.size);
      return runPlan(plan, { scope: file.scope, desired, selection: { limit } }, args, context);
    });
  },
};

function wouldEmpty(path: string, scope: string, count: number): ObError {
  return new ObError(`${path} names no subhost, and ${count} resources of scope "${scope}" are there: all would be removed`, {
    hint: '--allow-empty if that is what you want',
  });
}
