import { ObError } from '../resources/error.ts';
import type { Address } from '../resources/kind.ts';
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
 * - who holds a name (a directory, a link) lets go of it before another takes it.
 * Refuses needs that are unknown or go in a circle, before anything is done. Pure.
 */
export function order(changes: readonly Change[]): Step[] {
  const all = new Map(changes.map((change) => [change.address, change]));
  const holders = holdersOf(changes);
  const steps = changes.flatMap((change) => verbsOf(change).map((verb) => toStep(verb, change, all, holders)));
  refuseCircles(steps);
  return steps;
}

function verbsOf({ action }: Change): Verb[] {
  if (action === 'none') return [];
  if (action === 'remove') return ['remove'];
  return action === 'restart' || action === 'replace' ? ['remove', 'converge'] : ['converge'];
}

type Changes = ReadonlyMap<Address, Change>;
type Holders = ReadonlyMap<string, readonly Change[]>;

function toStep(verb: Verb, change: Change, all: Changes, holders: Holders): Step {
  const after = verb === 'converge' ? beforeConverge(change, all, holders) : beforeRemove(change, all);
  return { id: `${verb} ${change.address}`, verb, change, after: new Set(after) };
}

function beforeConverge(change: Change, all: Changes, holders: Holders): StepId[] {
  const needs = (change.spec?.needs ?? []).map((need) => {
    const ground = all.get(need.address);
    if (ground) return ground;
    throw new ObError(`${change.address} needs ${need.address}, which nothing describes`);
  });
  const freed = (change.spec?.holds ?? []).flatMap((name) => holders.get(name) ?? []);
  return [
    ...needs.flatMap((ground): StepId[] => (verbsOf(ground).includes('converge') ? [`converge ${ground.address}`] : [])),
    ...freed.map((holder): StepId => `remove ${holder.address}`),
    ...(verbsOf(change).includes('remove') ? [`remove ${change.address}` as const] : []),
  ];
}

/** Whatever stands on it goes first, if it goes at all. */
function beforeRemove(change: Change, all: Changes): StepId[] {
  return [...all.values()]
    .filter((other) => verbsOf(other).includes('remove') && other.live?.needs.includes(change.address))
    .map((other): StepId => `remove ${other.address}`);
}

/** Who goes and holds which name. */
function holdersOf(changes: readonly Change[]): Holders {
  const holders = new Map<string, Change[]>();
  for (const change of changes) {
    if (!verbsOf(change).includes('remove')) continue;
    for (const name of change.live?.holds ?? []) holders.set(name, [...(holders.get(name) ?? []), change]);
  }
  return holders;
}

function refuseCircles(steps: readonly Step[]): void {
  const byId = new Map(steps.map((step) => [step.id, step]));
  const clean = new Set<StepId>();
  const walk = (id: StepId, path: readonly StepId[]): void => {
    if (clean.has(id)) return;
    const seen = path.indexOf(id);
    if (seen >= 0) throw new ObError(`these need each other: ${[...path.slice(seen), id].join(' -> ')}`);
    for (const next of byId.get(id)?.after ?? []) walk(next, [...path, id]);
    clean.add(id);
  };
  for (const step of steps) walk(step.id, []);
}
