import { existsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { ExitCode, ObError } from '../../resources/error.ts';
import { defaultLog, readBootLog, scopesWithLog } from '../../resources/log.ts';
import type { Args, Command, Context } from '../command.ts';
import { readKept } from '../follow.ts';
import { printable } from '../printable.ts';
import { findRunning } from '../running.ts';
import { findHostsFiles, newLook, REAPER, readFiles } from '../session.ts';

export const logs: Command = {
  name: 'logs',
  positionals: '<name>',
  summary: 'Show what the start commands of a subhost said, also of one that is stopped',
  options: ['file', 'scope', 'follow', 'boot'],
  examples: [
    ['ob logs web', 'The kept log: one part for each start'],
    ['ob logs web --boot -f', 'Only the present boot, as it goes on'],
  ],
  needsRoot: true,

  async run(args, { stdout }) {
    const [name = ''] = args.names;
    const write = writerTo(stdout);
    if (args.boot) await showBoot(name, args, write);
    else await showKept(name, await findLog(name, args), args.follow, write);
    return ExitCode.ok;
  },
};

type Write = (text: string) => void;

/** Into a file or a pipe it goes as it is; a terminal must not be steered by what is inside. */
function writerTo(stdout: Context['stdout']): Write {
  if (!stdout.isTTY) return (text) => void stdout.write(text);
  return (text) =>
    void stdout.write(
      text
        .split('\n')
        .map((line) => line.split('\t').map(printable).join('\t'))
        .join('\n'),
    );
}

const LOOK_AGAIN_MS = 300;
const ALL = 1 << 26;

async function showBoot(name: string, { scope, follow }: Args, write: Write): Promise<void> {
  const { init } = findRunning(newLook(), name, scope);
  let shown = '';
  do {
    const text = await readBootLog(REAPER, init, ALL).catch((error: unknown) => {
      // It has ended: so has its log.
      if (shown === '') throw error;
      return undefined;
    });
    if (text === undefined) return;
    const whole = text === '' ? '' : `${text}\n`;
    write(whole.startsWith(shown) ? whole.slice(shown.length) : whole);
    shown = whole;
    if (follow) await sleep(LOOK_AGAIN_MS);
  } while (follow);
}

async function showKept(name: string, path: string, follow: boolean, write: Write): Promise<void> {
  if (!follow && !existsSync(path) && !existsSync(`${path}.1`))
    throw new ObError(`no log of ${name} is kept: there is no ${path}`, {
      hint: 'it begins with the next start that has something to start',
    });
  for await (const text of readKept(path, follow)) write(String(text));
}

/** The place that the hosts file says, if it knows the subhost; else the usual one. */
async function findLog(name: string, { files, scope }: Args): Promise<string> {
  const subhost = await findInFile(name, files, scope);
  if (subhost) return subhost;
  const scopes = scope === undefined ? scopesWithLog(name) : [scope];
  const [only = 'default', ...more] = scopes;
  if (more.length === 0) return defaultLog({ scope: only, name });
  throw new ObError(`${name} has logs in the scopes ${scopes.join(', ')}`, { hint: `--scope ${only}`, exitCode: ExitCode.usage });
}

async function findInFile(name: string, files: readonly string[], scope: string | undefined): Promise<string | undefined> {
  try {
    const file = await readFiles(findHostsFiles(files));
    const found = file.subhosts.find((one) => one.name === name);
    if (!found || (scope !== undefined && scope !== file.scope)) return undefined;
    return found.log ?? defaultLog({ scope: file.scope, name });
  } catch (error) {
    // A log is wanted most when things are wrong.
    if (files.length > 0 || !(error instanceof ObError)) throw error;
    return undefined;
  }
}
