import { startWatcher, type Watcher, type Watches } from '../../resources/watcher.ts';
import { WATCHER } from '../session.ts';
import type { Teller } from './tell.ts';

/** The one watcher that runs for us. */
export interface Sentry {
  /** Sees to it that this is watched, from when it is settled. True: until then something else was. */
  arm(watches: Watches): Promise<boolean>;
  stop(): Promise<void>;
}

/** Should somebody kill it, it comes back, but not in a loop. */
const COME_BACK_MS = 1000;

export function createSentry(onMove: () => void, teller: Teller): Sentry {
  let current: { readonly key: string; readonly watcher: Watcher } | undefined;
  const start = (watches: Watches): Watcher =>
    startWatcher(WATCHER, watches, {
      onMove,
      onLack: ({ message }) => teller.tell({ type: 'warning', message: `${message}; it is looked at once a minute only` }),
    });
  const stop = async (): Promise<void> => {
    const last = current;
    current = undefined;
    last?.watcher.stop();
    await last?.watcher.ended;
  };
  return {
    async arm(watches) {
      const key = watches.join('\0');
      if (current?.key === key) return false;
      const watcher = start(watches);
      await watcher.ready;
      await stop();
      current = { key, watcher };
      void watcher.ended.then(() => {
        if (current?.watcher !== watcher) return;
        current = undefined;
        setTimeout(onMove, COME_BACK_MS);
      });
      return true;
    },
    stop,
  };
}
