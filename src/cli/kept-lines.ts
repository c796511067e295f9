import type { Command } from './command.ts';
import type { Raw } from './words.ts';

/** A command line as yargs has read it. */
export interface ReadLine {
  readonly command: Command;
  readonly raw: Raw;
}

/** In the place of a word that no option, number or quote could be made of. */
const WORD = 'WORD';
const PLAIN = /^[a-zA-Z_./][\w./-]*$/;
/** It asks for help, wherever it stands; they are values of the option before them. */
const MEANT_FOR_YARGS: ReadonlySet<string> = new Set(['help', 'true', 'false']);

/** That are asked for most: by cron, or by whoever waits. reaper/launch.c knows how they look. */
export const LINES: readonly string[] = [
  ...['plan', `plan ${WORD}`, 'plan --detailed-exitcode', `plan --detailed-exitcode ${WORD}`],
  ...['apply', `apply ${WORD}`, 'apply -q', `apply -q ${WORD}`, 'apply --quiet', `apply --quiet ${WORD}`],
  ...['destroy', `destroy ${WORD}`, 'status', `status ${WORD}`, `start ${WORD}`, `stop ${WORD}`, `restart ${WORD}`],
];

/** A line, by its words, and what yargs has made of it: can be written as JSON. */
export interface KeptLine {
  readonly key: string;
  readonly command: string;
  readonly raw: Raw;
}

/** Has yargs read all of them. */
export async function readLines(read: (words: readonly string[]) => Promise<ReadLine | undefined>): Promise<KeptLine[]> {
  const found = LINES.map(async (line) => {
    const words = line.split(' ');
    const one = await read(words);
    return one ? [{ key: keyOf(words), command: one.command.name, raw: one.raw }] : [];
  });
  return (await Promise.all(found)).flat();
}

const kept = new Map<string, ReadLine>();

/** For a snapshot: a run that is asked for one of these lines does without yargs, which is a tenth of all that there is to start. */
export function keepLines(lines: readonly KeptLine[], commands: readonly Command[]): void {
  for (const { key, command: name, raw } of lines) {
    const command = commands.find((one) => one.name === name);
    if (command) kept.set(key, { command, raw });
  }
}

/** Undefined: it is another line, or none is kept. */
export function recallLine(words: readonly string[]): ReadLine | undefined {
  const [command = '', ...more] = words;
  const isPlain = (word: string): boolean => PLAIN.test(word) && !MEANT_FOR_YARGS.has(word);
  const found = kept.get(keyOf([command, ...more.map((word) => (isPlain(word) ? WORD : word))]));
  return found && { command: found.command, raw: fill(found.raw, more.find(isPlain) ?? WORD) };
}

function keyOf(words: readonly string[]): string {
  return words.join('\0');
}

function fill(raw: Raw, word: string): Raw {
  const put = (value: unknown): unknown => (Array.isArray(value) ? value.map(put) : value === WORD ? word : value);
  return Object.fromEntries(Object.entries(raw).map(([name, value]) => [name, put(value)]));
}
