import { constants as system } from 'node:os';
import { Readable, type Writable } from 'node:stream';
import { execa, execaSync } from 'execa';
import { hasCode, ObError } from './error.ts';
import { createLines } from './lines.ts';
import { findProgram, needProgram, SYSTEM_PATH } from './programs.ts';
import { type Ended, type Ran, toRan } from './ran.ts';
import { joinTalk, startTalk } from './talk.ts';

const TIME_LIMIT_MS = 60_000;

export interface RunOptions {
  readonly input?: string;
  readonly timeLimitMs?: number;
  /** Added to the clean environment that every program gets. */
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /**
   * Of a program that is not known: at the time limit whatever it has started is ended too, as that may hold its output for
   * ever; and it ends if we are killed, so that it does not get in the way of the next run.
   */
  readonly isUnknown?: boolean;
  /** Ends the program when it is aborted. */
  readonly signal?: AbortSignal;
  /** What the program gets as descriptors 3, 4, …: one of ours, or a pipe, whose text is in `more`. */
  readonly descriptors?: readonly (number | 'pipe')[];
  /** Goes on until it is told to end: no time limit, and what it has said is not kept. */
  readonly isEndless?: boolean;
  /** It runs already: the socket by which it hears and speaks. */
  readonly socket?: number | undefined;
  /** Called with every line of stdout as it comes; for programs of our own. `input` is said first. */
  readonly onLine?: OnLine;
}

/** SAY: '' is the last word. */
export type OnLine = (line: string, say: (text: string) => void) => void;

/** Starts programs in our place, at less cost: see `openHelper`. */
export interface Starter {
  /** Undefined: not this one, and it has not been started. */
  start(path: string, args: readonly string[], options: { input?: string; timeLimitMs: number }): Promise<Ended> | undefined;
  /** One that is talked with. */
  talk(path: string, args: readonly string[], options: { onLine: OnLine; timeLimitMs: number }): Promise<Ended> | undefined;
}

let starter: Starter | undefined;

/** From now on programs of which nothing special is wanted are started by GIVEN; undefined: by us again. */
export function startWith(given: Starter | undefined): void {
  starter = given;
}

/** Is there one that starts programs in our place? */
export function hasStarter(): boolean {
  return starter !== undefined;
}

/**
 * Runs a program to its end: no shell, an argument list, the C locale, a time limit. Never throws because
 * the program failed: see `ok`. Throws `ObError` where the program does not exist.
 */
export async function run(program: string, args: readonly string[], options: RunOptions = {}): Promise<Ran> {
  const path = needProgram(program);
  const { timeLimitMs = TIME_LIMIT_MS } = options;
  return toRan(await (runByStarter(path, args, options) ?? runOurselves(path, args, options)), program, args, timeLimitMs);
}

/** Undefined: something special is wanted, or there is nobody. */
function runByStarter(path: string, args: readonly string[], options: RunOptions): Promise<Ended> | undefined {
  const { input, onLine, timeLimitMs = TIME_LIMIT_MS, ...special } = options;
  if (!starter || Object.keys(special).length > 0) return undefined;
  if (!onLine) return starter.start(path, args, { timeLimitMs, ...(input === undefined ? {} : { input }) });
  return input === undefined ? starter.talk(path, args, { onLine, timeLimitMs }) : undefined;
}

async function talk(path: string, args: readonly string[], onLine: OnLine, options: RunOptions): Promise<Ended> {
  const { isEndless = false, timeLimitMs = TIME_LIMIT_MS, signal, descriptors = [], socket, input } = options;
  const limits = { timeLimitMs: isEndless ? 0 : timeLimitMs, keepsWords: !isEndless, signal };
  const { stdin, stdout, ended } =
    socket === undefined
      ? startTalk(path, args, { ...surroundings(options), ...limits, descriptors: descriptors.filter((one) => one !== 'pipe') })
      : joinTalk(socket);
  const told = feed(stdin, stdout, onLine);
  if (input) stdin.write(input);
  await told;
  return ended;
}

