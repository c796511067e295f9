import type { Args, Context } from '../command.ts';
import { createBell, pause } from './bell.ts';
import { type Keeper, type Looked, lookAndRepair, watchesOf } from './look.ts';
import { createPace } from './pace.ts';
import { createRetry } from './retry.ts';
import { createSentry } from './sentry.ts';
import { openSource, watchFiles } from './source.ts';
import { createTeller } from './tell.ts';

/** What no event tells is found at the latest after this time. */
const SLOW_MS = 60_000;

/** Keeps the machine as the files say until the signal of CONTEXT is aborted. */
export async function keepWatch(paths: readonly string[], args: Args, context: Context): Promise<void> {
  const { signal, stdout } = context;
  const write = (line: string): void => void stdout.write(`${line}\n`);
  const teller = createTeller(write, () => new Date());
  const source = await openSource(paths, teller);
  const bell = createBell();
  const sentry = createSentry(bell.ring, teller);
  const pace = createPace();
  signal.addEventListener('abort', bell.ring);
  watchFiles(paths, signal, bell.ring);
  const hangUp = createHangUp(bell.ring);
  process.on('SIGHUP', hangUp.listener);

  const keeper = { paths, source, args, context, teller };
  const turn = createTurn(keeper, hangUp.take);
  while (!signal.aborted) {
    const { found, restMs } = await turn();
    pace.looked(performance.now(), found !== 'nothing');
    if (signal.aborted) break;
    // From the look until now nobody has watched what is new.
    if (await sentry.arm(watchesOf(keeper))) bell.ring();
    if (await bell.sleep(restMs)) await pause(pace.delayMs, signal);
  }
  process.off('SIGHUP', hangUp.listener);
  await sentry.stop();
}

/** SIGHUP asks for the files to be read at once, as it does of every daemon. */
function createHangUp(ring: () => void): { listener: () => void; take: () => boolean } {
  let isAsked = false;
  return {
    listener() {
      isAsked = true;
      ring();
    },
    take() {
      const was = isAsked;
      isAsked = false;
      return was;
    },
  };
}

interface Turn {
  readonly found: Looked['found'];
  /** For how long to rest if nothing moves. */
  readonly restMs: number;
}

/** A time that has just come is not waited for without a pause. */
const LEAST_MS = 100;

/** One turn: the files, the machine. Pauses are by a clock that nobody sets: a wall clock that jumps back holds none of them up. */
function createTurn(keeper: Keeper, takeHangUp: () => boolean): () => Promise<Turn> {
  const { source } = keeper;
  const retry = createRetry();
  let slowAt = 0;
  return async () => {
    const isSlow = performance.now() >= slowAt;
    if (isSlow) slowAt = performance.now() + SLOW_MS;
    const before = source.file;
    const unsettledMs = await source.refresh(takeHangUp() ? 'asked' : isSlow ? 'timer' : 'moved');
    if (source.file !== before && !isSlow) retry.reset();
    const isWaiting = performance.now() < retry.at;
    const { found, nextAt } = isWaiting ? NOTHING : await lookAndRepair(keeper);
    if (found === 'failed') retry.failed(performance.now());
    else if (!isWaiting) retry.reset();
    const times = [
      slowAt,
      nextAt && performance.now() + nextAt - Date.now(),
      retry.at || undefined,
      unsettledMs > 0 ? performance.now() + unsettledMs : undefined,
    ];
    const next = Math.min(...times.flatMap((time) => time ?? []));
    return { found, restMs: Math.max(LEAST_MS, next - performance.now()) };
  };
}

const NOTHING: Looked = { found: 'nothing', nextAt: undefined };
