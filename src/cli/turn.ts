import { waitsForConfirm } from './back/pending.ts';
import { takeBackIfDue } from './back/watchdog.ts';
import type { Args, Context } from './command.ts';
import { withLock } from './lock.ts';

/**
 * As `withLock`, for what changes subhosts: an error while another run waits to be confirmed. If its time is over, and its
 * watchdog has been killed, the way back is gone first.
 */
export function withTurn<T>(args: Args, context: Context, act: () => Promise<T>, beforeWait?: () => Promise<unknown>): Promise<T> {
  const inTurn = async (): Promise<T> => {
    const pending = await takeBackIfDue(args, context);
    if (pending) throw waitsForConfirm(pending);
    return act();
  };
  return withLock(args.lockTimeout, context, inTurn, beforeWait);
}
