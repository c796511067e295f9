import { isDeepStrictEqual } from 'node:util';
import type { Address, Cause, Fields } from '../resources/kind.ts';
import type { Change } from './diff.ts';
import type { Plan } from './plan.ts';

/** What was wanted of one object when it was as wanted for the last time. */
export interface WasWanted {
  readonly subhost: string | null;
  readonly fields: Fields;
}

export type Wanted = ReadonlyMap<Address, WasWanted>;

/** Says of each difference whether the world has moved or the file. Of a subhost of which nothing is known nothing is said. Pure. */
export function tellCauses(plan: Plan, wanted: Wanted): Plan {
  if (wanted.size === 0) return plan;
  const known = new Set([...wanted.values()].map(({ subhost }) => subhost));
  const isKnown = ({ subhost, action }: Change): boolean => known.has(subhost) || action === 'remove';
  const told = new Map(plan.changes.map((change) => [change, isKnown(change) ? tell(change, wanted.get(change.address)) : change]));
  const after = (change: Change): Change => told.get(change) ?? change;
  return { ...plan, changes: plan.changes.map(after), steps: plan.steps.map((step) => ({ ...step, change: after(step.change) })) };
}

function tell(change: Change, before: WasWanted | undefined): Change {
  if (change.action === 'create') return { ...change, cause: before ? 'drift' : 'change' };
  // What was never wanted came by itself.
  if (change.action === 'remove') return { ...change, cause: before ? 'change' : 'drift' };
  return { ...change, fields: change.fields.map((one) => ({ ...one, cause: causeOf(before?.fields[one.field], one.new) })) };
}

/** What was wanted already, and is not so, has drifted. */
function causeOf(before: unknown, now: unknown): Cause {
  return isDeepStrictEqual(before, now) ? 'drift' : 'change';
}
