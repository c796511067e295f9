import { resolve } from 'node:path';
import { machineFacts } from '../../planner/hosts/facts.ts';
import { toShare, wrongShare, wrongTarget } from '../../planner/hosts/share.ts';
import type { Running } from '../../resources/enter.ts';
import { ExitCode, ObError } from '../../resources/error.ts';
import type { Share } from '../../resources/hosts.ts';
import type { Look } from '../../resources/machine.ts';
import { markOf } from '../../resources/marks.ts';
import { changeShares, listShares, showShare } from '../../resources/shares.ts';
import type { Command } from '../command.ts';
import { createEventsLog } from '../record/events-log.ts';
import { findRunning } from '../running.ts';
import { newLook, REAPER } from '../session.ts';
import { withTurn } from '../turn.ts';

export const share: Command = {
  name: 'share',
  positionals: '<name> <shares..>',
  summary: 'Let a running subhost see directories and files of the machine',
  options: ['scope', 'lockTimeout'],
  examples: [
    ['ob share web /srv/data', 'At the same place inside, at once'],
    ['ob share web ./www:/var/www:ro', 'At another place, and not written there'],
  ],
  needsRoot: true,
  changes: true,

  run(args, context) {
    const {
      names: [name = '', ...texts],
      scope,
    } = args;
    const shares = texts.map(readShare);
    return withTurn(args, context, async () => {
      const look = newLook();
      const running = findRunning(look, name, scope);
      const fresh = shares.filter((one) => !isShared(look, running, one));
      const log = createEventsLog(running.owner.scope, context.commandLine, context.output.warn);
      // One at a time: those before one that fails are there, and have been told.
      for (const one of fresh) {
        const error = await changeShares(REAPER, running.init, [], [one]);
        if (error) throw error;
        log.add({ subhost: name, address: null, what: 'shared', why: showShare(one) });
        context.stdout.write(`${name}: ${showShare(one)}\n`);
      }
      if (fresh.length > 0) process.stderr.write('The next apply takes this away, unless it is under "share" in the hosts file.\n');
      return ExitCode.ok;
    });
  },
};

function readShare(text: string): Share {
  const facts = machineFacts(undefined);
  const wrong = wrongShare(text);
  if (wrong) throw new ObError(`"${text}" is no share: ${wrong}`, { exitCode: ExitCode.usage });
  const one = toShare(text, (path) => facts.realPath(resolve(path)));
  if (facts.whatIs(one.source) === 'nothing') throw new ObError(`${one.source} does not exist`, { exitCode: ExitCode.usage });
  const wrongPlace = wrongTarget(one.target);
  if (wrongPlace) throw new ObError(wrongPlace, { hint: `say where it is seen inside: ${one.source}:/PLACE`, exitCode: ExitCode.usage });
  return one;
}

/** An error where something else is seen at its place. */
function isShared(look: Look, { owner, init }: Running, wanted: Share): boolean {
  const seen = listShares(init, markOf(owner), look.mountinfo, [wanted]);
  if (seen.includes(showShare(wanted))) return true;
  if (!init.mounts.some(({ point }) => point === wanted.target)) return false;
  throw new ObError(`${owner.name} sees something else at ${wanted.target} already`, {
    hint: `another place: ${wanted.source}:/PLACE`,
  });
}
