import { mkdirSync, readdirSync, rmdirSync, rmSync, unlinkSync, writeFileSync } from 'node:fs';
import { hasCode } from './error.ts';
import type { Subhost } from './hosts.ts';
import { ifThere, readIfThere } from './linux/proc.ts';
import { appendToLog } from './log.ts';
import type { Owner } from './marks.ts';

// How a subhost has ended by itself. Nobody is there to wait for its PID 1: that writes its end into a page of the
// machine's, reaper/init.c. The page is there from the boot to an end that was ordered, so who finds it without a PID 1
// knows that nobody has ordered that.

const FOLDER = '/run/ob/end';
/** `HOW STATUS MS`, padded with NUL; what the boot log said last; together this long. */
const BYTES = 4096;
const WORDS_AT = 64;
const WORDS = 20;

/** `ended`: nothing was left of what ran in it. `stopped`: PID 1 had a TERM. `killed`: PID 1 said nothing. */
export interface End {
  readonly how: 'ended' | 'stopped' | 'killed';
  /** Exit status of what ended last, 128 + N by signal N; null: nobody knows. */
  readonly status: number | null;
  /** ISO 8601; null: nobody knows. */
  readonly at: string | null;
  /** Processes of it that the kernel has killed for want of memory, if its cgroup counts them. */
  readonly oomKills: number;
  /** What its log said last. */
  readonly words: readonly string[];
}

function endFile({ scope, name }: Owner): string {
  return `${FOLDER}/${scope}/${name}`;
}

/** Before PID 1 is there. What an earlier one said is gone. */
export function makeEnd(owner: Owner): string {
  const path = endFile(owner);
  mkdirSync(`${FOLDER}/${owner.scope}`, { recursive: true, mode: 0o700 });
  rmSync(path, { force: true });
  writeFileSync(path, Buffer.alloc(BYTES), { flag: 'wx', mode: 0o600 });
  return path;
}

/** One that has ended by itself, and the log that tells it later. */
export interface Ended {
  readonly end: End;
  readonly log: string;
}

/**
 * From here on the ends of GONE are no news: their logs have them. Nothing is left over in /run, nor what became of one
 * whose cgroup somebody has removed: THERE has all others.
 */
export function forgetEnds(scope: string, gone: ReadonlyMap<string, Ended | undefined>, there: readonly Owner[]): void {
  for (const [name, ended] of gone) if (ended) keepEnd({ scope, name }, ended);
  const folder = `${FOLDER}/${scope}`;
  const kept = new Set(there.flatMap((owner) => (owner.scope === scope && !gone.has(owner.name) ? owner.name : [])));
  const files = ifThere(() => readdirSync(folder)) ?? [];
  for (const name of files) if (!kept.has(name)) ifThere(() => unlinkSync(`${folder}/${name}`));
  try {
    for (const empty of [folder, FOLDER]) rmdirSync(empty);
  } catch (error) {
    if (!hasCode(error, 'ENOTEMPTY', 'ENOENT')) throw error;
  }
}

/** Where its log cannot be written, that is said when it starts: no reason not to start it. */
function keepEnd({ name }: Owner, { end, log }: Ended): void {
  const head = end.at ? `${end.at} ${name} has ended by itself` : `${new Date().toISOString()} ${name} is found to have ended by itself`;
  try {
    appendToLog(log, [`== ${head}: ${tellEnd(end)}`, ...end.words, ''].join('\n'));
  } catch (error) {
    if (!(error instanceof Error)) throw error;
  }
}

/** Of what has no PID 1. OOM_KILLS: see `End`. Undefined: it never ran, or its end was ordered. */
export function readEnd(owner: Owner, oomKills: () => number): End | undefined {
  const text = readIfThere(endFile(owner));
  return text === undefined ? undefined : parseEnd(text, oomKills());
}

/** NOW: milliseconds of the clock that PID 1 reads, CLOCK_MONOTONIC. */
export function parseEnd(text: string, oomKills: number, now: number = Number(process.hrtime.bigint()) / 1e6): End | undefined {
  const [head = ''] = text.slice(0, WORDS_AT).split('\0');
  if (head === '') return undefined;
  const [words = ''] = text.slice(WORDS_AT).split('\0');
  const [, how, status, ms] = /^(ended|stopped) (\d+) (\d+)$/.exec(head) ?? [];
  const lines = words.split('\n').filter((line) => line.trim() !== '');
  const common = { oomKills, words: lines.slice(-WORDS) };
  if (!how) return { how: 'killed', status: null, at: null, ...common };
  const at = new Date(Date.now() - (now - Number(ms))).toISOString();
  return { how: how === 'ended' ? 'ended' : 'stopped', status: Number(status), at, ...common };
}

/** In order: what ran has come to its end without a complaint, or somebody told it to. */
function isInOrder({ how, status }: End): boolean {
  return how === 'stopped' || (how === 'ended' && status === 0);
}

/** For whoever sees it go. */
export function endNote(name: string, { end }: Ended): string {
  return `${name} had ended by itself${end.at ? ` at ${end.at}` : ''}: ${tellEnd(end)}`;
}

/** Why nothing but an order starts it again, if that is the file's wish. */
export function restOf(name: string, end: End, restart: Subhost['restart']): string | undefined {
  if (restart === undefined || (restart === 'on-failure' && !isInOrder(end))) return undefined;
  return `${name} has ended by itself, and is left so (restart: ${restart}): ${tellEnd(end)}`;
}

/** What is seen of it in place of what runs. */
export function fieldsOf(end: End): Record<string, string | number | null | readonly string[]> {
  const { how, status, at, words } = end;
  return { ended: how, ended_message: tellEnd(end), ended_status: status, ended_at: at, ended_words: words };
}

/** In words, no full stop. */
function tellEnd(end: End): string {
  const memory = end.oomKills > 0 ? `; for want of memory the kernel has killed ${end.oomKills} of its processes` : '';
  return `${HOW[end.how](end.status ?? 0)}${memory}`;
}

const HOW: Readonly<Record<End['how'], (status: number) => string>> = {
  ended: (status) => `all that ran in it has ended, the last ${tellStatus(status)}`,
  stopped: () => 'its PID 1 was told to stop, and not by ob',
  killed: () => 'its PID 1 was killed',
};

function tellStatus(status: number): string {
  return status > 128 ? `by signal ${status - 128}` : `with exit status ${status}`;
}