async function runOurselves(path: string, args: readonly string[], options: RunOptions): Promise<Ended> {
  if (options.onLine) return talk(path, args, options.onLine, options);
  const child = spawn(path, () =>
    execa(...withDeath(path, args, options), {
      reject: false,
      // In a session of its own: Ctrl-C at the terminal is for ob, which lets what runs come to its end.
      detached: true,
      timeout: options.timeLimitMs ?? TIME_LIMIT_MS,
      ...(options.signal ? { cancelSignal: options.signal } : {}),
      ...surroundings(options),
      maxBuffer: 1 << 28,
      ...(options.input === undefined ? {} : { input: options.input }),
      stdio: [options.input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe', ...(options.descriptors ?? [])] as never,
    }),
  );
  const limit = options.isUnknown && child.pid ? endAllIn(options.timeLimitMs ?? TIME_LIMIT_MS, child.pid, child) : undefined;
  const result = await child;
  clearTimeout(limit);
  return result;
}

/**
 * Without descriptors for its pipes Node gives a child that has no streams. execa does not expect that, nor hears the error
 * that this child tells a moment later.
 */
function spawn<T>(program: string, begin: () => T): T {
  try {
    return begin();
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    process.off('uncaughtException', hearNoSpawn).on('uncaughtException', hearNoSpawn);
    throw new ObError(`cannot start ${program}: too many open files`, { hint: 'ob may have too few of them: ulimit -n' });
  }
}

function hearNoSpawn(error: Error): void {
  if (!hasCode(error, 'EMFILE', 'ENFILE')) throw error;
}

/** The command line with which a program ends if we are killed. */
function withDeath(path: string, args: readonly string[], { isUnknown }: RunOptions): [string, readonly string[]] {
  const setpriv = isUnknown ? findProgram('setpriv') : undefined;
  return setpriv ? [setpriv, ['--pdeathsig', 'KILL', '--', path, ...args]] : [path, args];
}

/** Who has left the program's session can no longer be found, but not be waited for either. */
function endAllIn(ms: number, pid: number, { stdout, stderr }: { stdout: unknown; stderr: unknown }): NodeJS.Timeout {
  return setTimeout(() => {
    try {
      process.kill(-pid, 'SIGKILL');
    } catch {
      // All of them have ended.
    }
    for (const stream of [stdout, stderr]) if (stream instanceof Readable) stream.destroy();
  }, ms);
}

/** The same for a program whose answer is needed to go on at all; everything waits for it. */
export function runSync(program: string, args: readonly string[], options: Pick<RunOptions, 'timeLimitMs' | 'env' | 'cwd'> = {}): Ran {
  const result = execaSync(needProgram(program), args, {
    reject: false,
    timeout: options.timeLimitMs ?? TIME_LIMIT_MS,
    killSignal: 'SIGKILL',
    maxBuffer: 1 << 20,
    ...surroundings(options),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  return toRan(result, program, args, options.timeLimitMs ?? TIME_LIMIT_MS);
}

function surroundings({ cwd = '/', env }: RunOptions) {
  // Not the folder that ob was started in, which may be gone, or be one that has to be unmounted.
  return { cwd, env: { LC_ALL: 'C', PATH: SYSTEM_PATH.join(':'), ...env }, extendEnv: false };
}

/**
 * Runs a program on our own terminal and streams to its end, as if it had been called itself: signals are for it alone.
 * Gives its exit code, 128+n for signal n, and what it wrote to descriptor 3.
 */
export async function runAttached(program: string, args: readonly string[]): Promise<{ exitCode: number; report: string }> {
  const child = execa(needProgram(program), args, { reject: false, stdio: ['inherit', 'inherit', 'inherit', 'pipe'] });
  const pass = (signal: NodeJS.Signals): void => void child.kill(signal);
  const ignore = (): void => {};
  // A terminal interrupts all its programs by itself; the others come from elsewhere, and to us alone.
  process.on('SIGINT', ignore);
  for (const signal of PASSED_ON) process.on(signal, pass);
  const result = await child;
  process.off('SIGINT', ignore);
  for (const signal of PASSED_ON) process.off(signal, pass);
  const ended = result.signal ? 128 + system.signals[result.signal] : 1;
  return { exitCode: result.exitCode ?? ended, report: String(result.stdio?.[3] ?? '') };
}

const PASSED_ON = ['SIGTERM', 'SIGHUP', 'SIGQUIT'] as const;

const READY_LIMIT_MS = 30_000;

/** Starts a program that outlives us, our terminal and our session; waits until it has said the word READY. Gives its PID. */
export async function startDetached(program: string, args: readonly string[], ready: string): Promise<number> {
  const child = execa(needProgram(program), args, {
    reject: false,
    detached: true,
    cleanup: false,
    // The same Node that we run on, wherever it is.
    ...surroundings({ env: { OB_NODE: process.execPath } }),
    stdio: ['ignore', 'pipe', 'ignore'],
    buffer: false,
  });
  const limit = setTimeout(() => child.kill('SIGKILL'), READY_LIMIT_MS);
  const isReady = await saysFirst(child.stdout, ready);
  clearTimeout(limit);
  child.unref();
  if (isReady && child.pid) return child.pid;
  child.kill('SIGKILL');
  throw new ObError(`${program} ${args.join(' ')} does not come up`);
}

async function saysFirst(stream: Readable, word: string): Promise<boolean> {
  try {
    // Leaving the loop closes our end: the program has nobody to talk to any more.
    for await (const bytes of stream) return String(bytes).startsWith(word);
  } catch {
    // Cut off half-way: not said.
  }
  return false;
}

/** Reads the lines of a child as they come. */
async function feed(stdin: Writable, stdout: Readable, onLine: OnLine): Promise<void> {
  // The other side may be gone already; what it left unsaid shows in its output and exit code.
  stdin.on('error', () => {});
  const say = (text: string) => void (text ? stdin.write(text) : stdin.end());
  const take = (line: string): void => {
    try {
      onLine(line, say);
    } catch {
      // It does not say what was agreed upon: nobody listens any more, and how it ends tells the rest.
      stdout.destroy();
    }
  };
  const lines = createLines(take);
  stdout.setEncoding('utf8').on('data', lines.add);
  await new Promise((resolve) => stdout.once('close', resolve));
  lines.end();
}
