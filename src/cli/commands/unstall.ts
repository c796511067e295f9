import { ExitCode } from '../../resources/error.ts';
import type { Owner } from '../../resources/marks.ts';
import type { Command } from '../command.ts';
import { changeNamed } from '../record/named.ts';
import { readTrouble } from '../record/records.ts';
import { dropRecord, listAllRecorded } from '../record/store.ts';
import { isShared } from '../record/unit.ts';

export const unstall: Command = {
  name: 'unstall',
  positionals: '<names..>',
  summary: 'Let unattended runs repair subhosts, or bridges, again that are stalled',
  options: ['file', 'scope', 'lockTimeout'],
  examples: [
    ['ob unstall web', 'Its failures are forgotten; the next run tries again'],
    ['ob unstall bridge/ob0', 'Those of a bridge'],
  ],
  needsRoot: true,
  changes: true,

  async run(args, context) {
    const recorded = new Set(listAllRecorded().map(({ name }) => name));
    const isKnown = (name: string): boolean => !isShared(name) || recorded.has(name);
    for (const name of args.names) if (!isKnown(name)) context.stdout.write(`${notLeft(name)}\n`);
    const names = args.names.filter(isKnown);
    if (names.length > 0) await changeNamed({ ...args, names }, context, tryAgain, { ofShared: true });
    return ExitCode.ok;
  },
};

function tryAgain(owner: Owner): { say: string; news?: { what: 'unstalled' } } {
  const trouble = readTrouble(owner);
  dropRecord(owner, 'trouble');
  dropRecord(owner, 'repair');
  if (!trouble) return { say: notLeft(owner.name) };
  return { say: `${owner.name}: the next run tries again`, news: { what: 'unstalled' } };
}

function notLeft(name: string): string {
  return `${name} was not left alone`;
}
