import { ExitCode } from '../../resources/error.ts';
import type { Command } from '../command.ts';
import { changeNamed } from '../record/named.ts';
import { readHold } from '../record/records.ts';
import { dropRecord } from '../record/store.ts';

export const release: Command = {
  name: 'release',
  positionals: '<names..>',
  summary: 'End the hold on subhosts',
  options: ['file', 'scope', 'lockTimeout'],
  examples: [['ob release web', 'From now on runs repair it again']],
  needsRoot: true,
  changes: true,

  async run(args, context) {
    await changeNamed(args, context, (owner) => {
      const isHeld = readHold(owner) !== undefined;
      dropRecord(owner, 'hold');
      return isHeld ? { say: `${owner.name} is released`, news: { what: 'released' } } : { say: `${owner.name} was not held` };
    });
    return ExitCode.ok;
  },
};
