import type { Outcome } from '../../planner/apply.ts';
import type { Change } from '../../planner/diff.ts';
import type { World } from '../../planner/live.ts';
import type { Plan, Selection } from '../../planner/plan.ts';
import type { Spec } from '../../resources/kind.ts';
import { sinceBoot, stampNow, toDate } from './clock.ts';
import { digestsOf, waitAfter } from './gate.ts';
import { type Repair, readRepair, readTrouble, type Trouble } from './records.ts';
import { dropRecord, dropRecords, listRecorded, writeRecord } from './store.ts';
import { isShared, unitOf } from './unit.ts';

/** As wanted for this long after its repair: the repair has held. */
const PROBATION_MS = 30_000;
/** What comes back later than the longest wait has nothing to do with it any more, even if nobody has looked meanwhile. */
const RETURN_MS = 300_000;

interface Scene {
  readonly scope: string;
  readonly desired: readonly Spec[];
  readonly world: World;
}

/** What failed, for the record. */
type Failure = Pick<Trouble, 'step' | 'command' | 'words' | 'hint'>;

/**
 * Before a run that nobody is there for: what was repaired, and differs again, did not hold; what is as wanted has held.
 * CHANGES are those of a plan that leaves nothing alone. Needs the lock.
 */
export function notice(scene: Scene, changes: readonly Change[], limit?: ReadonlySet<string>): void {
  const planned = new Set(changes.map(unitOf));
  const names = listRecorded(scene.scope).filter((name) => !limit || limit.has(name) || (isShared(name) && planned.has(name)));
  for (const name of names) {
    const owner = { scope: scene.scope, name };
    const repair = readRepair(owner);
    const drift = driftOf(changes, name);
    const age = repair ? sinceBoot() - repair.at : 0;
    if (drift.length === 0) {
      if (!repair || age >= PROBATION_MS) dropTrouble(owner);
    } else if (repair) {
      const same = drift.filter((one) => repair.drift.includes(one));
      if (same.length > 0 && age < RETURN_MS) writeTrouble(scene, name, toReturn(same, repair), repair.at);
      dropRecord(owner, 'repair');
    }
  }
}

/** Is there anything that `notice` would find out now, of subhosts that are as wanted and not left alone? */
export function isOnProbation(scope: string, leave?: ReadonlySet<string>): boolean {
  return listRecorded(scope).some((name) => {
    if (leave?.has(name)) return false;
    const repair = readRepair({ scope, name });
    return repair ? sinceBoot() - repair.at >= PROBATION_MS : readTrouble({ scope, name }) !== undefined;
  });
}

function toReturn(same: readonly string[], repair: Repair): Failure {
  const [step = ''] = same;
  const at = toDate(repair.at).toISOString();
  return { step, command: null, words: `it was put right at ${at}, and differs again: ${same.join(', ')}`, hint: null };
}

/** What differs of a subhost, in words that tell one drift from another. */
function driftOf(changes: readonly Change[], name: string): string[] {
  return wordsOf(changes.filter((change) => unitOf(change) === name));
}

function wordsOf(changes: readonly Change[]): string[] {
  return changes.flatMap(({ action, address, fields }) => {
    if (action === 'none') return [];
    return fields.length > 0 ? fields.map(({ field }) => `${address}.${field}`) : [`${action} ${address}`];
  });
}

export interface RunEnd extends Scene {
  /** WORLD is what was seen after it. */
  readonly plan: Plan;
  readonly outcomes: readonly Outcome[];
  /** What the look after the run still finds. */
  readonly rest: readonly Change[];
  readonly isUnattended: boolean;
}

/** After a run: whose repair failed, and whose went well. Needs the lock. */
export function learn(end: RunEnd): void {
  const { scope, plan, isUnattended } = end;
  // A person has read what is in the way, and nothing was tried.
  if (plan.blockers.length > 0 && !isUnattended) return;
  const blocked = new Set(plan.blockers.map(({ address }) => address));
  const touched = plan.changes.filter(({ action, address }) => action !== 'none' || blocked.has(address));
  const index = indexOf(end);
  for (const name of new Set(touched.map(unitOf))) {
    const own = index(name);
    const failure = failureOf(own);
    if (failure) writeTrouble(end, name, failure);
    else if (!isUnattended) dropTrouble({ scope, name });
    else if (own.outcomes.length > 0 && own.outcomes.every(({ result }) => result === 'done'))
      writeRecord({ scope, name }, 'repair', { ...stampNow(), drift: wordsOf(own.changes) } satisfies Repair);
  }
}

