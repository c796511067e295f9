import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { type Change, diff } from '../../../src/planner/diff.ts';
import { machineFacts } from '../../../src/planner/hosts/facts.ts';
import { parseHostsFile } from '../../../src/planner/hosts/read.ts';
import { kinds } from '../../../src/resources/index.ts';
import type { Kind, Live, Result, Spec } from '../../../src/resources/kind.ts';
import { createLook, type Machine } from '../../../src/resources/machine.ts';
import { REAPER } from '../../machine.ts';
import { assertSame, snapshot } from '../../snapshot.ts';
import { BENCHES, type Bench, HOSTS } from './benches.ts';

// Runs inside a disposable machine: node --import tsx inside.ts KIND. One line of JSON for each rule.

const kind = kindOf(process.argv[2] ?? '');
const bench = benchOf(kind);
const file = parseHostsFile(bench.hosts ?? HOSTS, '/mnt/hosts.yaml', machineFacts(new Set()));
const desired = kind.desired(file);
const [first] = desired as [Spec];

function kindOf(name: string): Kind {
  const found = kinds.find((one) => one.name === name);
  assert.ok(found, `no kind ${name}`);
  return found;
}

function benchOf({ name }: Kind): Bench {
  const found = BENCHES[name];
  assert.ok(found, `the contract suite does not know the kind ${name}`);
  return found;
}

/** A new look each time, as `apply` has. */
function machine(scope = file.scope): Machine {
  return { scope, reaper: REAPER, width: 4, turn: <T>(act: () => Promise<T>) => act(), look: createLook(REAPER), say: () => {} };
}

function sh(script: string): void {
  execFileSync('sh', ['-ec', script], { stdio: ['ignore', 'ignore', 'inherit'] });
}

/** What is there, and what of it differs from what is wanted. */
async function look(of: Kind): Promise<{ live: readonly Live[]; changes: readonly Change[]; blocked: readonly string[] }> {
  const specs = of.desired(file);
  const { live, blockers } = await of.list(machine(), specs);
  const changes = diff([of], specs, new Map(live.map((one) => [one.address, one])));
  return { live, changes, blocked: blockers.map((one) => one.address) };
}

/** As the planner does it: what is to be made anew is removed first. */
async function converge(of: Kind): Promise<Result[]> {
  const { changes } = await look(of);
  const anew = changes.filter(({ action }) => action === 'replace' || action === 'restart');
  check(
    await of.remove(
      machine(),
      anew.flatMap((change) => change.live ?? []),
    ),
  );
  const tasks = changes.flatMap((change) => {
    const live = anew.includes(change) ? null : (change.live ?? null);
    return change.spec ? [{ spec: change.spec, live, changes: live ? change.fields : [] }] : [];
  });
  return of.converge(machine(), tasks);
}

function check(results: readonly Result[]): void {
  for (const { address, error } of results) assert.equal(error, undefined, `${address}: ${error?.message}`);
}

async function removeAll(of: Kind): Promise<void> {
  check(await of.remove(machine(), (await look(of)).live));
}

async function assertAsWanted(): Promise<void> {
  const { live, changes } = await look(kind);
  assert.deepEqual(sorted(live), sorted(desired));
  for (const { address, fields, action } of changes) assert.equal(action, 'none', `${address}: ${JSON.stringify(fields)}`);
}

function sorted(list: readonly { readonly address: string }[]): string[] {
  return list.map((one) => one.address).sort();
}

/** Without this very program, and what it starts. */
async function seen(): Promise<string[]> {
  const run = async (program: string, args: readonly string[], { input }: { readonly input: string }) => ({
    code: 0,
    stdout: execFileSync(program, args, { input, encoding: 'utf8' }),
    stderr: '',
  });
  const lines = await snapshot({ root: '', run });
  return lines.filter((line) => !/^(process \d+ .*(node|esbuild)|cgroup \/machine:)/.test(line));
}

/** Kinds that the objects of this one stand on, in the order in which they are made. */
function groundsOf(of: Kind): Kind[] {
  const names = new Set(of.desired(file).flatMap((spec) => spec.needs.map((need) => need.address.split('/')[0])));
  return kinds.filter((one) => names.has(one.name)).flatMap((one) => [...groundsOf(one), one]);
}

const RULES: Readonly<Record<string, () => Promise<void>>> = {
  'where nothing is, nothing is seen': async () => {
    assert.deepEqual(await kind.list(machine(), desired), { live: [], blockers: [] });
  },

  'every field of a spec has a rule': async () => {
    const fields = desired.flatMap((spec) => Object.keys(spec.fields));
    assert.deepEqual(
      fields.filter((field) => !(field in kind.rules)),
      [],
    );
  },

  'what is wanted is made, and seen exactly so': async () => {
    const results = await converge(kind);
    check(results);
    assert.deepEqual(sorted(results), sorted(desired));
    await assertAsWanted();
  },

  'once more, nothing changes': async () => {
    const before = await seen();
    check(await converge(kind));
    assertSame(await seen(), before, 'converge changed something');
    await assertAsWanted();
  },

  'another scope does not see it': async () => {
    assert.deepEqual((await kind.list(machine('other'), [])).live, []);
  },

  'it is removed, and once more is fine': async () => {
    const { live } = await look(kind);
    for (let times = 0; times < 2; times++) {
      const results = await kind.remove(machine(), live);
      check(results);
      assert.deepEqual(sorted(results), sorted(live));
      assert.deepEqual((await look(kind)).live, []);
    }
  },

  "what somebody else's is, is named and not touched": () =>
    withForeign(async () => {
      const before = await seen();
      const { live, blocked } = await look(kind);
      assert.deepEqual(live, []);
      assert.deepEqual(blocked, bench.isInTheWay ? [first.address] : []);
      // Not even if it came between the plan and its apply.
      const results = await kind.converge(
        machine(),
        desired.map((spec) => ({ spec, live: null, changes: [] })),
      );
      const failed = results.filter((result) => result.error).map((result) => result.address);
      assert.deepEqual(failed, bench.isInTheWay ? [first.address] : [], 'the others are made all the same');
      await removeAll(kind);
      assertSame(await seen(), before, "somebody else's was touched");
    }),

  'what took the place of one of ours is not removed': async () => {
    check(await converge(kind));
    const { live } = await look(kind);
    sh(bench.takeAway);
    await withForeign(async () => {
      const before = await seen();
      await kind.remove(
        machine(),
        live.filter((one) => one.address === first.address),
      );
      assertSame(await seen(), before, "somebody else's was removed");
    });
    await removeAll(kind);
  },
};

async function withForeign(prove: () => Promise<void>): Promise<void> {
  sh(bench.foreign);
  try {
    await prove();
  } finally {
    sh(bench.foreignAway ?? bench.takeAway);
  }
}

function halfDoneRule(script: string): () => Promise<void> {
  return async () => {
    sh(script);
    check(await converge(kind));
    await assertAsWanted();
    await removeAll(kind);
  };
}

async function judge(rule: string, prove: () => Promise<void>): Promise<void> {
  const error = await prove().then(
    () => undefined,
    (reason: unknown) => (reason instanceof Error ? reason.stack : String(reason)),
  );
  process.stdout.write(`${JSON.stringify({ rule, error })}\n`);
}

for (const ground of groundsOf(kind)) check(await converge(ground));
for (const [rule, prove] of Object.entries(RULES)) await judge(rule, prove);
for (const script of bench.halfDone) await judge(`made whole after: ${script}`, halfDoneRule(script));
