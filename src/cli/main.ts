import './standing.ts';
import yargs, { type Argv, type Options } from 'yargs';
import { ExitCode } from '../resources/error.ts';
import type { Args, Command, OptionName } from './command.ts';
import { apply } from './commands/apply.ts';
import { boot } from './commands/boot.ts';
import { createCompletion } from './commands/completion.ts';
import { confirm } from './commands/confirm.ts';
import { cron } from './commands/cron.ts';
import { destroy } from './commands/destroy.ts';
import { diff } from './commands/diff.ts';
import { enter } from './commands/enter.ts';
import { events } from './commands/events.ts';
import { exec } from './commands/exec.ts';
import { explain } from './commands/explain.ts';
import { hold } from './commands/hold.ts';
import { importConfs } from './commands/import.ts';
import { list } from './commands/list.ts';
import { logs } from './commands/logs.ts';
import { plan } from './commands/plan.ts';
import { release } from './commands/release.ts';
import { reset } from './commands/reset.ts';
import { restart } from './commands/restart.ts';
import { schema } from './commands/schema.ts';
import { share } from './commands/share.ts';
import { start } from './commands/start.ts';
import { status } from './commands/status.ts';
import { stop } from './commands/stop.ts';
import { unstall } from './commands/unstall.ts';
import { validate } from './commands/validate.ts';
import { watch } from './commands/watch.ts';
import { guardStreams, report, runCommand } from './run-command.ts';
import { VERSION } from './version.ts';
import { DEFAULT_PARALLEL, toArgs, usageError } from './words.ts';

const completion = createCompletion(() => ({ commands: COMMANDS, options: OPTIONS }));

const COMMANDS: readonly Command[] = [
  plan,
  apply,
  destroy,
  status,
  explain,
  diff,
  reset,
  list,
  start,
  stop,
  restart,
  hold,
  release,
  unstall,
  exec,
  enter,
  logs,
  events,
  share,
  validate,
  importConfs,
  schema,
  boot,
  cron,
  watch,
  confirm,
  completion,
];

const OPTIONS: Readonly<Record<OptionName, Options>> = {
  limit: { string: true, array: true, describe: 'Only these subhosts: NAME,... (also repeated)', requiresArg: true },
  json: { boolean: true, describe: 'Print JSON, for programs' },
  parallel: { alias: 'j', number: true, default: DEFAULT_PARALLEL, describe: 'How many things go on at a time', requiresArg: true },
  lockTimeout: { number: true, default: 0, describe: 'Seconds to wait for another run to end', requiresArg: true },
  allowEmpty: { boolean: true, describe: 'Let a file without subhosts remove all that are there' },
  detailedExitcode: { boolean: true, describe: 'Exit 2 if there is something to do' },
  scope: { string: true, describe: 'Take the scope from here, not from a file', requiresArg: true },
  file: { string: true, array: true, describe: 'The hosts file; of overlay-boot also several', requiresArg: true },
  quiet: { alias: 'q', boolean: true, describe: 'Say nothing when all is well, else a line for each change' },
  every: { string: true, describe: 'How often: 1m to 30m, 1h to 12h, 1d', requiresArg: true },
  follow: { alias: 'f', boolean: true, describe: 'Go on with what is added, until Ctrl-C' },
  boot: { boolean: true, describe: 'Of the present boot alone, from inside' },
  confirm: { string: true, describe: 'Take it back unless ob confirm comes within this time: 120s, 5m', requiresArg: true },
  rollbackOnFailure: { boolean: true, describe: 'If a step fails, go back to the former state' },
  watchdog: { boolean: true, describe: 'Wait, and take back what nobody confirms: apply --confirm starts it' },
  out: { alias: 'o', string: true, describe: 'Keep the plan in this file, for ob apply', requiresArg: true },
  restart: { boolean: true, describe: 'Stop it first if it runs, and start it afterwards' },
  adopt: { boolean: true, describe: 'Take over what overlay-boot runs; restart nothing of it' },
  running: { boolean: true, describe: 'What overlay-boot runs here, as the kernel shows it' },
  format: { alias: 'o', string: true, describe: 'wide: more columns; json: for programs', requiresArg: true },
  for: { string: true, describe: 'For so long: 30m, 2h, 3d; else until it is released', requiresArg: true },
  held: { boolean: true, describe: 'Also what is held (ob hold): the machine is shut down' },
  why: { string: true, describe: 'What is said to whoever comes by', requiresArg: true },
  detectOnly: { boolean: true, describe: 'Tell what differs, change nothing' },
};

