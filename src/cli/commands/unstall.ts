import { ExitCode } from '../../resources/error.ts';
import type { Command } from '../command.ts';
import { changeNamed } from '../record/named.ts';
import { readTrouble } from '../record/records.ts';
import { dropRecord } from '../record/store.ts';

export const unstall: Command = {
  name: 'unstall',
  positionals: '<names..>',
  summary: 'Let unattended runs repair subhosts again that are stalled',
  options: ['file', 'scope', 'lockTimeout'],
  examples: [['ob unstall web', 'Its failures are forgotten; the next run tries again']],
  needsRoot: true,
  changes: true,

  async run(args, context) {
    await changeNamed(args, context, (owner) => {
      const trouble = readTrouble(owner);
      dropRecord(owner, 'trouble');
      dropRecord(owner, 'repair');
      if (!trouble) return { say: `${owner.name} was not left alone` };
      return { say: `${owner.name}: the next run tries again`, news: { what: 'unstalled' } };
    });
    return ExitCode.ok;
  },
};
