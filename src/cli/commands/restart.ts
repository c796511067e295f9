import type { Command } from '../command.ts';
import { applySelected } from '../selected.ts';

export const restart: Command = {
  name: 'restart',
  positionals: '<names..>',
  summary: 'Stop subhosts and start them again; cables stay plugged in',
  options: ['file', 'json', 'parallel', 'lockTimeout'],
  examples: [['ob restart web', 'With all that the file says differently by now']],
  needsRoot: true,
  changes: true,
  tellsEvents: true,

  run: (args, context) => applySelected({ limit: new Set(args.names), order: 'restart' }, args, context),
};