const EXAMPLES = [
  ['ob plan', 'What ./hosts.yaml would change'],
  ['ob apply demo.yaml', 'Make this machine what demo.yaml says'],
  ['ob destroy web', 'Take one subhost down; its files stay'],
] as const;

const EPILOGUE = 'FILE is ./hosts.yaml if none is named, else /etc/ob/hosts.yaml. More examples: ob COMMAND --help';

/** What a command line means; undefined if it was help or the version that was asked for. */
export async function parse(
  asked: readonly string[],
  columns = process.stdout.columns,
): Promise<{ command: Command; args: Args } | undefined> {
  const words = asked[0] === 'help' && asked.length > 1 ? [...asked.slice(1), '--help'] : asked;
  let wanted: { command: Command; args: Args } | undefined;
  // Told where it is: the folder that we were started in may be gone.
  const parser = yargs(words.length > 0 ? [...words] : ['--help'], '/')
    .scriptName('ob')
    .locale('en')
    .usage('$0 COMMAND\n\nKeeps overlay subhosts the way a file says they should be.')
    .example(EXAMPLES.map((example) => [...example]))
    .epilogue(EPILOGUE)
    .version(VERSION)
    .alias({ help: 'h', version: 'V' })
    .strict()
    .demandCommand(1, 'no command is given')
    .wrap(Math.min(columns || 80, 100))
    .parserConfiguration({ 'greedy-arrays': false, 'dot-notation': false, 'populate--': true })
    .exitProcess(false)
    .fail((message, error) => {
      throw !error || error.name === 'YError' ? usageError(message ?? error.message, words, COMMANDS, optionNames(words)) : error;
    });
  for (const command of neededFor(words))
    parser.command(
      `${command.name} ${command.positionals}`.trim(),
      command.summary,
      (builder) => describe(builder, command),
      (raw) => {
        wanted = { command, args: toArgs(command, raw) };
      },
    );
  await parser.parseAsync();
  return wanted;
}

/** Each costs something to describe, and a word that is the name of one means no other. */
function neededFor([first]: readonly string[]): readonly Command[] {
  const named = COMMANDS.filter(({ name }) => name === first);
  return named.length > 0 ? named : COMMANDS;
}

function describe(builder: Argv, command: Command): Argv {
  for (const name of command.options) builder.option(kebab(name), OPTIONS[name]);
  // Told that these are text: else yargs makes the number 7 of a file named 007.
  if (command.positionals.includes('[file]')) builder.positional('file', { type: 'string', describe: 'The hosts file' });
  if (command.positionals.includes('file..')) builder.positional('file', { type: 'string', array: true, describe: describeFiles(command) });
  if (command.positionals.includes('names..')) builder.positional('names', { type: 'string', array: true, describe: 'Subhosts' });
  if (command.positionals.includes('<name>')) builder.positional('name', { type: 'string', describe: 'The subhost' });
  if (command.positionals.includes('<shares..>'))
    builder.positional('shares', { type: 'string', array: true, describe: 'DIR, DIR:INSIDE, with :ro behind it' });
  if (command.positionals.includes('[paths..]'))
    builder.positional('paths', { type: 'string', array: true, describe: 'As they are seen inside: /etc/motd' });
  if (command.actions?.[0]) builder.positional(command.actions[0], { type: 'string', describe: 'What to do' });
  if (command.takesCommand) builder.usage(`$0 ${command.name} ${command.positionals} -- COMMAND...\n\n${command.summary}`);
  return builder.example(command.examples.map((example) => [...example]));
}

function describeFiles({ positionals }: Command): string {
  return positionals.startsWith('[') ? 'The hosts file, or overlay-boot files (*.conf)' : 'Files of overlay-boot (*.conf)';
}

/** What can be said with the command that the words begin with. */
function optionNames([first]: readonly string[]): string[] {
  const command = COMMANDS.find(({ name }) => name === first);
  return [...(command?.options ?? []).map(kebab), 'help', 'version'];
}

function kebab(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

/** The whole program: from the words of the command line to the exit code. */
export async function main(): Promise<void> {
  guardStreams();
  try {
    const wanted = await parse(process.argv.slice(2));
    process.exitCode = wanted ? await runCommand(wanted.command, wanted.args) : ExitCode.ok;
  } catch (error) {
    process.exitCode = report(error);
  }
  // A stream tells after the next turn that it could not write.
  setImmediate(leave);
}

/** Taking down all that Node has built up, to no end, takes as long as a small plan. What a reader has not taken yet is waited for. */
function leave(): void {
  if (process.stdout.writableLength === 0 && process.stderr.writableLength === 0) process.exit();
}
