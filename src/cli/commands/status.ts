import { ExitCode } from '../../resources/error.ts';
import { notesOnBack } from '../back/pending.ts';
import type { Command } from '../command.ts';
import { readScene } from '../read-status.ts';
import { isWell } from '../status.ts';
import { statusLines } from '../status-table.ts';

export const status: Command = {
  name: 'status',
  positionals: '[file..]',
  summary: 'Show every subhost of a hosts file, or of a scope',
  options: ['format', 'json', 'scope'],
  examples: [
    ['ob status', 'A table; exit 1 if not all is well'],
    ['ob status -o wide', 'With all conditions'],
    ['ob status -o json', 'All that is known, for a monitor'],
    ['ob status --scope demo', 'From the marks alone, without a file'],
  ],
  needsRoot: true,

  async run(args, { stdout, output }) {
    const { scope, all } = await readScene(args);
    for (const note of notesOnBack(scope)) output.warn(`ob: note: ${note}`);
    if (args.json || args.format === 'json') stdout.write(`${JSON.stringify(all, null, 2)}\n`);
    else for (const line of statusLines(all, args.format === 'wide', output.paint)) stdout.write(`${line}\n`);
    return all.every(isWell) ? ExitCode.ok : ExitCode.failed;
  },
};
