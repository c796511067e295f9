import { listSubhosts } from '../../resources/scopes.ts';
import type { Command } from '../command.ts';
import { scopeOf } from '../owned.ts';
import { stampNow } from '../record/clock.ts';
import type { Stop } from '../record/records.ts';
import { refuseHeld } from '../record/round.ts';
import { writeRecord } from '../record/store.ts';
import { runPlan } from '../run-plan.ts';
import { lookAhead, planFor } from '../session.ts';
import { withTurn } from '../turn.ts';

export const stop: Command = {
  name: 'stop',
  positionals: '<names..>',
  summary: 'Stop subhosts; their cables and roots stay',
  options: ['json', 'parallel', 'lockTimeout', 'scope'],
  examples: [
    ['ob stop web client', 'Until ob start or apply; cron and ob watch start neither'],
    ['ob stop web --scope demo', 'If two scopes have a web'],
  ],
  needsRoot: true,
  changes: true,
  tellsEvents: true,

  run: (args, context) =>
    withTurn(args, context, async () => {
      const look = lookAhead();
      const scope = scopeOf(args.names, await listSubhosts(look), args.scope);
      const selection = { limit: new Set(args.names), order: 'stop' } as const;
      const { plan, world } = await planFor(scope, [], selection, look);
      refuseHeld(scope, args.names, { desired: [], world });
      // Before it stops: an unattended run that comes after a kill of this one does not start it again.
      for (const name of args.names) writeRecord({ scope, name }, 'stop', { ...stampNow(), by: context.commandLine } satisfies Stop);
      return runPlan(plan, { scope, desired: [], selection, world }, args, context);
    }),
};
