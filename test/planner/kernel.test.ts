import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc, { type Arbitrary } from 'fast-check';
import { apply, type Outcome } from '../../src/planner/apply.ts';
import { kindOf, listDesired, readWorld } from '../../src/planner/live.ts';
import { isEmpty, makePlan, type Selection } from '../../src/planner/plan.ts';
import type { HostsFile } from '../../src/resources/hosts.ts';
import type { Address, Spec, Value } from '../../src/resources/kind.ts';
import type { Machine } from '../../src/resources/machine.ts';
import { holds } from '../property.ts';
import { createKernel, end, type Fate, type Kernel, odd, type Thing } from './kernel.ts';
import { type Edit, edits, type FileValue, FULL, readValue, withEdit } from './valid-files.ts';

const SCOPE = 'demo';
const MACHINE = { scope: SCOPE } as Machine;

/** What happens to the machine in memory, or to the file. PICK: which of all objects, which of its fields. */
type Op =
  | { readonly do: 'edit'; readonly edits: readonly Edit[] }
  | { readonly do: 'apply'; readonly fates: readonly Fate[]; readonly parallel: number }
  | { readonly do: 'order'; readonly order: NonNullable<Selection['order']>; readonly name: string }
  | { readonly do: 'destroy'; readonly name: string | null; readonly fates: readonly Fate[] }
  | { readonly do: 'lose' | 'end' | 'rename' | 'unmark' | 'steal'; readonly pick: number }
  | { readonly do: 'change'; readonly pick: number; readonly field: number };

const fates = fc.array(fc.constantFrom<Fate>('well', 'well', 'well', 'not', 'after', 'half'), { maxLength: 30 });
const pick = fc.nat(99);
const name = fc.constantFrom('web', 'db', 'w', 'web1');

function often(weight: number, arbitrary: Arbitrary<Op>): { weight: number; arbitrary: Arbitrary<Op> } {
  return { weight, arbitrary };
}

const OP: Arbitrary<Op> = fc.oneof(
  often(6, fc.record({ do: fc.constant('edit'), edits: fc.array(edits(), { minLength: 1, maxLength: 6 }) })),
  often(5, fc.record({ do: fc.constant('apply'), fates, parallel: fc.integer({ min: 1, max: 8 }) })),
  often(2, fc.record({ do: fc.constant('order'), order: fc.constantFrom('stop', 'start', 'restart'), name })),
  often(1, fc.record({ do: fc.constant('destroy'), name: fc.oneof(fc.constant(null), name), fates })),
  often(6, fc.record({ do: fc.constantFrom('lose', 'end', 'rename'), pick })),
  often(1, fc.record({ do: fc.constantFrom('unmark', 'steal'), pick })),
  often(5, fc.record({ do: fc.constant('change'), pick, field: pick })),
);

test('whatever happens between two files, the next run makes the machine what the last one says', (t) =>
  holds(
    t,
    25,
    fc.asyncProperty(fc.array(OP, { minLength: 1, maxLength: 30, size: 'max' }), async (ops) => {
      const kernel = createKernel(SCOPE);
      let value = FULL;
      await runPlan(kernel, fileOf(value));
      for (const op of ops) {
        if (op.do === 'edit') value = op.edits.reduce(withEdit, value);
        else await run(kernel, op, fileOf(value));
        assert.deepEqual(kernel.faults, []);
      }
      await makeAllWell(kernel, fileOf(value));
      await leaveNothing(kernel);
    }),
  ));

function fileOf(value: FileValue): HostsFile {
  const file = readValue(value);
  assert(file);
  return file;
}

async function run(kernel: Kernel, op: Exclude<Op, { do: 'edit' }>, file: HostsFile): Promise<void> {
  const names = file.subhosts.map((subhost) => subhost.name);
  if (op.do === 'apply') await runPlan(kernel, file, {}, op.fates, op.parallel);
  else if (op.do === 'order') {
    if (names.includes(op.name)) await runPlan(kernel, op.order === 'stop' ? null : file, { order: op.order, limit: new Set([op.name]) });
  } else if (op.do === 'destroy') await runPlan(kernel, null, op.name === null ? {} : { limit: new Set([op.name]) }, op.fates);
  else mutate(kernel, op, new Map(listDesired(kernel.kinds, file).map((spec) => [spec.address, spec])));
}

