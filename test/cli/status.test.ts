import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isWell, type Status, statusOf } from '../../src/cli/status.ts';
import { readRecording } from '../planner/recorded.ts';

/** The status of a subhost on a recorded machine: see fixtures/plans. */
async function statusIn(recording: string, name = 'web'): Promise<Status> {
  const { file, plan, world } = await readRecording(recording);
  const status = statusOf(file.scope, plan, world).find((one) => one.name === name);
  assert(status, `no status of ${name}`);
  return status;
}

test('a subhost that is as wanted is running, and all that there is to know is told', async () => {
  const status = await statusIn('nothing-to-do');
  assert.deepEqual(status, {
    name: 'web',
    scope: 'demo',
    state: 'running',
    pid1: 41,
    uptime_s: 1,
    cables: [
      { name: 'web0', state: 'up', bridge: 'ob0' },
      { name: 'web1', state: 'up', bridge: 'br0' },
    ],
    services: [
      { name: 'networking', state: 'started' },
      { name: 'httpd', state: 'started' },
    ],
    notes: [],
  });
  assert.equal(isWell(status), true);
});

const STATES: readonly (readonly [recording: string, state: Status['state'], notes: readonly string[]])[] = [
  ['ram-size', 'drifted', ['differs from the file: process/web']],
  ['cable-gone', 'drifted', ['differs from the file: veth/web1']],
  ['root-covered', 'drifted', ['differs from the file: mount/web, process/web']],
  ['start-failed', 'failed', ['httpd failed (exit 127)']],
  ['starting', 'starting', ['networking starting', 'httpd waiting']],
  ['pid1-dead', 'stopped', []],
  ['netns-gone', 'drifted', ['differs from the file: netns/web, veth/web0, veth/web1, process/web']],
  ['empty-machine', 'absent', []],
];

for (const [recording, state, notes] of STATES)
  test(`${state}: ${recording}`, async () => {
    const status = await statusIn(recording);
    assert.equal(status.state, state);
    assert.deepEqual(status.notes, notes);
    assert.equal(isWell(status), false);
  });

test('a subhost that failed and differs besides says both', async () => {
  const { file, plan, world } = await readRecording('start-failed');
  const changes = plan.changes.map((change) => (change.address === 'netns/web' ? { ...change, action: 'update' as const } : change));
  const [, web] = statusOf(file.scope, { ...plan, changes }, world);
  assert.deepEqual([web?.state, web?.notes], ['failed', ['httpd failed (exit 127)', 'differs from the file: netns/web']]);
});

test('a subhost that is not in the file any more is shown with what becomes of it', async () => {
  const status = await statusIn('subhost-removed', 'db');
  assert.deepEqual([status.state, status.notes], ['drifted', ['not in the file any more: apply removes it']]);
});

test('what does not run has no PID, no uptime, no services; what is left of it is shown', async () => {
  const { pid1, uptime_s, services, cables } = await statusIn('pid1-dead');
  assert.deepEqual([pid1, uptime_s, services], [null, null, []]);
  assert.deepEqual(
    cables.map((cable) => cable.state),
    ['up', 'up'],
  );
});

test('cables are up, down or missing, in the order of their numbers', async () => {
  const states = async (recording: string): Promise<string> =>
    (await statusIn(recording)).cables.map(({ name, state, bridge }) => `${name} ${state} ${bridge}`).join(', ');
  assert.equal(await states('cable-gone'), 'web0 up ob0, web1 missing br0');
  assert.equal(await states('cable-unplugged'), 'web0 down null, web1 up br0');
  assert.equal(await states('cable-renamed-inside'), 'web0 up ob0, web1 down br0');
  assert.equal(await states('cable-added'), 'web0 up ob0, web1 up br0, web2 missing ob0');
  assert.equal(await states('empty-machine'), 'web0 missing ob0, web1 missing br0');
});

test('subhosts are listed by name, each once; what they share is none', async () => {
  const { file, plan, world } = await readRecording('subhost-renamed');
  assert.deepEqual(
    statusOf(file.scope, plan, world).map(({ name, state }) => `${name} ${state}`),
    ['db running', 'web drifted', 'www absent'],
  );
});
