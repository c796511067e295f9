import './standing.ts';
import yargs, { type Argv } from 'yargs';
import { ExitCode } from '../resources/error.ts';
import { dropEarly } from '../resources/helper.ts';
import type { Args, Command } from './command.ts';
import { type ReadLine, recallLine } from './kept-lines.ts';
import { OPTIONS } from './options.ts';
import { guardStreams, isAllSaid, report, runCommand } from './run-command.ts';
import { VERSION } from './version.ts';
import { toArgs, usageError } from './words.ts';

const EXAMPLES = [
  ['ob plan', 'What ./hosts.yaml would change'],
  ['ob apply demo.yaml', 'Make this machine what demo.yaml says'],
  ['ob destroy web', 'Take one subhost down; its files stay'],
] as const;

const EPILOGUE = 'FILE is ./hosts.yaml if none is named, else /etc/ob/hosts.yaml. More examples: ob COMMAND --help';

/** To describe these options takes yargs a fifth of what it needs for a command line, and most ask for neither. */
const ASKS_FOR_HELP = /^help$|^-(?:-help|-version|[^-]*[hV])/;

/** What a command line means, of those COMMANDS that there are; undefined if it was help or the version that was asked for. */
export async function parse(asked: readonly string[], commands: readonly Command[]): Promise<{ command: Command; args: Args } | undefined> {
  const line = recallLine(asked) ?? (await readLine(asked, commands, process.stdout.columns));
  return line && { command: line.command, args: toArgs(line.command, line.raw) };
}

/** The same as yargs tells it; COLUMNS: of the terminal, for help. */
export async function readLine(asked: readonly string[], commands: readonly Command[], columns = 0): Promise<ReadLine | undefined> {
  const words = asked[0] === 'help' && asked.length > 1 ? [...asked.slice(1), '--help'] : asked;
  const line = words.length > 0 ? [...words] : ['--help'];
  let wanted: ReadLine | undefined;
  // Told where it is: the folder that we were started in may be gone.
  const parser = yargs(line, '/')
    .scriptName('ob')
    .locale('en')
    .usage('$0 COMMAND\n\nKeeps overlay subhosts the way a file says they should be.')
    .example(EXAMPLES.map((example) => [...example]))
    .epilogue(EPILOGUE)
    .strict()
    .demandCommand(1, 'no command is given')
    .wrap(Math.min(columns || 80, 100))
    .parserConfiguration({ 'greedy-arrays': false, 'dot-notation': false, 'populate--': true })
    .exitProcess(false)
    .fail((message, error) => {
      throw !error || error.name === 'YError' ? usageError(message ?? error.message, words, commands, optionNames(words, commands)) : error;
    });
  if (line.some((word) => ASKS_FOR_HELP.test(word))) parser.version(VERSION).alias({ help: 'h', version: 'V' });
  else parser.help(false).version(false);
  for (const command of neededFor(words, commands))
    parser.command(
      `${command.name} ${command.positionals}`.trim(),
      command.summary,
      (builder) => describe(builder, command),
      (raw) => {
        wanted = { command, raw };
      },
    );
  await parser.parseAsync();
  return wanted;
}

/** Each costs something to describe, and a word that is the name of one means no other. */
function neededFor([first]: readonly string[], commands: readonly Command[]): readonly Command[] {
  const named = commands.filter(({ name }) => name === first);
  return named.length > 0 ? named : commands;
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
function optionNames([first]: readonly string[], commands: readonly Command[]): string[] {
  const command = commands.find(({ name }) => name === first);
  return [...(command?.options ?? []).map(kebab), 'help', 'version'];
}

function kebab(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

/** The whole program: from the words of the command line to the exit code. */
export async function main(commands: readonly Command[]): Promise<void> {
  guardStreams();
  try {
    const wanted = await parse(process.argv.slice(2), commands);
    process.exitCode = wanted ? await runCommand(wanted.command, wanted.args) : ExitCode.ok;
  } catch (error) {
    process.exitCode = report(error);
  }
  await dropEarly().catch(() => {});
  // A stream tells after the next turn that it could not write.
  setImmediate(leave);
}

/** Taking down all that Node has built up, to no end, takes as long as a small plan. What a reader has not taken yet is waited for. */
function leave(): void {
  if (isAllSaid()) process.exit();
}
