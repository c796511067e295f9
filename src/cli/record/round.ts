import type { World } from '../../planner/live.ts';
import type { Plan, Selection } from '../../planner/plan.ts';
import { ObError } from '../../resources/error.ts';
import type { Spec } from '../../resources/kind.ts';
import type { Look } from '../../resources/machine.ts';
import type { Event } from '../events.ts';
import { planFor, planIn } from '../session.ts';
import { type Gate, gate, type Reason } from './gate.ts';
import { markTold, notice } from './learn.ts';
import { toEventKeys } from './unit.ts';

/** What is wanted, and what there is. */
type Scene = Pick<Asking, 'desired'> & Pick<Gated, 'world'>;

/** What is asked of one run. */
export interface Asking {
  readonly scope: string;
  readonly desired: readonly Spec[];
  readonly selection: Selection;
  readonly isUnattended: boolean;
  /** What has been seen already, if it may be as old as that. */
  readonly look?: Look;
}

interface Gated extends Omit<Gate, 'leave'> {
  readonly plan: Plan;
  readonly world: World;
  /** As asked for, with whom it leaves alone. */
  readonly selection: Selection;
}

/** Reads what there is and plans, leaving alone what the records say. Writes nothing. */
export async function planGated(asking: Asking): Promise<Gated> {
  return gated(asking, await planFor(asking.scope, asking.desired, asking.selection, asking.look));
}

function gated(asking: Asking, { plan, world }: Pick<Gated, 'plan' | 'world'>): Gated {
  const { desired, selection } = asking;
  const { leave, reasons } = gate({ ...asking, world, limit: selection.limit });
  if (leave.size === 0) return { plan, world, selection, reasons };
  const narrow = { ...selection, leave };
  return { plan: planIn(asking.scope, desired, world, narrow), world, selection: narrow, reasons };
}

/** The same for a run that is to follow: what has come to pass since the last one goes into the records. Needs the lock. */
export async function planRound(asking: Asking): Promise<Gated> {
  const { scope, desired, selection, isUnattended, look } = asking;
  const seen = await planFor(scope, desired, selection, look);
  if (isUnattended) notice({ scope, desired, world: seen.world }, seen.plan.changes, selection.limit);
  return gated(asking, seen);
}

/** What of it is said: whom a run leaves alone, and whom it takes up again. */
export function gateEvents(reasons: readonly Reason[]): Event[] {
  return reasons.map(({ name, state, isLeft, until, why, message, hint }) => ({
    type: isLeft ? 'left' : 'resumed',
    ...toEventKeys(name),
    state,
    until,
    why,
    message,
    hint: isLeft ? hint : state === 'stopped' ? 'ob apply starts it, an unattended run does not' : 'ob apply tries once more',
  }));
}

/** Stalled since the last time that somebody was told. Marks them as told. */
function stalledEvents(scope: string, reasons: readonly Reason[]): Event[] {
  return reasons.flatMap(({ name, isUntold, message, why, hint }): Event[] => {
    if (!isUntold) return [];
    markTold(scope, name);
    return [{ type: 'stalled', ...toEventKeys(name), message, why, hint }];
  });
}

/** Those of which a run has come to the end of what is tried. */
export function newlyStalled(scene: Pick<Asking, 'scope' | 'desired'> & Pick<Gated, 'world'>): Event[] {
  return stalledEvents(scene.scope, gate({ ...scene, isUnattended: true }).reasons);
}

/** An error if a person is at work on one of them: nothing else is done to it, whoever asks. */
export function refuseHeld(scope: string, names: Iterable<string>, asked: Scene): void {
  const error = heldRefusal(scope, names, asked);
  if (error) throw error;
}

/** The same for who only asks. */
export function heldRefusal(scope: string, names: Iterable<string>, asked: Scene): ObError | undefined {
  const held = gate({ scope, ...asked, isUnattended: false, limit: new Set(names) }).reasons.filter(({ state }) => state === 'held');
  if (held.length === 0) return undefined;
  const all = held.map(({ name }) => name).join(' ');
  return new ObError(held.map(({ message }) => message).join('; '), { hint: `ob release ${all}` });
}
