import type { Command, OptionName } from '../command.ts';
import type { OptionRule } from '../options.ts';

/**
 * What may stand at a place of a command line: names of subhosts that run (`running`) or stand in the hosts file
 * (`names`), comma lists of those (`list`), scopes, hosts files (`file`), any file (`any`), or these very words (`=word`).
 */
type Place = 'running' | 'names' | 'list' | 'scopes' | 'file' | 'any' | `=${string}`;

/** A command as a shell completes it. */
export interface Entry {
  readonly name: string;
  readonly summary: string;
  readonly options: readonly OptionEntry[];
  /** What the first, second, ... word may be. */
  readonly places: readonly (readonly Place[])[];
  /** What every further word may be. */
  readonly rest: readonly Place[];
  readonly takesCommand: boolean;
}

interface OptionEntry {
  /** `--lock-timeout`, `-j` */
  readonly names: readonly string[];
  readonly summary: string;
  /** Undefined: it takes no value. */
  readonly value: readonly Place[] | undefined;
}

const VALUES: Partial<Record<OptionName, readonly Place[]>> = {
  limit: ['list'],
  scope: ['scopes'],
  file: ['file'],
  format: ['=wide', '=json'],
  confirm: ['=60s', '=2m', '=10m'],
  for: ['=30m', '=2h', '=1d'],
  every: ['=1m', '=5m', '=15m', '=1h', '=1d'],
};

/** Subhosts that these take do not run yet. */
const TAKE_STOPPED: ReadonlySet<string> = new Set(['start', 'explain', 'diff', 'reset', 'hold', 'release', 'unstall', 'events', 'logs']);

export function toEntries(commands: readonly Command[], options: Readonly<Record<OptionName, OptionRule>>): Entry[] {
  return commands.map((command) => ({
    name: command.name,
    summary: command.summary,
    options: [...command.options.map((name) => toOption(name, options[name])), HELP],
    ...toPlaces(command),
    takesCommand: command.takesCommand === true,
  }));
}

const HELP: OptionEntry = { names: ['--help', '-h'], summary: 'Show help', value: undefined };

function toOption(name: OptionName, { boolean, number, alias, describe }: OptionRule): OptionEntry {
  const long = `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
  const names = [long, ...(alias === undefined ? [] : [alias.length === 1 ? `-${alias}` : `--${alias}`])];
  const value = boolean ? undefined : (VALUES[name] ?? (number ? [] : ['any' as const]));
  return { names, summary: describe, value };
}

/** From yargs' notation: `[file] [names..]`. */
function toPlaces({ name, positionals }: Command): Pick<Entry, 'places' | 'rest'> {
  const words = positionals.split(' ').filter(Boolean);
  const takesFile = words.some((word) => /\bfile\b/.test(word));
  const subhosts: readonly Place[] = takesFile ? ['names', 'running'] : TAKE_STOPPED.has(name) ? ['names'] : ['running'];
  const kinds = words.map((word): readonly Place[] => {
    const bare = word.replace(/[<>[\].]/g, '');
    if (bare.includes('|')) return bare.split('|').map((one) => `=${one}` as const);
    if (/^names?$/.test(bare)) return subhosts;
    return /^files?$/.test(bare) ? ['file'] : ['any'];
  });
  // `[file] [names..]`: without a file, a name may stand first.
  const places = kinds.map((kind, index) => [...kind, ...(words[index]?.startsWith('[') ? (kinds[index + 1] ?? []) : [])]);
  return { places, rest: words.at(-1)?.includes('..') ? (kinds.at(-1) ?? []) : [] };
}

/** Functions in the language that bash and zsh share: what each of them asks while it completes. */
export function tableFunctions(entries: readonly Entry[]): string {
  const options = new Map(entries.flatMap((entry) => entry.options).map((option) => [option.names[0], option]));
  const values = [...options.values()].flatMap(({ names, value }) =>
    value ? [`    ${names.flatMap((name) => toPatterns(name, names, entries)).join(' | ')}) echo '${value.join(' ')}' ;;`] : [],
  );
  return `_ob_commands() {
  printf '%s\\n' ${entries.map(({ name, summary }) => quote(`${name}:${summary}`)).join(' ')}
}

_ob_options() {
  case $1 in
${entries.map(({ name, options }) => `    ${name}) printf '%s\\n' ${options.flatMap(toWords).join(' ')} ;;`).join('\n')}
    *) printf '%s\\n' ${toWords(HELP).join(' ')} '--version:Show version number' ;;
  esac
}

# What the value of an option, COMMAND:OPTION, may be; fails if it takes none.
_ob_value() {
  case $1 in
${values.join('\n')}
    *) return 1 ;;
  esac
}

# What the word number $2 of a command may be.
_ob_places() {
  case $1:$2 in
${entries.flatMap(placeLines).join('\n')}
    *) ;;
  esac
}

_ob_takes_command() {
  case $1 in ${entries.flatMap(({ name, takesCommand }) => (takesCommand ? [name] : [])).join(' | ') || "''"}) ;; *) return 1 ;; esac
}
`;
}

/** One letter may mean different options of different commands. */
function toPatterns(name: string, names: readonly string[], entries: readonly Entry[]): string[] {
  const has = (entry: Entry, isIt: (option: OptionEntry) => boolean): boolean =>
    entry.options.some((one) => one.names.includes(name) && isIt(one));
  if (!entries.some((entry) => has(entry, (one) => one.names[0] !== names[0]))) return [`*:${name}`];
  return entries.filter((entry) => has(entry, (one) => one.names[0] === names[0])).map((entry) => `${entry.name}:${name}`);
}

function toWords({ names, summary }: OptionEntry): string[] {
  return names.filter((name) => name.startsWith('--')).map((name) => quote(`${name}:${summary}`));
}

function placeLines({ name, places, rest }: Entry): string[] {
  const own = places.map((place, index) => `    ${name}:${index}) echo '${place.join(' ')}' ;;`);
  return rest.length > 0 ? [...own, `    ${name}:*) echo '${rest.join(' ')}' ;;`] : own;
}

function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
