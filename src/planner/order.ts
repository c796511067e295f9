import { ObError } from '../resources/error.ts';
import type { Address, Live } from '../resources/kind.ts';
import type { Change } from './diff.ts';

type Verb = 'remove' | 'converge';
/** VERB ADDRESS, e.g. `converge veth/web0`. */
export type StepId = `${Verb} ${Address}`;

/** One thing to do, and what has to be done before. */
export interface Step {
  readonly id: StepId;
  readonly verb: Verb;
  readonly change: Change;
  readonly after: ReadonlySet<StepId>;
}

/**
 * Turns changes into steps with edges:
 * - what stands on something is made after it and removed before it;
 * - what is made anew is removed first;
 * - what stays, but is kept by something that is removed, is put right before that;
 * - who holds a name (a directory, a link) lets go of it before another takes it.
 * Refuses needs that are unknown or go in a circle, before anything is done. Pure.
 */
export function order(changes: readonly Change[]): Step[] {
  if (changes.every(({ action }) => action === 'none')) return [];
  const steps = toSteps(changes);
  refuseCircles(steps);
  return steps;
}

function verbsOf({ action }: Change): readonly Verb[] {
  if (action === 'none') return [];
  if (action === 'remove') return ['remove'];
  return action === 'restart' || action === 'replace' ? ['remove', 'converge'] : ['converge'];
}

function toSteps(changes: readonly Change[]): Step[] {
  const all = new Map(changes.map((change) => [change.address, change]));
  const dependants = indexRemovals(changes, (live) => live.needs);
  const holders = indexRemovals(changes, (live) => live.holds);
  const kept = indexKept(changes);
  const beforeRemove = ({ address }: Change): StepId[] => [...(dependants.get(address) ?? []), ...(kept.get(address) ?? [])];
  return changes.flatMap((change) =>
    verbsOf(change).map((verb): Step => {
      const after = verb === 'remove' ? beforeRemove(change) : beforeConverge(change, all, holders);
      return { id: `${verb} ${change.address}`, verb, change, after: new Set(after) };
    }),
  );
}

type Removals = ReadonlyMap<string, readonly StepId[]>;

/** The removals of all that names something: what it needs, or what it holds. */
function indexRemovals(changes: readonly Change[], namesOf: (live: Live) => readonly string[]): Removals {
  const index = new Map<string, StepId[]>();
  for (const change of changes) {
    if (!change.live || !verbsOf(change).includes('remove')) continue;
    for (const name of namesOf(change.live)) {
      const removals = index.get(name) ?? [];
      removals.push(`remove ${change.address}`);
      index.set(name, removals);
    }
  }
  return index;
}

/** By what keeps them: the changes of what would be lost with it. */
function indexKept(changes: readonly Change[]): Map<Address, StepId[]> {
  const index = new Map<Address, StepId[]>();
  for (const change of changes) {
    const keeper = keeperOf(change);
    if (keeper) index.set(keeper, [...(index.get(keeper) ?? []), `converge ${change.address}`]);
  }
  return index;
}

function keeperOf({ action, live }: Change): Address | undefined {
  return action === 'update' ? live?.keptBy : undefined;
}

function beforeConverge(change: Change, all: ReadonlyMap<Address, Change>, holders: Removals): StepId[] {
  const { needs = [], holds = [] } = change.spec ?? {};
  const keeper = `remove ${keeperOf(change)}`;
  const grounds = needs.map((need) => {
    const ground = all.get(need.address);
    if (ground) return ground;
    throw new ObError(`${change.address} needs ${need.address}, which nothing describes`);
  });
  return [
    ...grounds.flatMap((ground): StepId[] => (verbsOf(ground).includes('converge') ? [`converge ${ground.address}`] : [])),
    // What keeps it holds the same names, and goes afterwards.
    ...holds.flatMap((name) => holders.get(name) ?? []).filter((id) => id !== keeper),
    ...(verbsOf(change).includes('remove') ? [`remove ${change.address}` as const] : []),
  ];
}

function refuseCircles(steps: readonly Step[]): void {
  const byId = new Map(steps.map((step) => [step.id, step]));
  const clean = new Set<StepId>();
  const path = new Set<StepId>();
  const walk = (id: StepId): void => {
    if (clean.has(id)) return;
    if (path.has(id)) throw circle([...path, id]);
    path.add(id);
    for (const next of byId.get(id)?.after ?? []) walk(next);
    path.delete(id);
    clean.add(id);
  };
  for (const step of steps) walk(step.id);
}

/** PATH ends with the step at which the circle begins. Only steps of one verb can form one, so it needs no name. */
function circle(path: readonly StepId[]): ObError {
  const addresses = path.map((id) => id.slice(id.indexOf(' ') + 1));
  const begin = addresses.indexOf(addresses.at(-1) ?? '');
  return new ObError(`these need each other: ${addresses.slice(begin).join(' -> ')}`);
}