/** Plans, and applies unless something is in the way. What is not ours stays as it is. FILE null: nothing is wanted. */
async function runPlan(
  kernel: Kernel,
  file: HostsFile | null,
  selection: Selection = {},
  some: readonly Fate[] = [],
  parallel = 4,
): Promise<readonly Outcome[] | undefined> {
  const desired = file ? listDesired(kernel.kinds, file) : [];
  kernel.wanted = new Map(desired.map((spec) => [spec.address, spec]));
  kernel.fates = [...some];
  kernel.isLimited = selection.limit !== undefined;
  const plan = makePlan(kernel.kinds, desired, await readWorld(kernel.kinds, MACHINE, desired), selection);
  if (plan.blockers.length > 0) return undefined;
  const foreign = foreignOf(kernel);
  const outcomes = await apply(plan.steps, { kinds: kernel.kinds, machine: () => MACHINE, parallel, fewest: 1 });
  assert.deepEqual(foreignOf(kernel), foreign);
  const isLost = kernel.isLimited && outcomes.some(({ result }) => result !== 'done');
  if (some.length > 0 || (isLost && kernel.faults.length === 0)) return outcomes;
  assert.deepEqual([...kernel.faults, ...outcomes.filter(({ result }) => result !== 'done').map(({ step }) => step.id)], []);
  const again = selection.order === 'restart' ? { ...selection, order: 'start' as const } : selection;
  const second = makePlan(kernel.kinds, desired, await readWorld(kernel.kinds, MACHINE, desired), again);
  assert(isEmpty(second), `the second plan is not empty: ${second.steps.map(({ id }) => id).join(', ')}`);
  return outcomes;
}

function foreignOf({ things }: Kernel): Thing[] {
  return [...things.values()].filter(({ scope }) => scope !== SCOPE);
}

function mutate(kernel: Kernel, op: Extract<Op, { pick: number }>, wanted: ReadonlyMap<Address, Spec>): void {
  const all = [...kernel.things.values()];
  const thing = all[op.pick % (all.length || 1)];
  if (!thing) return;
  const { address } = thing;
  const put = (changes: Partial<Thing>): void => void kernel.things.set(address, { ...thing, ...changes });
  if (op.do === 'lose') kernel.vanish(address);
  else if (op.do === 'end') end(kernel, address, wanted.get(address));
  // What only PID 1 has still is nowhere where another could mark it.
  else if (thing.keptBy && (op.do === 'unmark' || op.do === 'steal')) return;
  else if (op.do === 'unmark') give(kernel, address, null);
  else if (op.do === 'steal') give(kernel, address, 'other');
  else if (op.do === 'rename') rename(kernel, thing);
  // Of what has ended nothing is there that could change, and what only PID 1 has still nobody gets at.
  else if ('field' in op && thing.fields['running'] !== 'no' && !thing.keptBy) {
    const fields = Object.keys(thing.fields).filter((field) => field !== 'in_use' && field !== 'running');
    const field = fields[op.field % (fields.length || 1)];
    if (field !== undefined) put({ fields: { ...thing.fields, [field]: odd(thing.fields[field] as Value) } });
  }
}

/** With all that only it has still. */
function give({ things }: Kernel, address: Address, scope: string | null): void {
  for (const one of [...things.values()])
    if (one.address === address || one.keptBy === address) things.set(one.address, { ...one, scope, needs: [] });
}

/** Links alone have a name that can be changed; what stands on it stays on it. */
function rename({ things }: Kernel, thing: Thing): void {
  const kind = kindOf(thing.address);
  const address: Address = `${kind}/x${thing.address.slice(kind.length + 1)}`;
  if (!['veth', 'vlan', 'bridge'].includes(kind) || things.has(address)) return;
  things.delete(thing.address);
  things.set(address, { ...thing, address, holds: [`link:${address.slice(kind.length + 1)}`, ...thing.holds.slice(1)] });
  for (const one of things.values()) {
    if (one.needs.includes(thing.address))
      things.set(one.address, { ...one, needs: one.needs.map((need) => (need === thing.address ? address : need)) });
    if (kind === 'bridge' && `bridge/${one.fields['bridge']}` === thing.address)
      things.set(one.address, { ...one, fields: { ...one.fields, bridge: address.slice('bridge/'.length) } });
  }
}

/** One run, once the administrator has taken away what is in the way; and all that is wanted is there. */
async function makeAllWell(kernel: Kernel, file: HostsFile): Promise<void> {
  for (const { address } of foreignOf(kernel)) kernel.things.delete(address);
  const outcomes = await runPlan(kernel, file, { order: 'start' });
  assert(outcomes, 'something is in the way still');
  const wanted = listDesired(kernel.kinds, file).map((spec) => spec.address);
  assert.deepEqual([...kernel.things.keys()].sort(), wanted.sort());
}

async function leaveNothing(kernel: Kernel): Promise<void> {
  await runPlan(kernel, null);
  assert.deepEqual([...kernel.things.keys()], []);
}
