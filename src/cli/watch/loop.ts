import { isEmpty } from '../../planner/plan.ts';
import { ExitCode, toObError } from '../../resources/error.ts';
import { createLook } from '../../resources/machine.ts';
import { listWatches, type Watches } from '../../resources/watcher.ts';
import type { Args, Context } from '../command.ts';
import type { Event } from '../events.ts';
import { withLock } from '../lock.ts';
import { reconcile } from '../reconcile.ts';
import { desiredOf, limitOf, namesOf, planFor, REAPER } from '../session.ts';
import { createBell, pause } from './bell.ts';
import { createPace } from './pace.ts';
import { createRetry } from './retry.ts';
import { createSentry } from './sentry.ts';
import { openSource, type Source, watchFiles } from './source.ts';
import { condense, createTeller, type Teller } from './tell.ts';

/** What no event tells is found at the latest after this time. */
const SLOW_MS = 60_000;
/** For this long another run is waited for before we look again. */
const LOCK_SECONDS = 600;

/** What a look has come to. */
type Found = 'nothing' | 'repaired' | 'failed';

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
  const onHangUp = createHangUp(bell.ring);
  process.on('SIGHUP', onHangUp.listener);

  const look = (): Promise<Found> => lookAndRepair(paths, source, args, context, teller);
  const turn = createTurn(source, onHangUp.take, look);
  while (!signal.aborted) {
    const { found, restMs } = await turn();
    pace.looked(Date.now(), found !== 'nothing');
    if (signal.aborted) break;
    // From the look until now nobody has watched what is new.
    if (await sentry.arm(watchesOf(source, args))) bell.ring();
    if (await bell.sleep(restMs)) await pause(pace.delayMs, signal);
  }
  process.off('SIGHUP', onHangUp.listener);
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

/** One turn: the files, the machine. Gives for how long it may rest if nothing moves. */
function createTurn(
  source: Source,
  takeHangUp: () => boolean,
  look: () => Promise<Found>,
): () => Promise<{ found: Found; restMs: number }> {
  const retry = createRetry();
  let slowAt = 0;
  return async () => {
    const isSlow = Date.now() >= slowAt;
    if (isSlow) slowAt = Date.now() + SLOW_MS;
    const before = source.file;
    const unsettledMs = await source.refresh(takeHangUp() ? 'asked' : isSlow ? 'timer' : 'moved');
    if (source.file !== before && !isSlow) retry.reset();
    const found = Date.now() < retry.at ? 'nothing' : await look();
    if (found === 'failed') retry.failed(Date.now());
    else if (Date.now() >= retry.at) retry.reset();
    const next = Math.min(slowAt, ...(retry.at > 0 ? [retry.at] : []), ...(unsettledMs > 0 ? [Date.now() + unsettledMs] : []));
    return { found, restMs: Math.max(0, next - Date.now()) };
  };
}

/** Only what finds something to do takes the lock, and looks once more under it. */
async function lookAndRepair(paths: readonly string[], { file }: Source, args: Args, context: Context, teller: Teller): Promise<Found> {
  const events: Event[] = [];
  const output = { ...context.output, sink: (event: Event) => void events.push(event) };
  try {
    if (await isAsWanted(file, args)) {
      teller.forget();
      return 'nothing';
    }
    const inner = { ...context, output };
    const code = await withLock(LOCK_SECONDS, inner, () => reconcile(paths, file, args, inner));
    const told = condense(events);
    for (const one of told) teller.tell(one);
    if (code !== ExitCode.ok) return context.signal.aborted ? 'nothing' : 'failed';
    return told.length > 0 ? 'repaired' : 'nothing';
  } catch (error) {
    const { message, hint, exitCode } = toObError(error);
    if (exitCode === ExitCode.locked || context.signal.aborted) return 'failed';
    for (const one of condense(events)) teller.tell(one);
    teller.tell({ type: 'error', message, ...(hint ? { hint } : {}) });
    return 'failed';
  }
}

async function isAsWanted(file: Source['file'], args: Args): Promise<boolean> {
  try {
    const limit = limitOf(args.limit, args.files, namesOf(file));
    const { plan } = await planFor(file.scope, desiredOf(file), { limit });
    return isEmpty(plan);
  } catch {
    // Another run may be half through; under the lock it is tried again, and told.
    return false;
  }
}

function watchesOf({ file }: Source, args: Args): Watches {
  const limit = limitOf(args.limit, args.files, namesOf(file));
  return listWatches(
    createLook(REAPER),
    file.scope,
    namesOf(file).filter((name) => !limit || limit.has(name)),
  );
}
