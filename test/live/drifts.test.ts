import assert from 'node:assert/strict';
import test from 'node:test';
import { noLive } from '../machine.ts';
import { assertSame } from '../snapshot.ts';
import { driftHosts, lackingFor, prepareDrifts, SORTS } from './drift-hosts.ts';
import { DRIFTS, type Drift, driftsOf, scriptOf } from './drifts.ts';
import { openPlans, type Plans } from './plans.ts';
import { createRig, type Rig, textOf } from './rig.ts';

const NAMES = ['web', 'client'];

/** Every difference that a plan finds, each as a line: see `Drift.names`. */
async function differences(rig: Rig, expected: string): Promise<string[]> {
  const lines = (await rig.machine.ob('plan', '--json')).stdout.trim().split('\n');
  const changes: ChangeSeen[] = lines.map((line) => JSON.parse(line)).filter(({ type }) => type === 'change');
  for (const { address, action, cause, fields, because } of changes) {
    const told = action === 'create' || fields.length === 0 ? [{ field: '', cause }] : fields;
    for (const one of because.length > 0 && fields.length === 0 ? [] : told) assert.equal(one.cause, expected, `${address} ${one.field}`);
  }
  return changes.flatMap(linesOf);
}

interface ChangeSeen {
  readonly action: string;
  readonly address: string;
  readonly cause?: string;
  readonly because: readonly string[];
  readonly fields: readonly { readonly field: string; readonly cause?: string; readonly old?: unknown; readonly new?: unknown }[];
}

function linesOf({ action, address, fields }: ChangeSeen): string[] {
  if (action === 'create') return [`+ ${address}`];
  if (action === 'remove') return [`- ${address}`];
  return fields.map((one) => `${address} ${one.field}: ${show(one.old)} -> ${show(one.new)}`);
}

function show(value: unknown): string {
  return Array.isArray(value) ? `[${value.join(', ')}]` : String(value ?? 'none');
}

for (const sort of SORTS)
  test(`${sort}: every drift is planned, repaired under what runs where that is possible, and then nothing is to do`, {
    skip: lackingFor(sort),
  }, async (t) => {
    const plans = openPlans(`drifts-${sort}.txt`);
    const rig = await createRig(t, { limits: sort === 'limited' || sort === 'v1' });
    await rig.machine.sh(prepareDrifts(NAMES));
    rig.hosts(driftHosts(NAMES, () => sort));
    await rig.apply();
    const healthy = await rig.seen(...NAMES);
    for (const drift of driftsOf(sort))
      await t.test(drift.what, async () => {
        const before = rig.pid1('web');
        await rig.machine.sh(scriptOf(drift, 'web', 'client'));
        const found = await differences(rig, drift.cause ?? 'drift');
        assert.ok(found.includes(drift.names), `${drift.names}\nis not in\n${found.join('\n')}`);
        if (drift.undo) await isRefused(rig, drift, drift.undo, plans);
        else {
          plans.check(drift.what, await rig.plan());
          await rig.apply();
        }
        await rig.settled();
        assert.deepEqual(await rig.seen(...NAMES), healthy);
        assert.equal(rig.pid1('web') === before, !drift.restarts, drift.restarts ? 'it was not restarted' : 'it was restarted');
      });
    plans.close();
  });

const SECOND =
  /in the way: \/mnt\/web\/root is the upper directory of another mount already: mine on \/\S*, seen by process (\d+) \(\w+\)\n/;

/** As long as it lasts the plan names who is there, and whatever runs does nothing: not even what else has ended is started. */
async function isRefused(rig: Rig, { what }: Drift, undo: string, plans: Plans): Promise<void> {
  plans.check(what, (await rig.machine.ob('plan')).stdout.replace(/process \d+ \(\w+\)/, 'process PID'));
  const count = async (): Promise<number> => Number(await rig.machine.sh('cat /proc/[0-9]*/comm 2>/dev/null | grep -cx .reaper'));
  const before = await count();
  for (const words of [['apply'], ['apply', '--quiet'], ['restart', 'web']]) {
    const ran = await rig.machine.ob(...words);
    assert.equal(ran.code, 1, textOf(ran));
    assert.match(ran.stdout, SECOND);
  }
  // One of an earlier row may have been about to end.
  assert.ok((await count()) <= before);
  await rig.machine.sh(scriptOf({ inject: undo }, 'web', 'client'));
}

