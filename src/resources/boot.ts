import { createHash } from 'node:crypto';
import { interrupted, ObError } from './error.ts';
import type { Subhost } from './hosts.ts';
import { interfacesFile } from './interfaces.ts';
import type { Machine } from './machine.ts';
import { parseReaperError } from './reaper.ts';
import { type RunOptions, run } from './run.ts';
import { sharesOf, toWords as wordsOf } from './shares.ts';

/** How long one start command may take, and one stop command; the reaper kills it then. */
export const START_LIMIT_MS = 90_000;
export const STOP_LIMIT_MS = 10_000;
/** How long namespaces and mounts of one batch may take before a subhost that said nothing is given up. */
const READY_LIMIT_MS = 30_000;

/** Raised whenever the reaper boots a subhost differently: running ones then show as due for a restart. */
const RECIPE = 3;

export interface BootRequest {
  readonly mark: string;
  readonly cgroup: string;
  readonly subhost: Subhost;
  /** The upper directory as it is mounted, if an /etc/network/interfaces is to be made in one that has none. */
  readonly upper: string | undefined;
  /** The text of a host key for ssh, if one is to be made in a subhost that has none. */
  readonly hostKey: string | undefined;
  /** The file that its PID 1 says its end in. */
  readonly end: string;
}

export interface BootResult {
  readonly error?: ObError;
  /** Start entries that failed: name and exit status. */
  readonly failed: readonly { readonly name: string; readonly status: string }[];
  /** Entries of the default list that the subhost does not have. */
  readonly skipped: readonly string[];
  /** PID of the subhost's PID 1 as we see it. */
  readonly pid: number | undefined;
}

/** Digest of what matters at boot and cannot be read back from a running subhost. */
export function bootDigest(subhost: Subhost): string {
  const { name, live, lower, hooks, trusted } = subhost;
  const matters = [
    RECIPE,
    name,
    live,
    lower === live,
    START_LIMIT_MS,
    STOP_LIMIT_MS,
    ...(hooks?.init ? [hooks.init] : []),
    ...(trusted ? ['trusted'] : []),
  ];
  return createHash('sha256').update(JSON.stringify(matters)).digest('hex').slice(0, 16);
}

/** A start entry in the reaper's words: `ssh`, `ssh?` where it may be missing, `/path`. */
export function toEntry(entry: Subhost['start'][number]): string {
  return entry.optional ? `${entry.name}?` : entry.name;
}

interface Progress extends BootResult {
  /** By which the reaper knows it. */
  readonly index: number;
  /** Where there is nothing to start, nothing takes long. */
  readonly hasList: boolean;
  error?: ObError;
  failed: { name: string; status: string }[];
  skipped: string[];
  pid: number | undefined;
  state: 'new' | 'ready' | 'committed' | 'ended';
}

/**
 * Boots subhosts with one helper process: all are made ready at once, then at most `width` run their start
 * lists at a time; who has none waits for nobody. Two-phase: nothing runs inside before the commit; if `ob` dies first, they
 * die too. ONEND: told of each that has come to the end of its list before the others have.
 */
