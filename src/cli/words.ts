import { isConf } from '../planner/conf/read.ts';
import { nearest } from '../planner/hosts/shape.ts';
import { ExitCode, ObError } from '../resources/error.ts';
import type { Args, Command, Format } from './command.ts';
import { synonymOf } from './synonyms.ts';

/** What yargs makes of the words of a command line. */
export type Raw = Readonly<Record<string, unknown>>;

export const DEFAULT_PARALLEL = 8;

/** Timers of Node end at 24 days. */
const MAX_LOCK_TIMEOUT = 1_000_000;

/** From yargs' untyped words to what a command is given. Throws where they mean nothing. Pure. */
export function toArgs(command: Command, raw: Raw): Args {
  const after = listOf(raw['--']);
  const hint = helpOf(command.name);
  const action = command.actions && toAction(command.name, command.actions, raw);
  // Hosts files are words, or values of an option where words mean something else.
  const named = command.options.includes('file') ? listOf(raw['file']) : [];
  const ownWords = named.length > 0 ? [] : listOf(raw['file']);
  const words = [
    ...ownWords,
    ...listOf(raw['name']),
    ...listOf(raw['names']),
    ...listOf(raw['shares']),
    ...listOf(raw['paths']),
    ...(command.takesCommand ? [] : after),
  ];
  if ([...named, ...words].includes('')) throw usage('an argument is empty: is a variable of your shell unset?', hint);
  const takesNames = /\bnames?\b/.test(command.positionals);
  const takesFile = command.positionals.includes('file');
  const takesMany = command.positionals.includes('..');
  // A subhost's name has no dot and no slash; a file of that name can be written ./NAME.
  const isFile = (word: string): boolean => takesFile && (!takesNames || /[./]/.test(word));
  const files = named.length > 0 ? named : words.slice(0, countFiles(words, isFile));
  const names = words.slice(named.length > 0 ? 0 : files.length);
  if (names.length > 0 && (!takesNames || (!takesMany && names.length > 1))) throw usage(`too many arguments: ${names.at(-1)}`, hint);
  const scope = last(raw['scope']);
  // Whose subhost was taken over stays ob's: there is no way back from that.
  if (last(raw['adopt']) === true && (raw['confirm'] !== undefined || last(raw['rollbackOnFailure']) === true))
    throw usage('--adopt cannot be taken back: give it alone, and --confirm with the run after it', hint);
  if (files.length > 0 && scope !== undefined) throw usage('a hosts file and --scope: only one of them can say which scope is meant', hint);
  return {
    files,
    names,
    ...(action === undefined ? {} : { action }),
    command: command.takesCommand ? after : [],
    limit: toLimit(raw['limit'], hint),
    json: last(raw['json']) === true,
    parallel: toParallel(Number(last(raw['parallel']) ?? DEFAULT_PARALLEL), hint),
    lockTimeout: toSeconds(Number(last(raw['lockTimeout']) ?? 0), hint),
    allowEmpty: last(raw['allowEmpty']) === true,
    detailedExitcode: last(raw['detailedExitcode']) === true,
    ...(typeof scope === 'string' ? { scope: toScope(scope, hint) } : {}),
    quiet: last(raw['quiet']) === true,
    ...(raw['every'] === undefined ? {} : { every: String(last(raw['every'])) }),
    detectOnly: last(raw['detectOnly']) === true,
    follow: last(raw['follow']) === true,
    boot: last(raw['boot']) === true,
    ...(raw['for'] === undefined ? {} : { for: toDuration('--for', String(last(raw['for'])), hint) }),
    held: last(raw['held']) === true,
    ...(raw['why'] === undefined ? {} : { why: String(last(raw['why'])) }),
    ...(raw['confirm'] === undefined ? {} : { confirm: toDuration('--confirm', String(last(raw['confirm'])), hint) }),
    watchdog: last(raw['watchdog']) === true,
    rollbackOnFailure: last(raw['rollbackOnFailure']) === true,
    ...(raw['out'] === undefined ? {} : { out: toPath(String(last(raw['out'])), hint) }),
    restart: last(raw['restart']) === true,
    adopt: last(raw['adopt']) === true,
    running: last(raw['running']) === true,
    ...(raw['format'] === undefined ? {} : { format: toFormat(String(last(raw['format'])), hint) }),
  };
}

/** Of overlay-boot's files there may be any number; each has one subhost. */
function countFiles(words: readonly string[], isFile: (word: string) => boolean): number {
  const count = words.findIndex((word, index) => !isFile(word) || (index > 0 && !(isConf(words[0] ?? '') && isConf(word))));
  return count < 0 ? words.length : count;
}

