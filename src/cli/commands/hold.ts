import { ExitCode } from '../../resources/error.ts';
import type { Command } from '../command.ts';
import { printable } from '../printable.ts';
import { stampNow } from '../record/clock.ts';
import { holdMessage } from '../record/gate.ts';
import { changeNamed } from '../record/named.ts';
import type { Hold } from '../record/records.ts';
import { writeRecord } from '../record/store.ts';

export const hold: Command = {
  name: 'hold',
  positionals: '<names..>',
  summary: 'Keep every run off subhosts while you work on them',
  options: ['for', 'why', 'file', 'scope', 'lockTimeout'],
  examples: [
    ['ob hold web --for 2h --why "moving its disk"', 'It ends by itself'],
    ['ob hold web', 'Until ob release web, or the next boot'],
  ],
  needsRoot: true,
  changes: true,

  async run(args, context) {
    const why = (args.why ?? '').trim();
    await changeNamed(args, context, (owner) => {
      const stamp = stampNow();
      const until = args.for === undefined ? null : stamp.at + args.for * 1000;
      writeRecord(owner, 'hold', { ...stamp, until, why } satisfies Hold);
      const say = holdMessage(owner.name, { until, why }, stamp.at);
      return { say: printable(say), news: { what: 'held', why: say } };
    });
    return ExitCode.ok;
  },
};
