import assert from 'node:assert/strict';
import { test } from 'node:test';
import { tellCauses, type WasWanted } from '../../src/planner/cause.ts';
import { listDesired } from '../../src/planner/live.ts';
import { makePlan, type Plan } from '../../src/planner/plan.ts';
import { kinds } from '../../src/resources/index.ts';
import type { Address } from '../../src/resources/kind.ts';
import { readRecording } from './recorded.ts';

/** All that a recorded plan wants, as a run that went well leaves it. */
async function wantedIn(name: string): Promise<Map<Address, WasWanted>> {
  const { file } = await readRecording(name);
  return new Map(listDesired(kinds, file).map(({ address, subhost, fields }) => [address, { subhost, fields }]));
}

/** ADDRESS or ADDRESS.FIELD, and its cause. */
function causesIn(plan: Plan): string[] {
  return plan.changes.flatMap(({ address, action, cause, fields }) => {
    if (action === 'none') return [];
    return fields.length > 0 ? fields.map((one) => `${address}.${one.field}: ${one.cause}`) : [`${address}: ${cause}`];
  });
}

async function causes(name: string, wanted: ReadonlyMap<Address, WasWanted>): Promise<string[]> {
  return causesIn(tellCauses((await readRecording(name)).plan, wanted));
}

test('what was wanted already, and is not so, has drifted', async () => {
  const wanted = await wantedIn('nothing-to-do');
  assert.deepEqual(await causes('bridge-down', wanted), ['bridge/ob0.up: drift']);
  const gone = await causes('empty-machine', wanted);
  assert.ok(gone.length > 5 && gone.every((line) => line.endsWith(': drift')), gone.join('\n'));
});

test('what was wanted otherwise is a change of the file, also where the object has drifted too', async () => {
  const wanted = await wantedIn('nothing-to-do');
  const bridge = wanted.get('bridge/ob0');
  assert.ok(bridge);
  const other = new Map([...wanted, ['bridge/ob0', { ...bridge, fields: { ...bridge.fields, up: false } }] as const]);
  assert.deepEqual(await causes('bridge-down', other), ['bridge/ob0.up: change']);
  const before = new Map([...wanted].filter(([address]) => address !== 'veth/web0'));
  const made = (await causes('empty-machine', before)).filter((line) => line.startsWith('veth/web'));
  assert.deepEqual(made, ['veth/web0: change', 'veth/web1: drift']);
});

test('what the file no longer names is a change, what nobody ever wanted has come by itself', async () => {
  const wanted = await wantedIn('nothing-to-do');
  const { world } = await readRecording('nothing-to-do');
  const plan = makePlan(kinds, [], world);
  assert.ok(causesIn(tellCauses(plan, wanted)).every((line) => line.endsWith(': change')));
  const less = new Map([...wanted].filter(([address]) => address !== 'mount/db'));
  assert.deepEqual(
    causesIn(tellCauses(plan, less)).filter((line) => line.endsWith(': drift')),
    ['mount/db: drift'],
  );
});

test('of what nothing is known nothing is said', async () => {
  assert.deepEqual(await causes('bridge-down', new Map()), ['bridge/ob0.up: undefined']);
  const wanted = await wantedIn('nothing-to-do');
  const db = new Map([...wanted].filter(([, { subhost }]) => subhost !== 'web'));
  const web = (await causes('empty-machine', db)).filter((line) => /\/web/.test(line));
  assert.ok(web.length > 0 && web.every((line) => line.endsWith(': undefined')), web.join('\n'));
});

test('the steps are told the same as the changes', async () => {
  const { plan } = await readRecording('bridge-down');
  const told = tellCauses(plan, await wantedIn('nothing-to-do'));
  for (const { change } of told.steps) assert.ok(told.changes.includes(change));
});
