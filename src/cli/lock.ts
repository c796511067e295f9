import {
  closeSync,
  constants,
  existsSync,
  fstatSync,
  ftruncateSync,
  openSync,
  readSync,
  rmdirSync,
  statSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { dropAhead } from '../resources/ahead.ts';
import { ExitCode, hasCode, messageOf, ObError } from '../resources/error.ts';
import { type Helper, joinHelper, openHelper, takeEarly } from '../resources/helper.ts';
import { findProgram, needProgram } from '../resources/programs.ts';
import { run, startWith } from '../resources/run.ts';
import type { Context } from './command.ts';
import { printable } from './printable.ts';
import { makeRunFolder, RUN_FOLDER, refused } from './run-folder.ts';
import { REAPER } from './session.ts';

const PATH = `${RUN_FOLDER}/lock`;
/** What flock(1) is told to exit with when another holds the lock. */
const HELD = 75;

/**
 * Runs ACT while no other run is changing this machine. The kernel holds the lock, by an open descriptor: it
 * ends with its holder, however that ends. Throws with exit code 75 if another has it for longer than the limit.
 * BEFOREWAIT: what can be found wrong without the lock is told before the wait for it.
 */
export async function withLock<T>(
  limitSeconds: number,
  context: Context,
  act: () => Promise<T>,
  beforeWait?: () => Promise<unknown>,
): Promise<T> {
  const { fd, helper } = await acquire(limitSeconds, context, beforeWait);
  try {
    startWith(helper);
    nameHolder(fd, context);
    return await act();
  } finally {
    startWith(undefined);
    await helper?.end();
    release(fd);
  }
}

/** For whoever finds the lock taken. Where /run is full the lock holds without a name: to remove something may be what helps. */
function nameHolder(fd: number, { commandLine }: Context): void {
  ftruncateSync(fd);
  try {
    writeSync(fd, `${process.pid} ${printable(commandLine)}\n`, 0);
  } catch (error) {
    if (!hasCode(error, 'ENOSPC')) throw error;
  }
}

/** By an open descriptor, and perhaps with one who starts programs for us from now on. */
interface Lock {
  readonly fd: number;
  readonly helper?: Helper;
}

async function acquire(limitSeconds: number, { signal, output }: Context, beforeWait?: () => Promise<unknown>): Promise<Lock> {
  needProgram('flock');
  const early = await joinEarly();
  if (early) return early;
  let deadline = performance.now() + limitSeconds * 1000;
  for (let hasWaited = false; ; ) {
    const fd = tryOpen();
    if (fd === undefined) continue;
    const left = hasWaited ? Math.max(0, deadline - performance.now()) / 1000 : 0;
    const helper = !hasWaited && findProgram(REAPER) ? await openHelper(REAPER, fd) : undefined;
    const isOurs = helper !== undefined || (await flock(fd, left, signal));
    if (isOurs && isStillThere(fd)) return { fd, ...(helper ? { helper } : {}) };
    await helper?.end();
    const holder = holderOf(fd);
    if (!hasWaited && isOrphaned(fd)) deadline = Math.max(deadline, performance.now() + ORPHAN_MS);
    closeSync(fd);
    if (signal.aborted) throw new ObError('interrupted before anything was done', { exitCode: ExitCode.interrupted });
    if (isOurs) continue;
    if (!hasWaited) await beforeWait?.();
    if (performance.now() >= deadline) throw locked(holder);
    if (!hasWaited && limitSeconds > 0) output.sink({ type: 'waiting', for: holder, seconds: limitSeconds });
    hasWaited = true;
  }
}

/** The lock that was taken before us; what was seen of the machine under it is good for as long as we have it. */
async function joinEarly(): Promise<Lock | undefined> {
  const early = takeEarly();
  if (!early) return undefined;
  const helper = await joinHelper(REAPER, early);
  if (helper) return { fd: early.fd, helper };
  dropAhead();
  // Who has died with the lock in its hands has left it to us: we would wait for ourselves.
  closeOpen(early.fd);
  return undefined;
}

/** Perhaps it is not what it was said to be. */
function closeOpen(fd: number): void {
  try {
    closeSync(fd);
  } catch (error) {
    if (!hasCode(error, 'EBADF')) throw error;
  }
}

/** What a run that was killed has left running holds the lock until it has ended, which it mostly has in no time. */
const ORPHAN_MS = 2000;

/** True: the lock is ours. False: another has it, or we were interrupted. */
async function flock(fd: number, seconds: number, signal: AbortSignal): Promise<boolean> {
  const wait = seconds > 0 ? ['--timeout', String(seconds)] : ['--nonblock'];
  // flock(2) belongs to the open file description, which flock(1) shares with us: it stays ours when flock(1) ends.
  const ran = await run('flock', ['--conflict-exit-code', String(HELD), ...wait, '3'], {
    descriptors: [fd],
    timeLimitMs: (seconds + 60) * 1000,
    signal,
  });
  if (ran.ok || ran.exitCode === HELD || signal.aborted) return ran.ok;
  throw new ObError(`cannot lock ${PATH}: ${ran.words}`);
}

function locked(holder: string): ObError {
  return new ObError(`another run is under way: ${holder}`, { exitCode: ExitCode.locked, hint: 'wait for it with --lock-timeout SECONDS' });
}

/** Undefined: the folder was removed by a run that ended just now. */
function tryOpen(): number | undefined {
  try {
    makeRunFolder();
    return openSync(PATH, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o600);
  } catch (error) {
    if (hasCode(error, 'ENOENT') && existsSync('/run')) return undefined;
    if (error instanceof ObError) throw error;
    if (hasCode(error, 'ELOOP', 'EISDIR')) throw refused(PATH);
    throw new ObError(`cannot lock ${PATH}: ${messageOf(error)}`);
  }
}

/** Who had the lock before us may have removed the file: then we hold a lock that nobody else will ever see. */
function isStillThere(fd: number): boolean {
  return statSync(PATH, { throwIfNoEntry: false })?.ino === fstatSync(fd).ino;
}

/** Nothing is left over in /run. Removed while still locked: see `isStillThere`. */
function release(fd: number): void {
  try {
    unlinkSync(PATH);
    rmdirSync(RUN_FOLDER);
  } catch (error) {
    if (!hasCode(error, 'ENOENT', 'ENOTEMPTY')) throw error;
  } finally {
    closeSync(fd);
  }
}

const LONG_MS = 3_600_000;

/** Has one run been at it for so long that it must be stuck? */
export function isHeldForLong(): boolean {
  const since = statSync(PATH, { throwIfNoEntry: false })?.mtimeMs;
  return since !== undefined && Date.now() - since > LONG_MS;
}

/** A run that was killed leaves its name in the file until the next one writes its own. */
function holderOf(fd: number): string {
  const [pid, words] = namedIn(fd);
  if (isOrphaned(fd)) return `what process ${pid} (${words}), which was killed, has left running`;
  return pid ? `process ${pid} (${words})` : 'it has just begun';
}

function isOrphaned(fd: number): boolean {
  const [pid] = namedIn(fd);
  return pid !== '' && !existsSync(`/proc/${pid}`);
}

/** PID and command line. */
function namedIn(fd: number): [string, string] {
  const bytes = Buffer.alloc(4096);
  const text = bytes.toString('utf8', 0, readSync(fd, bytes, 0, bytes.length, 0)).trim();
  const [pid = '', ...words] = text.split(' ');
  return [pid, words.join(' ')];
}