/** What a run says of one subhost, or of something shared. */
interface Own {
  readonly changes: readonly Change[];
  readonly outcomes: readonly Outcome[];
  readonly rest: readonly Change[];
  readonly blockers: Plan['blockers'];
}

/** Gone through once, not once for each subhost: there may be a thousand. */
function indexOf({ plan, outcomes, rest }: RunEnd): (name: string) => Own {
  const units = new Map(plan.changes.map((change) => [change.address, unitOf(change)]));
  const changes = groupBy(plan.changes, unitOf);
  const ended = groupBy(outcomes, (one) => unitOf(one.step.change));
  const left = groupBy(rest, unitOf);
  const blockers = groupBy(plan.blockers, ({ address }) => units.get(address) ?? address);
  return (name) => ({
    changes: changes.get(name) ?? [],
    outcomes: ended.get(name) ?? [],
    rest: left.get(name) ?? [],
    blockers: blockers.get(name) ?? [],
  });
}

function groupBy<T>(list: readonly T[], keyOf: (one: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const one of list) {
    const key = keyOf(one);
    const group = groups.get(key);
    if (group) group.push(one);
    else groups.set(key, [one]);
  }
  return groups;
}

/** The first that went wrong of a subhost. What was not begun, because of another's failure, says nothing of it. */
function failureOf({ outcomes, rest, blockers }: Own): Failure | undefined {
  for (const outcome of outcomes) {
    if (outcome.result !== 'failed') continue;
    const [words = '', command] = outcome.error.message.split('; ran: ');
    return { step: outcome.step.id, command: command ?? null, words, hint: outcome.error.hint ?? null };
  }
  const [blocker] = blockers;
  if (blocker) return { step: `plan ${blocker.address}`, command: null, words: blocker.what, hint: blocker.hint };
  const done = new Set(outcomes.filter(({ result }) => result === 'done').map(({ step }) => step.change.address));
  const [first] = wordsOf(rest.filter(({ address }) => done.has(address)));
  return first ? { step: `look ${first}`, command: null, words: 'it was put right, and differs still', hint: null } : undefined;
}

/** AT: when the repair was tried that did not hold. */
function writeTrouble(scene: Scene, name: string, failure: Failure, at?: number): void {
  const owner = { scope: scene.scope, name };
  const stamp = { ...stampNow(), ...(at === undefined ? {} : { at }) };
  const digests = digestsOf(name, scene.desired, scene.world);
  const before = readTrouble(owner);
  const last = before?.file === digests.file ? before : undefined;
  const failures = (last?.failures ?? 0) + 1;
  const times = { since: last?.since ?? stamp.at, next: stamp.at + waitAfter(failures) };
  writeRecord(owner, 'trouble', { ...stamp, ...times, failures, ...digests, told: false, ...failure } satisfies Trouble);
  dropRecord(owner, 'repair');
}

function dropTrouble(owner: { readonly scope: string; readonly name: string }): void {
  dropRecord(owner, 'trouble');
  dropRecord(owner, 'repair');
}

/** A person's own run takes up again what was left alone; whatever fails then is counted from the beginning. */
export function takeUp(scope: string, { blockers }: Plan, { limit, leave }: Selection): void {
  const names = listRecorded(scope).filter((name) => (!limit || limit.has(name)) && !leave?.has(name));
  // Where something is in the way, nothing is started either.
  const over = blockers.length > 0 ? (['trouble', 'repair'] as const) : (['stop', 'trouble', 'repair'] as const);
  for (const name of names) for (const record of over) dropRecord({ scope, name }, record);
}

/** That it is stalled has been said. */
export function markTold(scope: string, name: string): void {
  const trouble = readTrouble({ scope, name });
  if (trouble) writeRecord({ scope, name }, 'trouble', { ...trouble, told: true } satisfies Trouble);
}

/** Of what is neither wanted nor there any more nothing is left in /run. */
export function forgetGone({ scope, desired, world }: Scene, limit?: ReadonlySet<string>): void {
  const names = listRecorded(scope).filter((name) => !limit || limit.has(name));
  if (names.length === 0) return;
  const known = new Set([...desired, ...world.live.values()].map(unitOf));
  for (const name of names) if (!known.has(name)) dropRecords({ scope, name });
}
