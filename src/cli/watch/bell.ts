import { setTimeout as sleep } from 'node:timers/promises';

/** Wakes one sleeper. What rings while nobody sleeps is not lost. */
export interface Bell {
  ring(): void;
  /** Until it rings, or the time is over. Has it rung since the last sleep? */
  sleep(ms: number): Promise<boolean>;
}

export function createBell(): Bell {
  let hasRung = false;
  let wake = new AbortController();
  return {
    ring() {
      hasRung = true;
      wake.abort();
    },
    async sleep(ms) {
      if (!hasRung) {
        wake = new AbortController();
        await pause(ms, wake.signal);
      }
      const had = hasRung;
      hasRung = false;
      return had;
    },
  };
}

/** Until the time is over, or SIGNAL is aborted. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return sleep(ms, undefined, { signal }).catch(() => {});
}
