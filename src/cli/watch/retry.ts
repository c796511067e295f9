const FIRST_MS = 1000;
const LONGEST_MS = 300_000;

/** When a run that failed is tried once more: later each time. */
export interface Retry {
  /** Not before this time; 0: at any. */
  readonly at: number;
  failed(now: number): void;
  reset(): void;
}

export function createRetry(): Retry {
  let waitMs = 0;
  let at = 0;
  return {
    get at() {
      return at;
    },
    failed(now) {
      waitMs = Math.min(LONGEST_MS, waitMs === 0 ? FIRST_MS : 2 * waitMs);
      at = now + waitMs;
    },
    reset() {
      waitMs = 0;
      at = 0;
    },
  };
}
