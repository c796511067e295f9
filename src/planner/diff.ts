import deepDiff from 'deep-diff';
import type { Address, Cause, ChangeClass, FieldChange, Fields, Kind, Live, Spec } from '../resources/kind.ts';
import { kindOf } from './live.ts';

/** What has to happen to one object. `restart` and `replace` are a removal and a making anew. */
type Action = 'create' | 'update' | 'restart' | 'replace' | 'remove' | 'none';

export interface Change {
  readonly address: Address;
  readonly subhost: string | null;
  readonly action: Action;
  readonly fields: readonly FieldChange[];
  /** Of what is made or removed. */
  readonly cause?: Cause;
  /** Knock-on effects: why it changes although its own fields do not ask for it. */
  readonly because: readonly string[];
  /** Undefined for a removal. */
  readonly spec?: Spec;
  /** Undefined where nothing exists yet. */
  readonly live?: Live;
}

const ACTION_OF: Readonly<Record<ChangeClass, Action>> = { live: 'update', restart: 'restart', replace: 'replace' };
const STRENGTH: readonly Action[] = ['none', 'update', 'restart', 'replace', 'create'];

/** Compares what is wanted with what there is: one change for every address in either. LEFT: what is taken as it is. Pure. */
export function diff(
  kinds: readonly Kind[],
  desired: readonly Spec[],
  live: ReadonlyMap<Address, Live>,
  left: ReadonlySet<string> = new Set(),
): Change[] {
  const rules = new Map(kinds.map((kind) => [kind.name, kind.rules]));
  const own = new Map(
    desired.map((spec) => {
      const one = live.get(spec.address);
      return [spec.address, left.has(spec.address) ? unchanged(spec, one) : compare(rules.get(kindOf(spec.address)), spec, one)];
    }),
  );
  const resting = new Set([...live.values()].flatMap(({ rests, subhost }) => (rests && subhost ? [subhost] : [])));
  const wanted = settleAll(own).map((change) => rest(change, resting));
  const removed = [...live.values()].filter((one) => !own.has(one.address)).map(remove);
  return [...wanted, ...removed];
}

/** What was made for a run that is over goes, and comes with the next one. */
function rest(change: Change, resting: ReadonlySet<string>): Change {
  const { spec, live, subhost } = change;
  if (!spec?.forRun || subhost === null || !resting.has(subhost)) return change;
  return live ? remove(live) : { ...change, action: 'none', fields: [], because: [] };
}

function remove(live: Live): Change {
  return { address: live.address, subhost: live.subhost, action: 'remove', fields: [], because: [], live };
}

function unchanged(spec: Spec, live: Live | undefined): Change {
  return { address: spec.address, subhost: spec.subhost, action: 'none', fields: [], because: [], spec, ...(live ? { live } : {}) };
}

function compare(rules: Kind['rules'] | undefined, spec: Spec, live: Live | undefined): Change {
  const base = { address: spec.address, subhost: spec.subhost, because: [], spec };
  if (!live) return { ...base, action: 'create', fields: [] };
  const differing = live.rests ? [] : differingFields(spec, live);
  if (differing.length === 0) return unchanged(spec, live);
  const fields = differing.map((field): FieldChange => {
    const rule = rules?.[field];
    if (!rule) throw new Error(`${spec.address}: no rule for field ${field}`);
    return { field, old: live.fields[field] ?? null, new: spec.fields[field] ?? null, ...rule };
  });
  return { ...base, action: strongest(fields.map((change) => ACTION_OF[change.class])), fields, live };
}

/**
 * Names of fields that differ, of those that both sides have, in the order of the spec. deep-diff reports what only one side has and compares
 * lists by position: so both are cut down to the common fields first, and lists come sorted. Nearly all are equal at first sight.
 */
function differingFields(spec: Spec, live: Live): string[] {
  const common: string[] = [];
  for (const name of Object.keys(spec.fields))
    if (live.fields[name] !== undefined && !isSame(live.fields[name], spec.fields[name])) common.push(name);
  if (common.length === 0) return [];
  const cut = (fields: Partial<Fields>): Record<string, unknown> => Object.fromEntries(common.map((name) => [name, fields[name]]));
  const found = new Set(deepDiff.diff(cut(live.fields), cut(spec.fields))?.map((one) => one.path?.[0]));
  return common.filter((name) => found.has(name));
}

function isSame(one: unknown, other: unknown): boolean {
  if (one === other) return true;
  if (!Array.isArray(one) || !Array.isArray(other)) return false;
  return one.length === other.length && one.every((item, index) => item === other[index]);
}

function settleAll(own: ReadonlyMap<Address, Change>): Change[] {
  const all = [...own.values()];
  // Nearly always there is nothing that could have an effect on anything.
  if (!all.some(isMadeAnew)) return all;
  const settled = new Map<Address, Change>();
  return all.map((change) => settle(change, own, settled));
}

/** A change, once the changes of all that it stands on are known. */
function settle(change: Change, own: ReadonlyMap<Address, Change>, settled: Map<Address, Change>): Change {
  const known = settled.get(change.address);
  if (known) return known;
  if (change.live?.rests) return change;
  // Needs that go in a circle end here, and are named when the steps are ordered.
  settled.set(change.address, change);
  const effects = (change.spec?.needs ?? []).flatMap((need) => {
    const ground = own.get(need.address);
    if (need.class === 'none' || !ground || !isMadeAnew(settle(ground, own, settled))) return [];
    return [{ action: ACTION_OF[need.class], why: `${need.address}: ${need.why}` }];
  });
  if (effects.length === 0 || change.action === 'create') return change;
  const action = strongest([change.action, ...effects.map((effect) => effect.action)]);
  const after = { ...change, action, because: effects.map((effect) => effect.why) };
  settled.set(change.address, after);
  return after;
}

function isMadeAnew(change: Change): boolean {
  return change.action === 'create' || change.action === 'replace' || change.action === 'restart';
}

function strongest(actions: readonly Action[]): Action {
  return actions.reduce((one, other) => (STRENGTH.indexOf(other) > STRENGTH.indexOf(one) ? other : one), 'none');
}
