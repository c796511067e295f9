import yargs, { type Options } from 'yargs';
import { ExitCode, messageOf, ObError } from '../resources/error.ts';
import type { Args, Command, Context, OptionName } from './command.ts';
import { apply } from './commands/apply.ts';
import { destroy } from './commands/destroy.ts';
import { plan } from './commands/plan.ts';
import { schema } from './commands/schema.ts';
import { status } from './commands/status.ts';
import { validate } from './commands/validate.ts';
import { versionEvent } from './events.ts';
import { createOutput } from './output.ts';
import { becomeRoot } from './root.ts';
import { VERSION } from './version.ts';

const COMMANDS: readonly Command[] = [plan, apply, destroy, status, validate, schema];

const DEFAULT_PARALLEL = 8;

const OPTIONS: Readonly<Record<OptionName, Options>> = {
  limit: { string: true, array: true, coerce: splitNames, describe: 'Only these subhosts: NAME,...', requiresArg: true },
  json: { boolean: true, describe: 'Machine-readable: one JSON object a line (status: one list)' },
  parallel: { alias: 'j', number: true, default: DEFAULT_PARALLEL, describe: 'How many things go on at a time', requiresArg: true },
  lockTimeout: { number: true, default: 0, describe: 'Seconds to wait for another run to end', requiresArg: true },
  allowEmpty: { boolean: true, describe: 'Let a file without subhosts remove all that are there' },
  detailedExitcode: { boolean: true, describe: 'Exit 2 if there is something to do' },
  scope: { string: true, describe: 'Take the scope from here, not from a file', requiresArg: true },
};

function splitNames(values: readonly string[]): string[] {
  return values.flatMap((value) => value.split(',')).filter((name) => name !== '');
}

/** What a command line means; undefined if it was help or the version that was asked for. */
interface Wanted {
  readonly command: Command;
  readonly args: Args;
}

async function parse(words: readonly string[]): Promise<Wanted | undefined> {
  let wanted: Wanted | undefined;
  const parser = yargs([...words])
    .scriptName('ob')
    .usage('$0 COMMAND\n\nKeeps overlay subhosts the way a file says they should be.')
    .epilogue('FILE is ./hosts.yaml if it is not named, else /etc/ob/hosts.yaml. Each command has examples: ob COMMAND --help')
    .version(VERSION)
    .alias({ help: 'h', version: 'V' })
    .strict()
    .demandCommand(1, 'Which command?')
    .recommendCommands()
    .wrap(Math.min(process.stdout.columns || 80, 100))
    .parserConfiguration({ 'duplicate-arguments-array': false, 'greedy-arrays': false })
    .exitProcess(false)
    .fail((message, error) => {
      throw error ?? new ObError(message, { exitCode: ExitCode.usage, hint: 'ob --help' });
    });
  for (const command of COMMANDS) {
    parser.command(
      `${command.name} ${command.positionals}`.trim(),
      command.summary,
      (builder) => {
        for (const name of command.options) builder.option(kebab(name), OPTIONS[name]);
        for (const example of command.examples) builder.example(...(example as [string, string]));
        return builder;
      },
      (raw) => {
        wanted = { command, args: toArgs(command, raw) };
      },
    );
  }
  await parser.parseAsync();
  return wanted;
}

function kebab(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

function toArgs(command: Command, raw: Readonly<Record<string, unknown>>): Args {
  const words = [raw['file'], ...((raw['names'] as unknown[] | undefined) ?? [])].filter((word) => word !== undefined).map(String);
  const takesNames = command.positionals.includes('names');
  // A subhost's name has no dot and no slash; a file of that name can be written ./NAME.
  const isFile = (word: string | undefined): word is string => word !== undefined && (!takesNames || /[./]/.test(word));
  const [first, ...rest] = words;
  const parallel = Number(raw['parallel'] ?? DEFAULT_PARALLEL);
  const lockTimeout = Number(raw['lockTimeout'] ?? 0);
  if (!Number.isInteger(parallel) || parallel < 1)
    throw new ObError('--parallel wants a whole number from 1', { exitCode: ExitCode.usage });
  if (!(lockTimeout >= 0)) throw new ObError('--lock-timeout wants seconds', { exitCode: ExitCode.usage });
  return {
    ...(isFile(first) ? { file: first } : {}),
    names: isFile(first) ? rest : words,
    limit: (raw['limit'] as string[] | undefined) ?? [],
    json: raw['json'] === true,
    parallel,
    lockTimeout,
    allowEmpty: raw['allowEmpty'] === true,
    detailedExitcode: raw['detailedExitcode'] === true,
    ...(typeof raw['scope'] === 'string' ? { scope: raw['scope'] } : {}),
  };
}

async function run({ command, args }: Wanted): Promise<number> {
  if (command.needsRoot) {
    const code = await becomeRoot();
    if (code !== undefined) return code;
  }
  const { stdout } = process;
  const output = createOutput(args.json && command.name !== 'status', stdout, process.env);
  const context: Context = { output, stdout, signal: onInterrupt(), commandLine: ['ob', ...process.argv.slice(2)].join(' ') };
  try {
    if (args.json && command.name !== 'status') output.sink(versionEvent(command.name));
    return await command.run(args, context);
  } catch (error) {
    output.stop();
    if (args.json && error instanceof ObError)
      output.sink({ type: 'error', message: error.message, ...(error.hint ? { hint: error.hint } : {}) });
    throw error;
  } finally {
    output.stop();
  }
}

/** The first Ctrl-C lets what runs come to its end, the second does not wait for it. */
function onInterrupt(): AbortSignal {
  const controller = new AbortController();
  const handle = (): void => {
    if (controller.signal.aborted) process.exit(ExitCode.interrupted);
    process.stderr.write('\nob: stopping when what runs has ended; once more: at once\n');
    controller.abort();
  };
  process.on('SIGINT', handle).on('SIGTERM', handle);
  return controller.signal;
}

/** The only place where errors end. What is no `ObError` is a bug, and is shown in full. */
function report(error: unknown): number {
  if (!(error instanceof ObError)) {
    process.stderr.write(`ob: this is a bug in ob: ${error instanceof Error ? (error.stack ?? error.message) : messageOf(error)}\n`);
    return ExitCode.failed;
  }
  // Lines of a bad file begin with its name already, so that an editor can jump there.
  const isList = error.exitCode === ExitCode.badFile && /:\d+:\d+: /.test(error.message);
  process.stderr.write(`${isList ? '' : 'ob: '}${error.message}\n${error.hint ? `    -> ${error.hint}\n` : ''}`);
  return error.exitCode;
}

// A reader that has gone (`ob plan | head`) must not end an apply half-way.
process.stdout.on('error', () => {});

try {
  const wanted = await parse(process.argv.slice(2));
  process.exitCode = wanted ? await run(wanted) : ExitCode.ok;
} catch (error) {
  process.exitCode = report(error);
}
