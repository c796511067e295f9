import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { ExitCode, ObError } from '../../resources/error.ts';
import { identify } from '../../resources/linux/proc.ts';
import { startDetached } from '../../resources/run.ts';
import type { Args, Context } from '../command.ts';
import { withLock } from '../lock.ts';
import { sinceBoot, stampNow } from '../record/clock.ts';
import { goBack } from './go-back.ts';
import { dropPending, isDue, type Pending, readPending, writePending } from './pending.ts';

/** Timers stand still while the machine sleeps, and the deadline does not: so it is looked at again at times. */
const LONGEST_SLEEP_MS = 30_000;
const LOCK_SECONDS = 3600;
const READY = 'waiting';

/** Nothing is changed before somebody stands by who can take it back, whatever becomes of us and of our terminal. Needs the lock. */
export async function arm(way: Omit<Pending, 'boot' | 'at' | 'deadline' | 'watchdog'>): Promise<Pending> {
  const pending: Pending = { ...stampNow(), ...way, deadline: sinceBoot() + way.seconds * 1000, watchdog: null };
  writePending(pending);
  try {
    const pid = await startDetached(fileURLToPath(new URL('ob', import.meta.url)), ['confirm', '--watchdog'], READY);
    const armed = { ...pending, watchdog: identify(pid) ?? null };
    writePending(armed);
    return armed;
  } catch (error) {
    dropPending();
    throw error;
  }
}

/** From now on there is as much time as was asked for. Needs the lock. */
export function beginTime(pending: Pending): void {
  writePending({ ...pending, deadline: sinceBoot() + pending.seconds * 1000 });
}

/** Waits for a confirm, and goes back without one. Gives the exit code. */
export async function standWatch(args: Args, context: Context): Promise<number> {
  const mine = readPending();
  context.stdout.write(`${READY}\n`);
  for (;;) {
    const pending = readPending();
    // Times are those of one boot: no two runs begin at the same.
    if (!mine || pending?.at !== mine.at) return ExitCode.ok;
    if (context.signal.aborted) return ExitCode.interrupted;
    if (isDue(pending)) await takeTurn(args, context);
    else await sleep(Math.min(LONGEST_SLEEP_MS, pending.deadline - sinceBoot()), undefined, { signal: context.signal }).catch(() => {});
  }
}

/** A run that is still under way has its end first, and it may give more time. */
async function takeTurn(args: Args, context: Context): Promise<void> {
  try {
    await withLock(LOCK_SECONDS, context, () => takeBackIfDue(args, context));
  } catch (error) {
    if (error instanceof ObError && error.exitCode === ExitCode.locked) return;
    throw error;
  }
}

/** The time of a run that nobody confirmed is over, whoever finds that out. Gives the run that waits still. Needs the lock. */
export async function takeBackIfDue(args: Args, context: Context): Promise<Pending | undefined> {
  const pending = readPending();
  if (!pending || !isDue(pending)) return pending;
  await goBack(pending, 'unconfirmed', args, context);
  return readPending();
}
