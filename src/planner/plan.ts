import type { Address, Blocker, Kind, Live, Spec } from '../resources/kind.ts';
import type { Change } from './diff.ts';
import { diff } from './diff.ts';
import { leaveAlone } from './left.ts';
import { kindOf, type World } from './live.ts';
import { order, type Step } from './order.ts';

/** What `ob plan` prints and `ob apply` runs: the same value. */
export interface Plan {
  /** Every address that is wanted or exists, also where nothing has to be done. */
  readonly changes: readonly Change[];
  /** What stands in the way; a plan with any of it is not run. */
  readonly blockers: readonly Blocker[];
  readonly steps: readonly Step[];
}

/** What a plan is about, and what is asked for beside the difference. */
export interface Selection {
  /** Only these subhosts, and what they need. */
  readonly limit?: ReadonlySet<string> | undefined;
  /** Names of subhosts, and addresses of what is shared: nothing of these is touched, whatever differs. What others need is done. */
  readonly leave?: ReadonlySet<string> | undefined;
  /** With a limit: of what is shared these too, also where nothing chosen needs them. */
  readonly also?: ReadonlySet<Address>;
  /**
   * `stop`: what runs is removed, and what was made for that one run; all else is left as it is. `start`: what has ended
   * is started, whatever the file says of that. `restart`: the same, and what runs is started anew.
   */
  readonly order?: 'stop' | 'start' | 'restart';
}

/** Pure: the same desired and live state give the same plan. */
export function makePlan(
  kinds: readonly Kind[],
  desired: readonly Spec[],
  world: World,
  { limit, leave, also = new Set(), order: asked }: Selection = {},
): Plan {
  const specs = limit ? limitSpecs(desired, limit) : desired;
  const there = asked === 'start' || asked === 'restart' ? wake(world.live) : world.live;
  const live = limit ? limitLive(there, limit, new Set([...specs.map((spec) => spec.address), ...also])) : there;
  const running = new Set(kinds.filter((kind) => kind.runs).map((kind) => kind.name));
  const runs = (address: Address): boolean => running.has(kindOf(address));
  const all = leaveAlone(diff(kinds, specs, live, leave), { live, blockers: world.blockers }, leave);
  const kept = asked === 'stop' ? all.filter(({ address, live }) => runs(address) || live?.endsWithRun) : all;
  const ordered = asked === 'restart' ? kept.map((change) => (runs(change.address) ? restarted(change) : change)) : kept;
  const changes = renew(ordered, runs);
  // What stands where nothing has to be done is in nobody's way.
  const pending = new Map(changes.filter((change) => change.action !== 'none').map((change) => [change.address, change.subhost]));
  const blockers = [...world.blockers.filter((one) => pending.has(one.address)), ...(limit ? heldOutside(changes, world.live, live) : [])];
  const explained = new Set(blockers.flatMap(({ explains }) => explains ?? []));
  const untold = ({ address, explains }: Blocker): boolean => explains === undefined && explained.has(pending.get(address) ?? '');
  return { changes, blockers: blockers.filter((one) => !untold(one)), steps: order(changes) };
}

function wake(live: World['live']): World['live'] {
  return new Map([...live].map(([address, { rests: _, ...awake }]) => [address, awake]));
}

/** What is to be made, or made anew, is started anyway. */
function restarted(change: Change): Change {
  if (change.action !== 'none' && change.action !== 'update') return change;
  return { ...change, action: 'restart', because: [...change.because, 'the order to restart'] };
}

const STARTS: readonly Change['action'][] = ['create', 'restart', 'replace'];

/** What is best made anew is, when what runs on it is started in any case. */
function renew(changes: readonly Change[], runs: (address: Address) => boolean): Change[] {
  const starting = changes.filter(({ address, action }) => runs(address) && STARTS.includes(action));
  const grounds = new Set(starting.flatMap(({ spec }) => spec?.needs ?? []).map(({ address }) => address));
  return changes.map((change) => {
    const why = change.live?.renews;
    if (!why || !grounds.has(change.address) || STARTS.includes(change.action)) return change;
    return { ...change, action: 'replace', because: [...change.because, why] };
  });
}

export function isEmpty(plan: Plan): boolean {
  return plan.steps.length === 0 && plan.blockers.length === 0;
}

/** What is to have a name that something outside of the limit has: that one is not asked to let go, so nothing must be taken down for it. */
function heldOutside(changes: readonly Change[], all: World['live'], limited: World['live']): Blocker[] {
  const outside = [...all.values()].filter(({ address }) => !limited.has(address));
  const holders = new Map(outside.flatMap((one) => one.holds.map((name) => [name, one] as const)));
  return changes.flatMap(({ address, action, spec }) => {
    const name = action === 'none' ? undefined : spec?.holds.find((one) => holders.has(one));
    const holder = holders.get(name ?? '');
    if (!name || !holder) return [];
    const what = `${name.slice(name.indexOf(':') + 1)} is what ${holder.address} has`;
    return [
      { address, what, hint: `choose another, or let ${holder.subhost ?? holder.address} be changed as well: --limit with it, or none` },
    ];
  });
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
