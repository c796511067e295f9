import { isDeepStrictEqual } from 'node:util';
import { kindOf } from '../../src/planner/live.ts';
import { ObError, toObError } from '../../src/resources/error.ts';
import type { Subhost } from '../../src/resources/hosts.ts';
import { kinds as real } from '../../src/resources/index.ts';
import type { Address, Blocker, Fields, Kind, Live, Result, Spec, Task, Value } from '../../src/resources/kind.ts';

/** One object of the machine in memory. */
export interface Thing {
  readonly address: Address;
  /** Whose mark it carries; null: nobody's. */
  readonly scope: string | null;
  readonly subhost: string | null;
  /** What it cannot be without. */
  readonly needs: readonly Address[];
  readonly holds: readonly string[];
  /** All that can be seen of it. */
  readonly fields: Partial<Fields>;
  readonly keptBy?: Address;
  readonly endsWithRun?: true;
  readonly rests?: string;
}

/** How a step is to go: all well; nothing is done; it is done, and yet it fails; it is half done. */
export type Fate = 'well' | 'not' | 'after' | 'half';

/**
 * A machine in memory that keeps the contract of src/resources/kind.ts for every kind: with its rules and its specs, but
 * with no machine behind. It throws where a step is run that must not be: before what it needs, at what is another's, at
 * what others stand on, under a name that is taken.
 */
export interface Kernel {
  readonly things: Map<Address, Thing>;
  readonly kinds: readonly Kind[];
  /** What the file wants now: by it is judged whether what a step needs is as it has to be. */
  wanted: ReadonlyMap<Address, Spec>;
  /** The run leaves some subhosts as they are: one of these may have a name that another should have. */
  isLimited: boolean;
  /** How the next steps go; well when there are none left. */
  fates: Fate[];
  /** What was run against the rules. */
  readonly faults: string[];
  /** Takes an object away as the machine does, with all that goes with it. */
  vanish(address: Address): void;
}

export function createKernel(scope: string): Kernel {
  const kernel: Kernel = {
    things: new Map(),
    kinds: real.map((kind) => inMemory(kind, () => kernel, scope)),
    wanted: new Map(),
    isLimited: false,
    fates: [],
    faults: [],
    vanish: (address) => vanish(kernel, address),
  };
  return kernel;
}

function inMemory(kind: Kind, kernel: () => Kernel, scope: string): Kind {
  return {
    ...kind,
    preflight: () => {},
    takesLong: (object) => 'extra' in object && kind.takesLong?.(object) === true,
    async list(_machine, desired) {
      const all = [...kernel().things.values()];
      const specs = new Map(desired.map((spec) => [spec.address, spec]));
      const own = all.filter(
        (thing) => thing.scope === scope && kindOf(thing.address) === kind.name && !isHidden(thing, specs.get(thing.address)),
      );
      return {
        live: own.map((thing) => toLive(thing, kernel().things)),
        blockers: desired.flatMap((spec) => blockersOf(spec, all, scope)),
      };
    },
    converge: async (_machine, tasks) =>
      tasks.map((task) => step(kernel(), task.spec.address, (fate) => converge(kernel(), kind, task, scope, fate))),
    remove: async (_machine, live) => live.map(({ address }) => step(kernel(), address, () => remove(kernel(), address, scope))),
  };
}

/** A root that only its PID 1 has is of no use where each run has a root of its own. */
function isHidden({ address, keptBy }: Thing, spec: Spec | undefined): boolean {
  return keptBy !== undefined && kindOf(address) === 'mount' && spec?.fields['attached'] === undefined;
}

/** Does its subhost run, and is it of the same scope? */
function runsIn(things: ReadonlyMap<Address, Thing>, of: Pick<Thing, 'scope' | 'subhost'> | undefined): boolean {
  const process = things.get(`process/${of?.subhost}`);
  return process !== undefined && process.scope === of?.scope && process.fields['running'] === 'yes';
}

function toLive({ scope, ...thing }: Thing, things: ReadonlyMap<Address, Thing>): Live {
  const running = runsIn(things, { scope, subhost: thing.subhost });
  const fields = 'in_use' in thing.fields ? { ...thing.fields, in_use: running } : thing.fields;
  // PID 1 has a copy of its root.
  const root = kindOf(thing.address) === 'process' && running ? (things.get(`mount/${thing.subhost}`)?.holds ?? []) : [];
  return { ...thing, holds: [...thing.holds, ...root], fields, handle: null };
}

function blockersOf(spec: Spec, all: readonly Thing[], scope: string): Blocker[] {
  const other = all.find(
    (one) => one.scope !== scope && (one.address === spec.address || one.holds.some((name) => spec.holds.includes(name))),
  );
  return other ? [{ address: spec.address, what: `${other.address} of ${other.scope}`, hint: '' }] : [];
}

function step(kernel: Kernel, address: Address, act: (fate: Fate) => void): Result {
  const fate = kernel.fates.shift() ?? 'well';
  if (fate === 'not') return { address, error: new ObError('it was to fail') };
  try {
    act(fate);
  } catch (error) {
    if (!(kernel.isLimited && error instanceof NameTaken)) kernel.faults.push(`${address}: ${toObError(error).message}`);
    return { address, error: toObError(error) };
  }
  return fate === 'well' ? { address } : { address, error: new ObError('it was to fail afterwards') };
}

class NameTaken extends ObError {}

function check(isRight: boolean, what: string): void {
  if (!isRight) throw new ObError(what);
}

