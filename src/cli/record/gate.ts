import { createHash } from 'node:crypto';
import type { World } from '../../planner/live.ts';
import type { Spec } from '../../resources/kind.ts';
import type { Owner } from '../../resources/marks.ts';
import { type Moment, showDate, sinceBoot, toDate } from './clock.ts';
import { type Hold, type Records, readRecords, type Trouble } from './records.ts';
import { listRecorded } from './store.ts';
import { isShared, unitOf } from './unit.ts';

/** So many failures in a row, and it is left alone. The waits between them come to a quarter of an hour. */
export const MAX_FAILURES = 10;
const FIRST_WAIT_MS = 1000;
const MAX_WAIT_MS = 300_000;

export type GateState = 'held' | 'stopped' | 'backing-off' | 'stalled';

/** Why a subhost, or something shared, is left alone, or would be by a run that nobody is there for. */
export interface Reason {
  /** Of a subhost; of what is shared the address. */
  readonly name: string;
  readonly state: GateState;
  /** This run leaves it alone. False: a person's run takes it up again. */
  readonly isLeft: boolean;
  /** ISO; null: until somebody does something. */
  readonly until: string | null;
  /** A person's own words, or those of what failed; null: there are none. */
  readonly why: string | null;
  /** A whole sentence, without a full stop. */
  readonly message: string;
  readonly hint: string;
  /** Has to be said now, and then no more: it is stalled since the last run. */
  readonly isUntold: boolean;
}

export interface Gate {
  /** For `Selection.leave`. */
  readonly leave: ReadonlySet<string>;
  readonly reasons: readonly Reason[];
}

export interface Asked {
  readonly scope: string;
  readonly desired: readonly Spec[];
  readonly world: World;
  /** `ob apply --quiet`, which cron runs, and `ob watch`. */
  readonly isUnattended: boolean;
  /** Only these subhosts. */
  readonly limit?: ReadonlySet<string> | undefined;
}

/** What a run has to leave alone now, and why. Writes nothing. NOW and READ are for tests. */
export function gate(asked: Asked, now: Moment = sinceBoot(), read: (owner: Owner) => Records = readRecords): Gate {
  const { scope, desired, world, limit } = asked;
  const names = namesIn(scope, asked).filter((name) => !limit || limit.has(name) || isShared(name));
  const reasons = names.flatMap((name): Reason[] => {
    const records = read({ scope, name });
    const isDesired = desired.some((spec) => unitOf(spec) === name);
    const found = findReason({ name, records, isDesired, digests: () => digestsOf(name, desired, world), now });
    return found ? [{ ...found, isLeft: found.state === 'held' || asked.isUnattended }] : [];
  });
  return { leave: new Set(reasons.filter(({ isLeft }) => isLeft).map(({ name }) => name)), reasons };
}

/** That have a record; a record of what neither the file nor the machine knows means nothing. */
function namesIn(scope: string, { desired, world }: Asked): string[] {
  const recorded = listRecorded(scope);
  if (recorded.length === 0) return [];
  const known = new Set([...desired, ...world.live.values()].map(unitOf));
  return recorded.filter((name) => known.has(name));
}

interface Case {
  readonly name: string;
  readonly records: Records;
  readonly isDesired: boolean;
  readonly digests: () => Digests;
  readonly now: Moment;
}

type Found = Omit<Reason, 'isLeft'>;

/** Pure. */
export function findReason({ name, records: { hold, stop, trouble }, isDesired, digests, now }: Case): Found | undefined {
  if (hold && (hold.until === null || now < hold.until)) {
    const found = { name, state: 'held', message: holdMessage(name, hold, now), hint: `ob release ${name}`, isUntold: false } as const;
    return { ...found, until: hold.until === null ? null : toDate(hold.until, now).toISOString(), why: hold.why || null };
  }
  // A stop wins over a restart, not over the file: of what is not wanted any more nothing is to stay.
  if (stop && isDesired) {
    const message = `${name} was stopped by a person at ${showDate(toDate(stop.at, now))}`;
    return { name, state: 'stopped', message, hint: `ob start ${name}`, until: null, why: stop.by, isUntold: false };
  }
  return trouble ? findTrouble(name, trouble, digests(), now) : undefined;
}

/** `web is held until 2026-11-24 23:05:10 UTC: upgrading` */
export function holdMessage(name: string, { until, why }: Pick<Hold, 'until' | 'why'>, now: Moment): string {
  const time = until === null ? '' : ` until ${showDate(toDate(until, now))}`;
  return `${name} is held${time}${why ? `: ${why}` : ''}`;
}

function findTrouble(name: string, trouble: Trouble, { file, seen }: Digests, now: Moment): Found | undefined {
  if (trouble.file !== file) return undefined;
  const isStalled = trouble.failures >= MAX_FAILURES;
  // What moves by itself after each failure is tried again no faster than what backs off.
  if (now >= trouble.next && !(isStalled && trouble.seen === seen)) return undefined;
  const next = toDate(trouble.next, now);
  const times = trouble.failures === 1 ? 'a repair' : `${trouble.failures} repairs in a row`;
  const message = isStalled
    ? `${name} is stalled: ${times} did not hold, and no more are tried`
    : `${name} is left alone until ${showDate(next)}: ${times} did not hold`;
  return {
    name,
    state: isStalled ? 'stalled' : 'backing-off',
    until: isStalled ? null : next.toISOString(),
    why: `${trouble.step}: ${trouble.words}`,
    message,
    hint: isStalled ? `mend it, then ob unstall ${name}` : `${isShared(name) ? 'ob apply' : `ob start ${name}`} tries at once`,
    isUntold: isStalled && !trouble.told,
  };
}

/** How long after a try the next one is made: 1 s, doubled by each failure, at most 5 min. */
export function waitAfter(failures: number): number {
  return Math.min(FIRST_WAIT_MS * 2 ** (failures - 1), MAX_WAIT_MS);
}

export interface Digests {
  readonly file: string;
  readonly seen: string;
}

/** These change by themselves. */
const RESTLESS = new Set(['uptime_s', 'services']);

/** What the file says of a subhost, or of something shared, and what is seen of it. */
export function digestsOf(name: string, desired: readonly Spec[], world: World): Digests {
  const specs = desired.filter((spec) => unitOf(spec) === name);
  const own = [...world.live.values()].filter((one) => unitOf(one) === name);
  const settled = own.map(({ address, fields }) => ({
    address,
    fields: Object.entries(fields).filter(([field]) => !RESTLESS.has(field)),
  }));
  return { file: digest(specs.map(({ address, fields, needs }) => ({ address, fields, needs }))), seen: digest(settled) };
}

function digest(objects: readonly { readonly address: string }[]): string {
  const sorted = [...objects].sort((one, other) => (one.address < other.address ? -1 : 1));
  return createHash('sha256').update(JSON.stringify(sorted)).digest('hex').slice(0, 16);
}
