import { ExitCode, ObError } from '../../resources/error.ts';
import { dropPending, readPending } from '../back/pending.ts';
import { standWatch } from '../back/watchdog.ts';
import type { Command } from '../command.ts';
import { withLock } from '../lock.ts';
import { sinceBoot } from '../record/clock.ts';
import { createEventsLog } from '../record/events-log.ts';

export const confirm: Command = {
  name: 'confirm',
  positionals: '',
  summary: 'Keep what ob apply --confirm did',
  options: ['json', 'lockTimeout', 'watchdog'],
  examples: [['ob confirm', 'Within the time of ob apply --confirm; without it the former state comes back']],
  needsRoot: true,
  changes: true,
  tellsEvents: true,

  async run(args, context) {
    if (args.watchdog) return standWatch(args, context);
    return withLock(args.lockTimeout, context, async () => {
      const pending = readPending();
      if (!pending) throw nothingWaits();
      dropPending();
      const log = createEventsLog(pending.scope, context.commandLine, context.output.warn);
      log.add({ subhost: null, address: null, what: 'confirmed', why: pending.by });
      log.flush();
      for (const change of pending.changes) context.output.sink(change);
      context.output.sink({ type: 'confirmed', by: pending.by, seconds: Math.round((sinceBoot() - pending.at) / 1000) });
      return ExitCode.ok;
    });
  },
};

function nothingWaits(): ObError {
  return new ObError('nothing waits to be confirmed', { hint: 'what was taken back, and when: ob events' });
}