function converge({ things, wanted }: Kernel, kind: Kind, { spec, live, changes }: Task, scope: string, fate: Fate): void {
  const there = things.get(spec.address);
  check(!there || there.scope === scope, 'it is touched, and is not ours');
  // What only PID 1 has still is no more in the way than by the directories that it holds.
  const isFree = !there || (there.keptBy !== undefined && !there.holds.some((name) => spec.holds.includes(name)));
  check(live !== null || isFree, 'it is made, and is there');
  check(live === null || there !== undefined, 'it is changed, and is gone');
  for (const { address } of spec.needs) {
    const ground = things.get(address);
    check(ground?.scope === scope, `it needs ${address}, which is not there`);
    check(ground !== undefined && isAsWanted(ground, wanted.get(address)), `it needs ${address}, which is not as wanted yet`);
  }
  // What is bound may be all that is on the disk that it stands on.
  const own = new Set([spec.address, ...spec.needs.map((need) => need.address)]);
  // Two disks may well be of one image: who has it otherwise than is wanted only goes first.
  const alone = spec.holds.filter((name) => !name.startsWith('image:'));
  const taken = [...things.values()].find((one) => !own.has(one.address) && one.holds.some((name) => alone.includes(name)));
  if (taken) throw new NameTaken(`${taken.address} has its name still`);
  for (const { field } of changes) check(kind.rules[field]?.class === 'live', `${field} cannot be changed in place`);
  const names = changes.map(({ field }) => field);
  const done = fate === 'half' ? names.slice(0, names.length / 2) : names;
  const changed = Object.fromEntries(done.flatMap((field) => (field in spec.fields ? [[field, spec.fields[field] as Value]] : [])));
  // What its PID 1 keeps is so until all of it is put right.
  if (there?.keptBy && done.length < names.length)
    return void things.set(spec.address, { ...there, fields: { ...there.fields, ...changed } });
  // What is made half shows it in a field.
  const made = fate === 'half' ? withOddField(spec.fields, kind) : spec.fields;
  things.set(spec.address, {
    ...toThing(spec, scope),
    fields: there ? afterChange(there, spec, changed) : made,
  });
}

/** Of what is seen in part only, all is seen again once that is put right. */
function afterChange(there: Thing, spec: Spec, changed: Fields): Partial<Fields> {
  return there.keptBy ? spec.fields : { ...there.fields, ...changed };
}

function withOddField(fields: Fields, kind: Kind): Fields {
  const [field] = Object.keys(fields).filter((name) => kind.rules[name]);
  return field === undefined ? fields : { ...fields, [field]: odd(fields[field] ?? null) };
}

/** Another value of the same kind. */
export function odd(value: Value): Value {
  if (typeof value === 'boolean') return !value;
  if (typeof value === 'number') return value + 1;
  return typeof value === 'string' || value === null ? 'odd' : [...value, 'odd'].sort();
}

function toThing({ address, subhost, needs, holds, fields, forRun }: Spec, scope: string): Thing {
  const grounds = needs.filter((need) => need.class === 'restart' || need.class === 'replace').map((need) => need.address);
  return { address, scope, subhost, needs: grounds, holds, fields, ...(forRun ? { endsWithRun: true } : {}) };
}

function isAsWanted({ fields }: Thing, spec: Spec | undefined): boolean {
  const names = Object.keys(spec?.fields ?? {}).filter((name) => name !== 'in_use' && fields[name] !== undefined);
  return names.every((name) => isDeepStrictEqual(fields[name], spec?.fields[name]));
}

function remove(kernel: Kernel, address: Address, scope: string): void {
  const there = kernel.things.get(address);
  if (!there) return;
  check(there.scope === scope, 'it is removed, and is not ours');
  // Of a subhost that has ended nothing is there but its cgroup.
  const upon = [...kernel.things.values()].find((one) => one.needs.includes(address) && one.fields['running'] !== 'no');
  check(!upon, `it is removed under ${upon?.address}`);
  vanish(kernel, address);
}

function vanish(kernel: Kernel, address: Address): void {
  const { things } = kernel;
  const gone = things.get(address);
  things.delete(address);
  const kind = kindOf(address);
  const running = (): boolean => runsIn(things, gone);
  const keptBy: Address = `process/${gone?.subhost}`;
  // A namespace, and an overlay, live on in the PID 1 that is in them.
  if (gone?.scope && !gone.keptBy && running()) {
    if (kind === 'netns') return void things.set(address, { ...gone, keptBy, holds: [], fields: { name: 'missing' } });
    if (kind === 'mount' && gone.fields['attached'] !== undefined)
      return void things.set(address, { ...gone, keptBy, needs: [], fields: { ...layersOf(gone), attached: false } });
  }
  for (const one of [...things.values()]) {
    if (one.keptBy === address || (one.needs.includes(address) && ['veth', 'vlan'].includes(kindOf(one.address))))
      vanish(kernel, one.address);
    else if (kind === 'bridge' && one.scope === gone?.scope && `bridge/${one.fields['bridge']}` === address)
      things.set(one.address, { ...one, fields: { ...one.fields, bridge: null } });
  }
}

/** What an overlay shows in the mount namespace of its PID 1 too. */
function layersOf({ fields }: Thing): Fields {
  const names = ['type', 'lower', 'hide', 'userns', 'upper', 'work'];
  return Object.fromEntries(names.flatMap((name) => (fields[name] === undefined ? [] : [[name, fields[name]]])));
}

/** A subhost comes to its end by itself, and by the file's wish may stay so. */
export function end(kernel: Kernel, address: Address, wanted: Spec | undefined): void {
  const thing = kernel.things.get(address);
  if (!thing || kindOf(address) !== 'process') return;
  const { restart } = (wanted?.extra as { subhost?: Subhost } | undefined)?.subhost ?? {};
  kernel.things.set(address, { ...thing, fields: { running: 'no' }, ...(restart === 'never' ? { rests: 'it has ended' } : {}) });
  for (const one of [...kernel.things.values()]) if (one.keptBy === address) kernel.vanish(one.address);
}