export async function bootSubhosts(
  { reaper, width, signal }: Pick<Machine, 'reaper' | 'width' | 'signal'>,
  requests: readonly BootRequest[],
  say: (mark: string, text: string) => void,
  onEnd: (mark: string, result: BootResult) => void = () => {},
): Promise<Map<string, BootResult>> {
  const all = new Map<string, Progress>(
    requests.map(({ mark, subhost }, index) => [
      mark,
      { index, hasList: subhost.start.length > 0, failed: [], skipped: [], pid: undefined, state: 'new' },
    ]),
  );
  let answer: ((text: string) => void) | undefined;
  // Counted once for a piece of news, and not for each subhost that could be meant: of a thousand each sends a few.
  const commitNext = (): void => {
    const some = (state: Progress['state']): Progress[] => [...all.values()].filter((one) => one.state === state);
    const waiting = some('new');
    const ready = some('ready');
    if (signal?.aborted) for (const one of [...waiting, ...ready]) end(one, interrupted());
    const room = Math.max(0, width - some('committed').filter((one) => one.hasList).length);
    const willing = [...ready.filter((one) => !one.hasList), ...ready.filter((one) => one.hasList).slice(0, room)];
    const next = signal?.aborted ? [] : willing;
    for (const one of next) one.state = 'committed';
    if (next.length > 0) answer?.(next.map(({ index }) => `${index}\n`).join(''));
    if (signal?.aborted || (waiting.length === 0 && next.length === ready.length)) answer?.('');
  };
  const giveUp = setTimeout(() => {
    for (const one of all.values()) if (one.state === 'new') end(one, new ObError('the subhost did not get ready in time'));
    commitNext();
  }, READY_LIMIT_MS);
  const entries = requests.reduce((sum, request) => sum + request.subhost.start.length, 0);
  const ran = await run(reaper, ['boot', ...requests.flatMap(toWords)], {
    timeLimitMs: READY_LIMIT_MS + (entries + 1) * START_LIMIT_MS,
    ...withKeys(requests),
    onLine(line, reply) {
      answer = reply;
      const mark = line.slice(0, line.indexOf(' '));
      const one = all.get(mark);
      if (!one || hasEnded(one)) return;
      const { state } = one;
      takeLine(one, line, (text) => say(mark, text));
      if (hasEnded(one)) onEnd(mark, one);
      if (one.state !== state || signal?.aborted) commitNext();
    },
  });
  clearTimeout(giveUp);
  for (const one of all.values())
    if (one.state !== 'ended') end(one, new ObError(`the subhost ended while it was starting${ran.words ? `: ${ran.words}` : ''}`));
  return all;
}

function hasEnded(one: Progress): boolean {
  return one.state === 'ended';
}

function end(one: Progress, error?: ObError): void {
  one.state = 'ended';
  if (error) one.error ??= error;
}

/** Its place is free for the next one; those that have gone through their lists have said so before. */
function endEarly(one: Progress): void {
  if (one.state !== 'ended') end(one, new ObError('the subhost ended while it was starting'));
}

function takeLine(one: Progress, line: string, say: (text: string) => void): void {
  const failed = parseReaperError(line);
  const [, word, ...rest] = line.split(' ');
  const status = rest.at(-1) ?? '';
  const name = rest.slice(0, -1).join(' ');
  if (failed) end(one, failed.error);
  else if (word === 'pid') one.pid = Number(status);
  else if (word === 'ready') one.state = 'ready';
  else if (word === 'ended') endEarly(one);
  else if (word === 'start') say(`starting ${rest.join(' ')}`);
  else if (word === 'done' && status === 'skp') one.skipped.push(name);
  else if (word === 'done' && status !== '000') one.failed.push({ name, status });
  else if (word === 'finished') end(one);
}

/** The environment, if there are keys to make known. */
function withKeys(requests: readonly BootRequest[]): Pick<RunOptions, 'env'> {
  const keys = requests.flatMap(({ hostKey }, index) => (hostKey === undefined ? [] : [[keyVariable(index), hostKey] as const]));
  return keys.length > 0 ? { env: Object.fromEntries(keys) } : {};
}

/** Arguments can be read by every user of the machine. */
function keyVariable(index: number): string {
  return `OB_HOST_KEY_${index}`;
}

function toWords({ mark, cgroup, subhost, upper, hostKey, end }: BootRequest, index: number): string[] {
  return [
    ...(index > 0 ? ['--'] : []),
    mark,
    `/run/netns/${subhost.name}`,
    subhost.live,
    cgroup,
    subhost.name,
    subhost.ramSize === null ? 'none' : String(subhost.ramSize),
    String(START_LIMIT_MS),
    String(STOP_LIMIT_MS),
    bootDigest(subhost),
    ...['end', end],
    ...(upper === undefined ? [] : ['interfaces', upper, interfacesFile(subhost.cables)]),
    ...(hostKey === undefined ? [] : ['hostkey', keyVariable(index)]),
    ...sharesOf(subhost).flatMap((share) => ['share', ...wordsOf(share)]),
    ...confinementWords(subhost),
    'start',
    ...subhost.start.map(toEntry),
  ];
}

/** What differs from what the reaper does by itself. */
function confinementWords({ confinement, trusted, userns }: Subhost): string[] {
  return [
    ...(confinement ? ['caps', confinement.capabilities] : []),
    ...(confinement?.seccomp === 'off' ? ['seccomp', 'off'] : []),
    ...(confinement?.noNewPrivs ? ['privileges', 'none'] : []),
    ...(trusted ? ['masks', 'off'] : []),
    ...(userns ? ['userns', String(userns)] : []),
  ];
}
