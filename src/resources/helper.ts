import { either, isNumber, isText, withFields } from './checks.ts';
import { createLines, type Lines } from './lines.ts';
import { parseJson } from './linux/inside.ts';
import type { Ended } from './ran.ts';
import { parseReaperError } from './reaper.ts';
import { type OnLine, type RunOptions, run, type Starter } from './run.ts';
import { joinTalk } from './talk.ts';

export interface Helper extends Starter {
  /** It ends, now that nothing is asked of it any more: then it has let go of the lock. */
  end(): Promise<void>;
}

/** What `reaper serve` can take: words in bytes, and how many. */
const MOST_BYTES = 1 << 20;
const MOST_WORDS = 1 << 15;

/** Programs that are talked with, and others, of the 64 that it has at a time: it hears us only while it has room for one more. */
const MOST_TALKS = 16;
const MOST_RUNS = 47;

/** A line of `reaper serve`: what became of the lock (an errno), what a program says, or what became of it. */
interface Line {
  readonly lock?: number;
  readonly key?: number;
  readonly said?: string;
  readonly exit?: number;
  readonly out?: string;
  readonly err?: string;
}

const number = either(isNumber, undefined);
const text = either(isText, undefined);
const isLine = withFields({ lock: number, key: number, said: text, exit: number, out: text, err: text });

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
const CLAIM = 'kill 0 0 0\n';

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
  const asked = new Map<number, Asked>();
  let say: Say | undefined;
  let isOver: Promise<unknown> = Promise.resolve();
  const lock = await new Promise<number | undefined>((settle) => {
    const onLine: OnLine = (words, reply) => {
      const line = parseJson(words, isLine) as Line;
      if (line.lock === 0) say = reply;
      if (line.lock !== undefined) settle(line.lock);
      if (line.key !== undefined) hear(asked, line.key, line);
    };
    // What cannot be started, or is no socket, has said nothing.
    isOver = run(reaper, ['serve', manner], { isEndless: true, ...how, onLine }).catch(() => {});
    void isOver.then(() => {
      say = undefined;
      for (const one of asked.values()) one.end(HAS_ENDED);
      settle(undefined);
    });
  });
  const end = async (): Promise<void> => {
    say?.('');
    await isOver;
  };
  return lock === 0 ? { ...createStarter(asked, () => say), end } : undefined;
}

type Say = (text: string) => void;

const HAS_ENDED: Ended = { failed: true, timedOut: false, stderr: 'the reaper that started it has ended' };

/** A program that has been asked for, by its key. */
interface Asked {
  readonly lines?: Lines;
  readonly end: (ended: Ended) => void;
}

function hear(asked: Map<number, Asked>, key: number, { said, exit, out, err }: Line): void {
  const one = asked.get(key);
  if (said !== undefined) {
    one?.lines?.add(said);
    return;
  }
  asked.delete(key);
  one?.lines?.end();
  one?.end({ failed: exit !== 0, timedOut: false, exitCode: exit, stdout: trim(out), stderr: trim(err) });
}

function createStarter(asked: Map<number, Asked>, sayer: () => Say | undefined): Starter {
  let lastKey = 0;
  const inTurn = createTurns(MOST_RUNS);
  let talks = 0;
  /** Undefined: it cannot be asked for that. */
  const toWords = (path: string, args: readonly string[]): string | undefined => {
    const words = [path, ...args].map((word) => `${word}\0`).join('');
    return sayer() && args.length < MOST_WORDS && Buffer.byteLength(words) <= MOST_BYTES ? words : undefined;
  };
  const begin = async (what: string, words: string, options: { input?: string; timeLimitMs: number; onLine?: OnLine }): Promise<Ended> => {
    const { input = '', timeLimitMs, onLine } = options;
    if (!sayer()) return HAS_ENDED;
    const path = words.slice(0, words.indexOf('\0'));
    const key = ++lastKey;
    const tell = (verb: string, text = ''): void => sayer()?.(`${verb} ${key} 0 ${Buffer.byteLength(text)}\n${text}`);
    const kill = (): void => tell('kill');
    const lines = onLine && createLines(talkWith(onLine, tell, kill));
    const ended = new Promise<Ended>((settle) => {
      const end = (one: Ended): void => settle({ ...one, stderr: wordsOf(String(one.stderr ?? ''), path) });
      asked.set(key, { end, ...(lines ? { lines } : {}) });
    });
    sayer()?.(`${what} ${key} ${Buffer.byteLength(words)} ${Buffer.byteLength(input)}\n${words}${input}`);
    return within(timeLimitMs, ended, kill);
  };
  return {
    // More of them wait here: each may take its time from when it is begun.
    start(path, args, options) {
      const words = toWords(path, args);
      return words === undefined ? undefined : inTurn(() => begin('run', words, options));
    },
    talk(path, args, options) {
      const words = talks < MOST_TALKS ? toWords(path, args) : undefined;
      if (words === undefined) return undefined;
      talks++;
      return begin('talk', words, options).finally(() => talks--);
    },
  };
}

/** Lets so MANY go on at a time, the others after them. */
function createTurns(many: number): <T>(act: () => Promise<T>) => Promise<T> {
  const waiting: (() => void)[] = [];
  let running = 0;
  return async (act) => {
    if (running < many) running++;
    else await new Promise<void>((begin) => waiting.push(begin));
    try {
      return await act();
    } finally {
      const next = waiting.shift();
      if (next) next();
      else running--;
    }
  };
}

/** Who does not say what was agreed upon is not listened to any more. */
function talkWith(onLine: OnLine, tell: (verb: string, text?: string) => void, kill: () => void): (line: string) => void {
  const reply = (text: string): void => (text ? tell('say', text) : tell('close'));
  return (line) => {
    try {
      onLine(line, reply);
    } catch {
      kill();
    }
  };
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
