import { statIfThere } from '../../resources/linux/proc.ts';
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

/** What has the same name may be another thing by now: a namespace, a cgroup, a filesystem mounted anew. */
function keyOf(watches: Watches): string {
  const things = watches.map((word) => {
    const seen = word.startsWith('/') ? statIfThere(word) : undefined;
    // Files of /proc have another number each time that they are looked up.
    return seen && !word.endsWith('/mountinfo') ? `${word} ${seen.dev} ${seen.ino}` : word;
  });
  return things.join('\0');
}

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
      const key = keyOf(watches);
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