test('while a second PID 1 is on the upper directory, ours is not started beside it', { skip: noLive }, async (t) => {
  const rig = await createRig(t);
  await rig.machine.sh(prepareDrifts(NAMES));
  rig.hosts(driftHosts(NAMES));
  await rig.apply();
  const second = driftOf('a second PID 1 runs on the upper directory, started by other means');
  await rig.machine.sh(scriptOf(second, 'web', 'client'));
  await rig.machine.sh(scriptOf(driftOf('PID 1 is killed'), 'web', 'client'));
  for (const command of ['apply', 'start']) {
    const ran = await rig.machine.ob(command, ...(command === 'start' ? ['web'] : []));
    assert.equal(ran.code, 1, textOf(ran));
    assert.match(ran.stdout, SECOND);
  }
  assert.equal((await rig.status()).find(({ name }) => name === 'web')?.pid1, null);
  await rig.machine.sh(scriptOf({ inject: second.undo ?? '' }, 'web', 'client'));
  await rig.apply();
  await rig.settled();
});

/** Drifts after which a thing is not where, or not as, it was made. */
const MISLAID: readonly string[] = [
  'PID 1 is moved out of its cgroup, which is removed',
  'the namespace has lost its name',
  'the name of the namespace is a file',
  'the namespace is mounted over itself',
  'the namespace of another subhost is mounted over it',
  'the name is that of the namespace of another subhost',
  'a bridge has lost its alias',
  'a cable is renamed',
  'a cable has lost its group',
  'the other end of a cable is no longer inside',
  'the root is unmounted',
  'the root is covered',
];

function driftOf(what: string): Drift {
  const found = DRIFTS.find((drift) => drift.what === what);
  assert.ok(found, `there is no drift "${what}"`);
  return found;
}

test('of a root that is unmounted, all else that is wrong is seen, and mended in one run', { skip: noLive }, async (t) => {
  const rig = await createRig(t);
  await rig.machine.sh(prepareDrifts(NAMES));
  rig.hosts(driftHosts(NAMES));
  await rig.apply();
  const both = ['the root is unmounted', "a subhost's folder is open to users of the machine"].map(driftOf);
  for (const drift of both) await rig.machine.sh(scriptOf(drift, 'web', 'client'));
  assert.deepEqual((await differences(rig, 'drift')).sort(), both.map(({ names }) => names).sort());
  await rig.apply();
  await rig.settled();
});

/** Two drifts of one subhost: what is left tells less of it than either leaves. */
const PAIRS = [
  ['PID 1 is moved out of its cgroup, which is removed', 'the name of the namespace is a file'],
  ['PID 1 is killed and its cgroup is removed', 'the name of the namespace is a file'],
  ['PID 1 is moved out of its cgroup, which is removed', 'the namespace has lost its name'],
] as const;

for (const pair of PAIRS)
  test(`destroy leaves nothing where ${pair.join(', and ')}`, { skip: noLive }, async (t) => {
    const rig = await createRig(t);
    await rig.machine.sh(prepareDrifts(NAMES));
    rig.hosts(driftHosts(NAMES));
    const nothing = await rig.snapshot();
    await rig.apply();
    for (const drift of pair.map(driftOf)) await rig.machine.sh(scriptOf(drift, 'web', 'client'));
    const ran = await rig.machine.ob('destroy');
    assert.equal(ran.code, 0, textOf(ran));
    assertSame(await rig.snapshot(), nothing, 'something is left');
  });

test('destroy takes away what has drifted too', { skip: noLive }, async (t) => {
  const rig = await createRig(t, { limits: true });
  await rig.machine.sh(prepareDrifts(NAMES));
  rig.hosts(driftHosts(NAMES));
  const nothing = await rig.snapshot();
  for (const drift of MISLAID.map(driftOf))
    await t.test(drift.what, async () => {
      await rig.apply();
      await rig.machine.sh(scriptOf(drift, 'web', 'client'));
      const ran = await rig.machine.ob('destroy');
      assert.equal(ran.code, 0, textOf(ran));
      assertSame(await rig.snapshot(), nothing, 'something is left');
    });
});
