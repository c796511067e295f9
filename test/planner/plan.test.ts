import assert from 'node:assert/strict';
import { test } from 'node:test';
import { planEvents } from '../../src/cli/events.ts';
import { textOf } from '../../src/cli/text.ts';
import { kindOf, listDesired } from '../../src/planner/live.ts';
import { isEmpty, makePlan, type Plan } from '../../src/planner/plan.ts';
import { kinds } from '../../src/resources/index.ts';
import type { Address } from '../../src/resources/kind.ts';
import { golden } from '../golden.ts';
import { listRecordings, PLANS, readRecording } from './recorded.ts';

/** What `ob plan` prints into a pipe; the digests of what matters at boot are others with each way of booting. */
function print(plan: Plan): string {
  return planEvents(plan)
    .flatMap((event) => textOf(event, (_, text) => text))
    .map((line) => `${line}\n`)
    .join('')
    .replace(/boot: [0-9a-f]{16} -> [0-9a-f]{16}/g, 'boot: ONE -> OTHER');
}

for (const name of listRecordings())
  test(`plan: ${name}`, async () => {
    const { plan } = await readRecording(name);
    golden(`${PLANS}/${name}/plan.txt`, print(plan));
  });

test('every field of every kind is changed in some plan', async () => {
  const changed = new Set<string>();
  for (const name of listRecordings())
    for (const { address, fields } of (await readRecording(name)).plan.changes)
      for (const { field } of fields) changed.add(`${kindOf(address)}.${field}`);
  const missing = kinds
    .flatMap((kind) => Object.keys(kind.rules).map((field) => `${kind.name}.${field}`))
    .filter((one) => !changed.has(one));
  assert.deepEqual(missing, []);
});

test('a plan is empty where nothing has to be done and nothing is in the way', async () => {
  assert.equal(isEmpty((await readRecording('nothing-to-do')).plan), true);
  assert.equal(isEmpty((await readRecording('bridge-down')).plan), false);
  assert.equal(isEmpty((await readRecording('foreign-netns')).plan), false);
});

/** In which order what has to be done first is not shown, but matters. */
const FIRST: Readonly<Record<string, readonly (readonly [first: string, then: string])[]>> = {
  'empty-machine': [
    ['converge bridge/ob0', 'converge veth/web0'],
    ['converge netns/web', 'converge veth/web0'],
    ['converge veth/web1', 'converge process/web'],
    ['converge mount/web', 'converge process/web'],
  ],
  'nothing-wanted': [
    ['remove process/web', 'remove mount/web'],
    ['remove process/web', 'remove netns/web'],
    ['remove veth/web0', 'remove netns/web'],
  ],
  'netns-of-another-stopped': [
    ['remove process/web', 'converge process/web'],
    ['remove veth/web0', 'converge veth/web0'],
    ['converge netns/web', 'converge veth/web0'],
  ],
  'uppers-swapped': [
    ['remove process/web', 'remove mount/web'],
    ['remove mount/web', 'converge mount/db'],
    ['remove mount/db', 'converge mount/web'],
  ],
  'subhost-renamed': [['remove mount/web', 'converge mount/www']],
  'names-swapped': [
    ['remove mount/web', 'converge mount/db'],
    ['remove mount/db', 'converge mount/web'],
  ],
  'upper-handed-over': [['remove mount/web', 'converge mount/db']],
  'bridge-name-becomes-cable': [
    ['remove bridge/ob0', 'converge veth/ob0'],
    ['remove mount/web', 'converge mount/ob'],
  ],
  'overlay-becomes-own-tree': [
    ['remove process/web', 'remove mount/web'],
    ['remove mount/web', 'converge process/web'],
  ],
};

for (const [name, pairs] of Object.entries(FIRST))
  test(`order: ${name}`, async () => {
    const { plan } = await readRecording(name);
    for (const [first, then] of pairs) assert(comesBefore(plan, first, then), `${then} does not wait for ${first}`);
  });

function comesBefore(plan: Plan, first: string, then: string): boolean {
  const after = plan.steps.find((step) => step.id === then)?.after ?? new Set();
  return [...after].some((id) => id === first || comesBefore(plan, first, id));
}

test('what is left alone is not in the plan, whatever differs; what others need is', async () => {
  const { file, world } = await readRecording('empty-machine');
  const desired = listDesired(kinds, file);
  const all = makePlan(kinds, desired, world);
  const rest = makePlan(kinds, desired, world, { leave: new Set(['web']) });
  assert(all.changes.some(({ subhost }) => subhost === 'web'));
  assert.deepEqual(
    rest.changes,
    all.changes.filter(({ subhost }) => subhost !== 'web'),
  );
  assert(rest.steps.some(({ id }) => id === 'converge bridge/ob0'));
});

test('what is shared is not taken from under a subhost that is left alone', async () => {
  const { world } = await readRecording('nothing-to-do');
  const idsOf = (leave: readonly string[]): string[] => makePlan(kinds, [], world, { leave: new Set(leave) }).steps.map(({ id }) => id);
  assert(idsOf(['no-such']).includes('remove bridge/ob0'));
  const ids = idsOf(['web']);
  assert(ids.length > 0 && !ids.some((id) => id === 'remove bridge/ob0' || /\/web0?$/.test(id)), ids.join('\n'));
});

test('of what is in the way of a subhost, what explains the rest of it is told alone', async () => {
  const { file, world } = await readRecording('empty-machine');
  const desired = listDesired(kinds, file);
  const blocker = (address: Address, explains?: string) => ({ address, what: '', hint: '', ...(explains ? { explains } : {}) });
  const blockers = [blocker('netns/web'), blocker('process/web', 'web'), blocker('bridge/ob0')];
  const told = (some: typeof blockers): Address[] =>
    makePlan(kinds, desired, { ...world, blockers: some }).blockers.map(({ address }) => address);
  assert.deepEqual(told(blockers), ['process/web', 'bridge/ob0']);
  assert.deepEqual(told(blockers.slice(0, 1)), ['netns/web']);
});