/** yargs takes `<install|remove>` for two names of one word. */
function toAction(command: string, actions: readonly string[], raw: Raw): string {
  const action = String(raw[actions[0] ?? ''] ?? '');
  if (actions.includes(action)) return action;
  throw usage(`${command} knows no "${action}"${nearest(action, actions)}`, helpOf(command));
}

function listOf(value: unknown): string[] {
  if (value === undefined) return [];
  return (Array.isArray(value) ? value : [value]).map(String);
}

/** An option that is given twice means what it meant last. */
function last(value: unknown): unknown {
  return Array.isArray(value) ? value.at(-1) : value;
}

/** `--limit "$NAMES"` with nothing in the variable must not come to mean all. */
function toLimit(value: unknown, hint: string): string[] {
  const names = listOf(value).flatMap((one) => one.split(',').map((name) => name.trim()));
  if (value !== undefined && names.includes('')) throw usage('--limit wants names: NAME,...', hint);
  return names;
}

function toParallel(number: number, hint: string): number {
  if (Number.isSafeInteger(number) && number >= 1) return number;
  throw usage('--parallel (-j) wants a whole number, 1 or more', hint);
}

function toSeconds(number: number, hint: string): number {
  if (number >= 0 && number <= MAX_LOCK_TIMEOUT) return number;
  throw usage(`--lock-timeout wants seconds, 0 to ${MAX_LOCK_TIMEOUT}`, hint);
}

const FORMATS: readonly Format[] = ['wide', 'json'];

function toFormat(word: string, hint: string): Format {
  const format = FORMATS.find((one) => one === word);
  if (format) return format;
  throw usage(`--format (-o) wants ${FORMATS.join(' or ')}, not "${word}"${nearest(word, FORMATS)}`, hint);
}

const UNITS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 };

/** In seconds. */
function toDuration(option: string, text: string, hint: string): number {
  const [, digits = '', unit = 's'] = /^(\d{1,6})([smhd])?$/.exec(text) ?? [];
  const seconds = Number(digits) * (UNITS[unit] ?? 0);
  if (seconds >= 1 && seconds <= MAX_LOCK_TIMEOUT) return seconds;
  throw usage(`${option} wants a time like 120s, 5m or 1h, and "${text}" is none`, hint);
}

function toPath(text: string, hint: string): string {
  if (text !== '') return text;
  throw usage('--out (-o) wants a file', hint);
}

function toScope(scope: string, hint: string): string {
  if (/^[a-z][a-z0-9-]{0,31}$/.test(scope)) return scope;
  throw usage(`"${scope}" is no scope: 1 to 32 characters of a-z, 0-9 and "-", a letter first`, hint);
}

/** What yargs says is wrong, in the words of a person, with the nearest good word. Pure. */
export function usageError(message: string, words: readonly string[], commands: readonly Command[], options: readonly string[]): ObError {
  const command = commands.find(({ name }) => name === words[0]);
  const hint = helpOf(command?.name);
  const lacking = /^Not enough arguments following: (\S+)/.exec(message)?.[1];
  if (lacking) return usage(`${dashed(lacking)} wants a value`, hint);
  const lackingWord = /^Not enough non-option arguments/.test(message);
  if (lackingWord && command)
    return usage(`${command.name} wants ${command.actions?.join(' or ') ?? command.positionals.toUpperCase()}`, hint);
  const unknown = /^Unknown (?:argument|command)s?: ([^,]+)/.exec(message)?.[1];
  if (unknown === undefined) return usage(message, hint);
  const [, name = '-', ...rest] = words;
  if (command?.takesCommand && !name.startsWith('-') && !rest.includes('--'))
    return usage('the command to run comes after --', `ob ${command.name} ${name} -- ${rest.join(' ')}`);
  if (words.some((word) => word === dashed(unknown) || word.startsWith(`${dashed(unknown)}=`) || isShort(word, unknown)))
    return usage(
      `there is no option ${dashed(unknown)}${synonymOf(dashed(unknown)) ?? nearest(dashed(unknown), options.map(dashed))}`,
      hint,
    );
  if (command) return usage(`too many arguments: ${unknown}`, hint);
  const names = commands.map(({ name }) => name);
  return usage(`there is no command "${unknown}"${synonymOf(unknown) ?? nearest(unknown, names)}`, hint);
}

function dashed(name: string): string {
  return name.length === 1 ? `-${name}` : `--${name}`;
}

function isShort(word: string, letter: string): boolean {
  return letter.length === 1 && /^-[^-]/.test(word) && word.includes(letter);
}

function helpOf(command: string | undefined): string {
  return command ? `ob ${command} --help` : 'ob --help';
}

function usage(message: string, hint: string): ObError {
  return new ObError(message, { exitCode: ExitCode.usage, hint });
}
