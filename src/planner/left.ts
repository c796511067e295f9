import type { Address } from '../resources/kind.ts';
import type { Change } from './diff.ts';
import type { World } from './live.ts';

/**
 * CHANGES without those of what is left alone, with nothing to do for what has to wait for that: it stands on what is not
 * there, or wants a name that what is left alone has. LEAVE: see `Selection`. Pure.
 */
export function leaveAlone(
  changes: readonly Change[],
  { live, blockers }: World,
  leave: ReadonlySet<string> | undefined,
): readonly Change[] {
  if (!leave || leave.size === 0) return changes;
  const isLeft = (change: Change): boolean => isToBeLeft(change, live, leave);
  const free = changes.filter((change) => !isLeft(change));
  const taken = new Set(changes.filter(isLeft).flatMap((change) => change.live?.holds ?? []));
  // Where something stands in the way, it may well do instead.
  const blocked = new Set(blockers.map(({ address }) => address));
  const missing = free.filter((change) => change.action === 'none' && !change.live && !blocked.has(change.address));
  const waiting = findWaiting(free, taken, new Set(missing.map(({ address }) => address)));
  return free.map((change) => (waiting.has(change.address) ? { ...change, action: 'none', fields: [], because: [] } : change));
}

/** What is shared stays as long as any that is left alone is there: it may be plugged into it. */
function isToBeLeft({ address, subhost, action }: Change, live: World['live'], leave: ReadonlySet<string>): boolean {
  if (subhost !== null) return leave.has(subhost);
  if (action !== 'remove') return false;
  return leave.has(address) || [...live.values()].some((one) => one.subhost !== null && leave.has(one.subhost));
}

/** TAKEN: names that are not to be had. MISSING: what is not there; grows. */
function findWaiting(free: readonly Change[], taken: ReadonlySet<string>, missing: Set<Address>): ReadonlySet<Address> {
  const waiting = new Set<Address>();
  const hasToWait = ({ action, spec }: Change): boolean =>
    action !== 'none' &&
    spec !== undefined &&
    (spec.holds.some((name) => taken.has(name)) ||
      spec.needs.some((need) => missing.has(need.address) || (need.class !== 'none' && waiting.has(need.address))));
  // What waits may be what others stand on: until there are no more.
  for (let before = -1; before < waiting.size; ) {
    before = waiting.size;
    for (const change of free.filter((one) => !waiting.has(one.address) && hasToWait(one))) {
      waiting.add(change.address);
      if (!change.live) missing.add(change.address);
    }
  }
  return waiting;
}
