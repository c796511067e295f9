import type { Address, Blocker, Kind, Live, Spec } from '../resources/kind.ts';
import type { Change } from './diff.ts';
import { diff } from './diff.ts';
import type { World } from './live.ts';
import { order, type Step } from './order.ts';

/** What `ob plan` prints and `ob apply` runs: the same value. */
export interface Plan {
  /** Every address that is wanted or exists, also where nothing has to be done. */
  readonly changes: readonly Change[];
  /** What stands in the way; a plan with any of it is not run. */
  readonly blockers: readonly Blocker[];
  readonly steps: readonly Step[];
}

/** Pure: the same desired and live state give the same plan. LIMIT: only these subhosts and what they need. */
export function makePlan(kinds: readonly Kind[], desired: readonly Spec[], world: World, limit?: ReadonlySet<string>): Plan {
  const specs = limit ? limitSpecs(desired, limit) : desired;
  const live = limit ? limitLive(world.live, limit, new Set(specs.map((spec) => spec.address))) : world.live;
  const changes = diff(kinds, specs, live);
  // What stands where nothing has to be done is in nobody's way.
  const pending = new Set(changes.filter((change) => change.action !== 'none').map((change) => change.address));
  return { changes, blockers: world.blockers.filter((one) => pending.has(one.address)), steps: order(changes) };
}

export function isEmpty(plan: Plan): boolean {
  return plan.steps.length === 0 && plan.blockers.length === 0;
}

function limitSpecs(desired: readonly Spec[], limit: ReadonlySet<string>): Spec[] {
  const chosen = new Set(desired.filter((spec) => spec.subhost !== null && limit.has(spec.subhost)).map((spec) => spec.address));
  const byAddress = new Map(desired.map((spec) => [spec.address, spec]));
  // A set grows while it is walked: so needs of needs come too.
  for (const address of chosen) for (const need of byAddress.get(address)?.needs ?? []) chosen.add(need.address);
  return desired.filter((spec) => chosen.has(spec.address));
}

function limitLive(live: ReadonlyMap<Address, Live>, limit: ReadonlySet<string>, chosen: ReadonlySet<Address>): Map<Address, Live> {
  return new Map([...live].filter(([address, one]) => chosen.has(address) || (one.subhost !== null && limit.has(one.subhost))));
}
