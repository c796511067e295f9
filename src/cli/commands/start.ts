import type { Command } from '../command.ts';
import { applySelected } from '../selected.ts';

export const start: Command = {
  name: 'start',
  positionals: '<names..>',
  summary: 'Start subhosts, and bring them to what the file says',
  options: ['file', 'json', 'parallel', 'lockTimeout'],
  examples: [['ob start web client', 'As ob apply --limit web,client']],
  needsRoot: true,
  changes: true,
  tellsEvents: true,

  run: (args, context) => applySelected({ limit: new Set(args.names), order: 'start' }, args, context),
};
