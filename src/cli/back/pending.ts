import { either, isFlag, isNumber, isObject, isText, listOf, withFields } from '../../resources/checks.ts';
import { ExitCode, hasCode, ObError } from '../../resources/error.ts';
import type { HostsFile } from '../../resources/hosts.ts';
import type { Address } from '../../resources/kind.ts';
import { identify, type ProcessId } from '../../resources/linux/proc.ts';
import type { ChangeEvent } from '../events.ts';
import { isMoment, type Moment, type Stamp, showDate, sinceBoot, toDate } from '../record/clock.ts';
import { dropBack, isHostsFile, readBack, writeBack } from './files.ts';

/** The way back from a run. */
export interface WayBack {
  readonly scope: string;
  /** What was told before it. */
  readonly before: HostsFile;
  readonly limit: readonly string[] | null;
  /** What subhosts share, and the run has made. */
  readonly also: readonly Address[];
  /** Subhosts that the run left alone. */
  readonly leave: readonly string[];
  /** Digest of what the run wants: it is not to be had again by a run that nobody looks at. */
  readonly wanted: string;
  /** The command line of the run. */
  readonly by: string;
}

/** A run that somebody has to confirm. There is at most one. */
export interface Pending extends Stamp, WayBack {
  readonly seconds: number;
  readonly deadline: Moment;
  readonly changes: readonly ChangeEvent[];
  /** Goes back when the time is over; null: it does not wait yet. */
  readonly watchdog: ProcessId | null;
}

const PENDING = 'confirm';

const PENDING_FIELDS = {
  scope: isText,
  before: isHostsFile,
  limit: either(listOf(isText), null),
  also: listOf(isText),
  leave: listOf(isText),
  wanted: isText,
  by: isText,
  seconds: isNumber,
  deadline: isMoment,
  changes: listOf(isObject),
  watchdog: either(withFields({ pid: isNumber, ticks: isNumber }), null),
};

export function readPending(): Pending | undefined {
  return readBack<Pending>(PENDING, PENDING_FIELDS);
}

export function writePending(pending: Pending): void {
  writeBack(PENDING, pending);
}

/** Nobody waits any more. */
export function dropPending(): void {
  const watchdog = readPending()?.watchdog;
  dropBack(PENDING);
  // It would find out by itself, at the end of the time.
  if (watchdog && watchdog.pid !== process.pid && identify(watchdog.pid)?.ticks === watchdog.ticks) end(watchdog.pid);
}

function end(pid: number): void {
  try {
    process.kill(pid, 'SIGTERM');
  } catch (error) {
    if (!hasCode(error, 'ESRCH')) throw error;
  }
}

export function isDue(pending: Pending): boolean {
  return sinceBoot() >= pending.deadline;
}

/** The time of a run that nobody confirmed is over, and it is still there. */
export function isTakeBackDue(): boolean {
  const pending = readPending();
  return pending !== undefined && isDue(pending);
}

/** When the time of a run that nobody has confirmed yet will be over, if there is one. */
export function takeBackTimes(): number[] {
  const pending = readPending();
  return pending && !isDue(pending) ? [toDate(pending.deadline).getTime()] : [];
}

/** What is not confirmed is not built upon. */
export function waitsForConfirm(pending: Pending): ObError {
  const until = showDate(toDate(pending.deadline));
  return new ObError(`what "${pending.by}" did waits to be confirmed, and is taken back at ${until}`, {
    hint: 'ob confirm keeps it',
    exitCode: ExitCode.locked,
  });
}

/** What was taken back. */
export interface TakenBack extends Stamp {
  readonly wanted: string;
  readonly by: string;
  readonly why: 'unconfirmed' | 'failed';
  /** The look afterwards found the former state. */
  readonly isBack: boolean;
  /** It has been said that nothing is done. */
  readonly told: boolean;
}

function readTakenBack(scope: string): TakenBack | undefined {
  return readBack<TakenBack>(`taken-back-${scope}`, { wanted: isText, by: isText, why: isText, isBack: isFlag, told: isFlag });
}

export function writeTakenBack(scope: string, mark: TakenBack): void {
  writeBack(`taken-back-${scope}`, mark);
}

export function dropTakenBack(scope: string): void {
  dropBack(`taken-back-${scope}`);
}

function describe({ why, at, isBack }: TakenBack): string {
  const rest = isBack ? '' : ', and not all of the former state is back (ob events)';
  return `was taken back at ${showDate(toDate(at))}: ${why === 'unconfirmed' ? 'nobody confirmed it in time' : 'it failed'}${rest}`;
}

/** What a person who looks at a scope has to know. */
export function notesOnBack(scope: string): string[] {
  const pending = readPending();
  const mark = readTakenBack(scope);
  return [
    ...(pending ? [`${waitsForConfirm(pending).message}: ob confirm keeps it`] : []),
    ...(mark ? [`what "${mark.by}" did ${describe(mark)}`] : []),
  ];
}

/**
 * An error if WANTED is what was taken back: cron would have it again a minute later. Said once, then without a word if
 * nobody is there.
 */
export function refuseTakenBack(scope: string, wanted: () => string, isUnattended: boolean): void {
  const mark = findTakenBack(scope, wanted);
  if (!mark) return;
  if (!mark.told) writeTakenBack(scope, { ...mark, told: true });
  throw wasTakenBack(mark, mark.told && isUnattended ? ExitCode.locked : ExitCode.failed);
}

/** The same, and what waits to be confirmed, for who only asks: nothing counts as told. */
export function backRefusals(scope: string, wanted: () => string): ObError[] {
  const pending = readPending();
  const mark = findTakenBack(scope, wanted);
  return [...(pending ? [waitsForConfirm(pending)] : []), ...(mark ? [wasTakenBack(mark)] : [])];
}

function findTakenBack(scope: string, wanted: () => string): TakenBack | undefined {
  const mark = readTakenBack(scope);
  return mark && mark.wanted === wanted() ? mark : undefined;
}

function wasTakenBack(mark: TakenBack, exitCode: number = ExitCode.failed): ObError {
  return new ObError(`what the hosts file says ${describe(mark)}`, {
    hint: 'change the file; or once more, with ob apply --confirm 2m (then ob confirm) or --rollback-on-failure',
    exitCode,
  });
}
