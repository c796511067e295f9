import type { Kind } from '../resources/kind.ts';
import { kindOf } from './live.ts';
import type { Step } from './order.ts';

/** Steps that one call of a kind does. */
export interface Batch {
  readonly steps: Step[];
  /** Its part of what may go on at a time. */
  readonly width: number;
}

/**
 * Most of what a batch does is one program for all of its objects, so that two cost more than one. But while the first half of
 * many is booted, the network of the other half is made: they wait for other locks of the kernel. What is removed is looked at
 * once more, together with all that is there, and waits for the same grace periods.
 */
const FEWEST = { converge: 50, remove: 1024 } as const;

interface Limits {
  readonly parallel: number;
  readonly fewest?: number;
}

/** Cuts the steps of a run, as they get ready, into batches. */
export function createCutter(
  steps: readonly Step[],
  kinds: ReadonlyMap<string, Kind>,
  limits: Limits,
): (ready: readonly Step[]) => Batch[] {
  const groupOf = groupWith(kinds);
  const sizes = sizeBatches(steps, groupOf, limits);
  return (ready) => cutBatches(ready, groupOf, sizes);
}

type GroupOf = (step: Step) => { readonly name: string; readonly isSlow: boolean };

/** What goes together: steps of one verb and kind, those that take long apart. */
function groupWith(kinds: ReadonlyMap<string, Kind>): GroupOf {
  return ({ verb, change }) => {
    const name = kindOf(change.address);
    const object = verb === 'remove' ? change.live : change.spec;
    const isSlow = object !== undefined && kinds.get(name)?.takesLong?.(object) === true;
    return { name: `${verb} ${name}${isSlow ? ' slowly' : ''}`, isSlow };
  };
}

interface BatchSize {
  readonly objects: number;
  readonly width: number;
}

/** A batch holds up what waits for any of its objects: so a wave of what takes long, or of very many, becomes PARALLEL batches. */
function sizeBatches(steps: readonly Step[], groupOf: GroupOf, { parallel, fewest }: Limits): Map<string, BatchSize> {
  const counts = new Map<string, { count: number; least: number }>();
  for (const step of steps) {
    const { name, isSlow } = groupOf(step);
    const { count } = counts.get(name) ?? { count: 0 };
    counts.set(name, { count: count + 1, least: isSlow ? 1 : (fewest ?? FEWEST[step.verb]) });
  }
  const toSize = ({ count, least }: { count: number; least: number }): BatchSize => {
    const objects = Math.max(Math.ceil(count / parallel), least);
    return { objects, width: Math.max(1, Math.floor(parallel / Math.ceil(count / objects))) };
  };
  return new Map([...counts].map(([name, one]) => [name, toSize(one)]));
}

function cutBatches(ready: readonly Step[], groupOf: GroupOf, sizes: ReadonlyMap<string, BatchSize>): Batch[] {
  const batches: Batch[] = [];
  const open = new Map<string, Batch>();
  for (const step of ready) {
    const { name } = groupOf(step);
    const { objects, width } = sizes.get(name) ?? { objects: 1, width: 1 };
    let batch = open.get(name);
    if (!batch || batch.steps.length >= objects) {
      batch = { steps: [], width };
      open.set(name, batch);
      batches.push(batch);
    }
    batch.steps.push(step);
  }
  return batches;
}
