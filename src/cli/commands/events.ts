import { ExitCode } from '../../resources/error.ts';
import type { Args, Command } from '../command.ts';
import { entryHead, entryLine } from '../entry-text.ts';
import { readKept } from '../follow.ts';
import { type Entry, EVENTS_LOG, parseEntry } from '../record/events-log.ts';

export const events: Command = {
  name: 'events',
  positionals: '[names..]',
  summary: 'Show what ob did on this machine, and when',
  options: ['scope', 'follow', 'json'],
  examples: [
    ['ob events', 'Every repair, start, stop and failure that is kept'],
    ['ob events web -f', 'Of one subhost, and what comes'],
    ['ob events --json', 'One object a line'],
  ],
  needsRoot: true,

  async run(args, { stdout, output }) {
    let by = '';
    let count = 0;
    for await (const entry of readEntries(args.follow)) {
      if (!isMeant(entry, args)) continue;
      count++;
      if (args.json) stdout.write(`${JSON.stringify(entry)}\n`);
      else {
        if (entry.by !== by) stdout.write(`${output.paint('bold', entryHead(entry))}\n`);
        stdout.write(`${entryLine(entry, output.paint)}\n`);
        by = entry.by;
      }
    }
    if (count === 0) process.stderr.write(`ob: nothing${args.names.length > 0 ? ' of that' : ''} is kept in ${EVENTS_LOG}\n`);
    return ExitCode.ok;
  },
};

/** Lines that a kill has cut short are passed over. */
async function* readEntries(follow: boolean): AsyncGenerator<Entry> {
  let rest = '';
  for await (const bytes of readKept(EVENTS_LOG, follow)) {
    const lines = `${rest}${bytes}`.split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      const entry = parseEntry(line);
      if (entry) yield entry;
    }
  }
}

function isMeant({ scope, subhost }: Entry, args: Args): boolean {
  if (args.scope !== undefined && scope !== args.scope) return false;
  return args.names.length === 0 || (subhost !== null && args.names.includes(subhost));
}
