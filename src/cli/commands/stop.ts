import { createLook } from '../../resources/machine.ts';
import { listSubhosts } from '../../resources/scopes.ts';
import type { Command } from '../command.ts';
import { withLock } from '../lock.ts';
import { scopeOf } from '../owned.ts';
import { runPlan } from '../run-plan.ts';
import { planFor, REAPER } from '../session.ts';

export const stop: Command = {
  name: 'stop',
  positionals: '<names..>',
  summary: 'Stop subhosts; their cables and roots stay',
  options: ['json', 'parallel', 'lockTimeout', 'scope'],
  examples: [
    ['ob stop web client', 'Services in reverse order, then whatever is left; ob start or apply starts them'],
    ['ob stop web --scope demo', 'If two scopes have a web'],
  ],
  needsRoot: true,
  changes: true,
  tellsEvents: true,

  run: (args, context) =>
    withLock(args.lockTimeout, context, async () => {
      const scope = scopeOf(args.names, await listSubhosts(createLook(REAPER)), args.scope);
      const selection = { limit: new Set(args.names), order: 'stop' } as const;
      const { plan } = await planFor(scope, [], selection);
      return runPlan(plan, { scope, desired: [], selection }, args, context);
    }),
};
