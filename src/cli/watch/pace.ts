/** What moves together is looked at together. */
const SHORTEST_MS = 100;
/** A machine that never stops moving is looked at this often. */
const LONGEST_MS = 5000;

/** How long to wait for more, once something has moved. */
export interface Pace {
  readonly delayMs: number;
  /** After a look: at what time it was, and if it found anything to do. */
  looked(now: number, hasFound: boolean): void;
}

/**
 * Others' containers and mounts come and go too, and each look costs something: looks that find nothing and follow closely
 * on one another become rarer. One that finds something, or a time of rest, makes it as quick as before.
 */
export function createPace(): Pace {
  let delayMs = SHORTEST_MS;
  let last = Number.NEGATIVE_INFINITY;
  return {
    get delayMs() {
      return delayMs;
    },
    looked(now, hasFound) {
      const isRested = now - last > 4 * delayMs + 1000;
      delayMs = hasFound || isRested ? SHORTEST_MS : Math.min(LONGEST_MS, delayMs * 1.5);
      last = now;
    },
  };
}
