import {
  closeSync,
  constants,
  fstatSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmdirSync,
  statSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { ExitCode, hasCode, ObError } from '../resources/error.ts';
import { run } from '../resources/run.ts';

const FOLDER = '/run/ob';
const PATH = `${FOLDER}/lock`;
/** What flock(1) is told to exit with when another holds the lock. */
const HELD = 75;

/**
 * Runs ACT while no other run is changing this machine. The kernel holds the lock, by an open descriptor: it
 * ends with its holder, however that ends. Throws with exit code 75 if another has it for longer than the limit.
 */
export async function withLock<T>(limitSeconds: number, command: string, act: () => Promise<T>): Promise<T> {
  const fd = await acquire(limitSeconds);
  try {
    ftruncateSync(fd);
    writeSync(fd, `${process.pid} ${command}\n`, 0);
    return await act();
  } finally {
    release(fd);
  }
}

async function acquire(limitSeconds: number): Promise<number> {
  const deadline = Date.now() + limitSeconds * 1000;
  for (;;) {
    mkdirSync(FOLDER, { recursive: true, mode: 0o700 });
    const fd = tryOpen();
    if (fd === undefined) continue;
    const left = Math.max(0, deadline - Date.now()) / 1000;
    const wait = left > 0 ? ['--timeout', String(left)] : ['--nonblock'];
    // flock(2) belongs to the open file description, which flock(1) shares with us: it stays ours when flock(1) ends.
    const ran = await run('flock', ['--conflict-exit-code', String(HELD), ...wait, '3'], {
      descriptors: [fd],
      timeLimitMs: (left + 60) * 1000,
    });
    if (ran.ok && isStillThere(fd)) return fd;
    closeSync(fd);
    if (ran.ok) continue;
    if (ran.exitCode !== HELD) throw new ObError(`cannot lock ${PATH}: ${ran.words}`);
    throw new ObError(`another run is under way: ${holder()}`, {
      exitCode: ExitCode.locked,
      hint: 'wait for it with --lock-timeout SECONDS',
    });
  }
}

/** Undefined: the folder was removed by a run that ended just now. */
function tryOpen(): number | undefined {
  try {
    return openSync(PATH, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o600);
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined;
    throw error;
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
    rmdirSync(FOLDER);
  } catch (error) {
    if (!hasCode(error, 'ENOENT', 'ENOTEMPTY')) throw error;
  } finally {
    closeSync(fd);
  }
}

function holder(): string {
  try {
    const [pid, ...words] = readFileSync(PATH, 'utf8').trim().split(' ');
    return pid ? `process ${pid} (${words.join(' ')})` : 'it has just begun';
  } catch {
    return 'it has just ended';
  }
}
