import { ObError } from '../error.ts';
import { failure } from '../ran.ts';
import { run } from '../run.ts';

/** Lines for one `ip -batch`, each with the address of the object that it is for. Those of one object stand together. */
export interface BatchLine {
  readonly address: string;
  readonly words: readonly string[];
  /** What it may say without having failed: that it is so already. */
  readonly forgiven?: RegExp;
}

/** A line of a batch that tells, as a line on stdout, how far ip has come. Every namespace has a loopback link. */
const MILESTONE = 'link show dev lo';

/**
 * Runs many `ip` commands in one process and gives the first error of each object. The lines of an object
 * that follow a failed one are run all the same (`ip -force`): they must be harmless then.
 */
export async function runIpBatch(lines: readonly BatchLine[], netns?: string): Promise<Map<string, ObError>> {
  const errors = new Map<string, ObError>();
  const where = netns ? ['-n', netns] : [];
  let left = groupLines(lines);
  while (left.length > 0) left = left.slice(await runGroups(left, where, errors));
  return errors;
}

/**
 * The same in two steps: objects are made, then set up. Where something of that name was there already, nothing is set: it
 * may be somebody else's.
 */
export async function makeThenSet(make: readonly BatchLine[], set: readonly BatchLine[]): Promise<Map<string, ObError>> {
  const errors = await runIpBatch(make);
  for (const [address, error] of await runIpBatch(set.filter((line) => !errors.has(line.address)))) errors.set(address, error);
  return errors;
}

/** The lines of each object. */
function groupLines(lines: readonly BatchLine[]): BatchLine[][] {
  const groups: BatchLine[][] = [];
  for (const line of lines) {
    const last = groups.at(-1);
    if (last?.[0]?.address === line.address) last.push(line);
    else groups.push([line]);
  }
  return groups;
}

/**
 * Runs the lines of many objects, says how many of these have been dealt with. Some mistakes (a device that does not
 * exist, as an argument) end ip, `-force` or not: what comes after needs another run.
 */
async function runGroups(groups: readonly BatchLine[][], where: readonly string[], errors: Map<string, ObError>): Promise<number> {
  const numbered = groups.flatMap((group) => [...group, undefined]);
  const input = numbered.map((line) => `${line ? line.words.join(' ') : MILESTONE}\n`).join('');
  const ran = await run('ip', [...where, '-oneline', '-force', '-batch', '-'], { input });
  if (ran.ok) return groups.length;
  if (ran.exitCode === undefined) throw failure(ran, 'ip gave up');
  const { failed, last } = parseBatchErrors(ran.words);
  for (const [index, words] of failed) note(errors, numbered[index], words, where);
  const done = ran.output.split('\n').filter(Boolean).length;
  if (done < groups.length) note(errors, groups[done]?.[0], last || `ip ended with exit ${ran.exitCode}`, where);
  return done + 1;
}

function note(errors: Map<string, ObError>, line: BatchLine | undefined, words: string, where: readonly string[]): void {
  if (!line || errors.has(line.address) || line.forgiven?.test(words)) return;
  errors.set(line.address, new ObError(`${words}; ran: ${['ip', ...where, ...line.words].join(' ')}`));
}

/**
 * What `ip -force -batch -` says: the words of an error, then `Command failed -:LINE`. Lines are counted from 0 here.
 * LAST: words after which ip ended, wherever that was.
 */
export function parseBatchErrors(text: string): { readonly failed: ReadonlyMap<number, string>; readonly last: string } {
  const failed = new Map<number, string>();
  let words: string[] = [];
  for (const line of text.split('\n')) {
    const number = /^Command failed .*:(\d+)$/.exec(line)?.[1];
    if (number === undefined) {
      words.push(line.trim());
      continue;
    }
    failed.set(Number(number) - 1, toText(words) || 'failed without a word');
    words = [];
  }
  return { failed, last: toText(words) };
}

function toText(words: readonly string[]): string {
  return words.filter(Boolean).join(': ');
}
