import { type ChildProcess, spawn } from 'node:child_process';
import { Socket } from 'node:net';
import type { Readable, Writable } from 'node:stream';
import { messageOf, ObError } from './error.ts';
import type { Ended } from './ran.ts';

interface TalkOptions {
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  /** 0: none. */
  readonly timeLimitMs: number;
  /** Is what it says on stderr kept? */
  readonly keepsWords: boolean;
  /** Ends the program when it is aborted. */
  readonly signal?: AbortSignal | undefined;
  /** What the program gets as descriptors 3, 4, …: ours. */
  readonly descriptors?: readonly number[];
}

interface Talk {
  readonly stdin: Writable;
  readonly stdout: Readable;
  /** Never rejects. */
  readonly ended: Promise<Ended>;
}

/** After TERM. */
const KILL_AFTER_MS = 1000;
const MOST_WORDS = 1 << 20;

/**
 * Starts a program of our own to talk with, in a session of its own. execa does that as well: to start one takes it 2 ms longer, and
 * 2 ms more the first time, as it looks at all of our own streams first. What an apply of one subhost takes is half that of Node.
 */
export function startTalk(path: string, args: readonly string[], options: TalkOptions): Talk {
  const { cwd, env, descriptors = [] } = options;
  const child = begin(path, () => spawn(path, args, { cwd, env, detached: true, stdio: ['pipe', 'pipe', 'pipe', ...descriptors] }));
  const ended = hearEnd(child, options);
  const { stdin, stdout, stderr } = child;
  // So it is without descriptors for its pipes.
  if (!stdin || !stdout || !stderr)
    throw new ObError(`cannot start ${path}: too many open files`, { hint: 'ob may have too few of them: ulimit -n' });
  return { stdin, stdout, ended };
}

/** The same with one that runs already, and hears and speaks by an open socket, which is ours then. How it ends is not known. */
export function joinTalk(fd: number): Talk {
  const socket = new Socket({ fd });
  const ended = new Promise<Ended>((settle) => socket.once('close', () => settle({ failed: false, timedOut: false, stderr: '' })));
  // What it left unsaid tells the rest.
  socket.on('error', () => {});
  return { stdin: socket, stdout: socket, ended };
}

/** Node tells some errors by an event, and throws others. */
function begin<T>(path: string, act: () => T): T {
  try {
    return act();
  } catch (error) {
    throw new ObError(`cannot start ${path}: ${messageOf(error)}`);
  }
}

function hearEnd(child: ChildProcess, { timeLimitMs, keepsWords, signal }: TalkOptions): Promise<Ended> {
  let timedOut = false;
  let stderr = '';
  let last: NodeJS.Timeout | undefined;
  const end = (): void => {
    child.kill('SIGTERM');
    last ??= setTimeout(() => {
      child.kill('SIGKILL');
      // What it has started may hold its output for ever, and nobody waits for that.
      for (const stream of [child.stdout, child.stderr]) stream?.destroy();
    }, KILL_AFTER_MS);
  };
  const onLimit = (): void => {
    timedOut = true;
    end();
  };
  const limit = timeLimitMs > 0 ? setTimeout(onLimit, timeLimitMs) : undefined;
  if (signal?.aborted) end();
  signal?.addEventListener('abort', end, { once: true });
  // What cannot be read any more has been said to nobody.
  for (const stream of [child.stdout, child.stderr]) stream?.on('error', () => {});
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    if (keepsWords && stderr.length < MOST_WORDS) stderr += text;
  });
  return new Promise((settle) => {
    const tell = (one: Pick<Ended, 'exitCode' | 'shortMessage'>): void => {
      for (const timer of [limit, last]) clearTimeout(timer);
      signal?.removeEventListener('abort', end);
      settle({ failed: one.exitCode !== 0, timedOut, stderr: stderr.replace(/\r?\n$/, ''), ...one });
    };
    child.once('error', (error) => tell({ shortMessage: messageOf(error) }));
    child.once('close', (code, signal) => tell(code === null ? { shortMessage: `it was killed by ${signal}` } : { exitCode: code }));
  });
}
