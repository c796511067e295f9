import { either, isNumber, isText, withFields } from './checks.ts';
import { parseJson } from './linux/inside.ts';
import type { Ended } from './ran.ts';
import { parseReaperError } from './reaper.ts';
import { type RunOptions, run, type Starter } from './run.ts';
import { joinTalk } from './talk.ts';

export interface Helper extends Starter {
  /** It ends, now that nothing is asked of it any more: then it has let go of the lock. */
  end(): Promise<void>;
}

/** What `reaper serve` can take: words in bytes, and how many. */
const MOST_BYTES = 1 << 20;
const MOST_WORDS = 1 << 15;

/** A line of `reaper serve`: what became of the lock (an errno), or of a program. */
interface Line {
  readonly lock?: number;
  readonly key?: number;
  readonly exit?: number;
  readonly out?: string;
  readonly err?: string;
}

const number = either(isNumber, undefined);
const text = either(isText, undefined);
const isLine = withFields({ lock: number, key: number, exit: number, out: text, err: text });

/**
 * A small process that starts programs for us. Node is large: for each program that it starts itself its page tables are
 * copied, and every page that it writes to afterwards. First of all it takes the lock on the open file FD, which is ours then;
 * undefined: another has it.
 */
export function openHelper(reaper: string, fd: number): Promise<Helper | undefined> {
  return begin(reaper, 'lock', { descriptors: [fd] });
}

/** One that dist/ob has started before us: see reaper/early.c. */
export interface Early {
  /** By which it hears and speaks. */
  readonly socket: number;
  /** The file that it has locked, if that was to be had; its open descriptor is ours as well. */
  readonly fd: number;
}

/** Once for each run: it ends with the lock. */
export function takeEarly(env = process.env): Early | undefined {
  const [, socket, fd] = /^(\d+)\.(\d+)$/.exec(env['OB_HELPER'] ?? '') ?? [];
  delete env['OB_HELPER'];
  return socket === undefined ? undefined : { socket: Number(socket), fd: Number(fd) };
}

/** Undefined: there is none, or it does not have the lock. */
export function joinHelper(reaper: string, { socket }: Early): Promise<Helper | undefined> {
  return begin(reaper, 'early', { socket, input: CLAIM });
}

/** From now on it is us who removes the file of the lock. */
const CLAIM = '0 0 0\n';

/** Where nothing came of a run, for which one had been started: waits until it has taken away what it has made. */
export async function dropEarly(): Promise<void> {
  const early = takeEarly();
  if (!early) return;
  const { stdin, stdout, ended } = joinTalk(early.socket);
  stdin.end();
  stdout.resume();
  await ended;
}

/** Undefined: it does not have the lock. */
async function begin(
  reaper: string,
  manner: string,
  how: Pick<RunOptions, 'descriptors' | 'socket' | 'input'>,
): Promise<Helper | undefined> {
  const waiting = new Map<number, (ended: Ended) => void>();
  let say: ((text: string) => void) | undefined;
  let lastKey = 0;
  let isOver: Promise<unknown> = Promise.resolve();
  const lock = await new Promise<number | undefined>((settle) => {
    const onLine = (words: string, reply: (text: string) => void): void => {
      const line = parseJson(words, isLine) as Line;
      if (line.lock === 0) say = reply;
      if (line.lock !== undefined) settle(line.lock);
      waiting.get(line.key ?? 0)?.({
        failed: line.exit !== 0,
        timedOut: false,
        exitCode: line.exit,
        stdout: trim(line.out),
        stderr: trim(line.err),
      });
      waiting.delete(line.key ?? 0);
    };
    // What cannot be started, or is no socket, has said nothing.
    isOver = run(reaper, ['serve', manner], { isEndless: true, ...how, onLine }).catch(() => {});
    void isOver.then(() => {
      say = undefined;
      for (const tell of waiting.values()) tell({ failed: true, timedOut: false, stderr: 'the reaper that started it has ended' });
      settle(undefined);
    });
  });
  const end = async (): Promise<void> => {
    say?.('');
    await isOver;
  };
  if (lock !== 0) return undefined;
  const start: Starter['start'] = (path, args, { input = '', timeLimitMs }) => {
    const words = [path, ...args].map((word) => `${word}\0`).join('');
    if (!say || args.length >= MOST_WORDS || Buffer.byteLength(words) > MOST_BYTES) return undefined;
    const key = ++lastKey;
    const ended = new Promise<Ended>((tell) =>
      waiting.set(key, (one) => tell({ ...one, stderr: wordsOf(String(one.stderr ?? ''), path) })),
    );
    say(`${key} ${Buffer.byteLength(words)} ${Buffer.byteLength(input)}\n${words}${input}`);
    return within(timeLimitMs, ended, () => say?.(`${key} 0 0\n`));
  };
  return { start, end };
}

async function within(ms: number, ended: Promise<Ended>, kill: () => void): Promise<Ended> {
  let timedOut = false;
  const limit = setTimeout(() => {
    timedOut = true;
    kill();
  }, ms);
  const result = await ended;
  clearTimeout(limit);
  return { ...result, timedOut };
}

/** Without its last newline, as of a program that we start ourselves. */
function trim(text = ''): string {
  return text.replace(/\r?\n$/, '');
}

/** What the program has said; in a person's words, where it was never started. */
function wordsOf(text: string, path: string): string {
  const isOurs = text.startsWith('reaper error clone ') || text.startsWith(`${path} error exec `);
  const failed = isOurs ? parseReaperError(text) : undefined;
  return failed ? `cannot start it: ${failed.error.message}` : text;
}
