import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { Condition, ConditionType } from '../../src/cli/conditions.ts';
import { isWell, type Status, statusOf } from '../../src/cli/status.ts';
import { statusLines } from '../../src/cli/status-table.ts';
import { createPaint } from '../../src/cli/style.ts';
import { golden } from '../golden.ts';
import { readRecording } from '../planner/recorded.ts';

const GOLDEN = fileURLToPath(new URL('../../fixtures/status', import.meta.url));

/** The status of a subhost on a recorded machine: see fixtures/plans. */
async function statusIn(recording: string, name = 'web'): Promise<Status> {
  const { file, plan, world } = await readRecording(recording);
  const status = statusOf(file.scope, plan, world).find((one) => one.name === name);
  assert(status, `no status of ${name}`);
  return status;
}

test('a subhost that is as wanted is running, and all that there is to know is told', async () => {
  const { conditions, ...status } = await statusIn('nothing-to-do');
  assert.deepEqual(
    conditions.map(({ type, status: is, reason, message }) => `${type} ${is} ${reason}: ${message}`),
    [
      'Ready True Running: it runs, and all that it needs is there',
      'Network True CablesUp: 2 cables are up',
      'Root True Mounted: its root is mounted',
      'Services True Started: networking started, httpd started',
      'InSync True AsWanted: it is as the file says',
      'LowerChanged Unknown NotKept: nobody has kept what / was when its root was mounted',
      'Held False NotHeld: ob looks after it',
      'Stalled False NoTrouble: no repair has failed',
    ],
  );
  assert.deepEqual(status, {
    name: 'web',
    scope: 'demo',
    state: 'running',
    pid1: 41,
    uptime_s: 1,
    memory_bytes: null,
    memory_from: null,
    memory_limit_bytes: null,
    oom_kills: null,
    pids_limit: null,
    pids: null,
    cables: [
      { name: 'web0', state: 'up', bridge: 'ob0' },
      { name: 'web1', state: 'up', bridge: 'br0' },
    ],
    services: [
      { name: 'networking', state: 'started' },
      { name: 'httpd', state: 'started' },
    ],
    ended: null,
    notes: [],
  });
  assert.equal(isWell({ ...status, conditions }), true);
});

const STATES: readonly (readonly [recording: string, state: Status['state'], notes: readonly string[]])[] = [
  ['ram-size', 'drifted', ['differs from the file: process/web']],
  ['cable-gone', 'drifted', ['differs from the file: veth/web1']],
  ['root-covered', 'drifted', ['differs from the file: mount/web']],
  ['start-failed', 'failed', ['httpd failed (exit 127)']],
  ['starting', 'starting', ['networking starting', 'httpd waiting']],
  ['pid1-dead', 'stopped', []],
  ['netns-gone', 'drifted', ['differs from the file: netns/web, veth/web0, veth/web1']],
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

/** A line for each condition that is not as it is of a subhost that is well. */
function unusual({ conditions }: Status): string[] {
  const usual = ({ type, status }: Condition): boolean =>
    type === 'LowerChanged' ? status !== 'True' : status === (type === 'Held' || type === 'Stalled' ? 'False' : 'True');
  return conditions
    .filter((one) => !usual(one))
    .map((one) => `  ${one.type.padEnd(8)} ${one.status.padEnd(7)} ${one.reason}: ${one.message}`);
}

const RECORDINGS =
  'bridge-gone bridge-down bridge-without-mark cable-gone cable-mtu cable-removed cable-renamed-inside cable-unplugged empty-machine ' +
  'foreign-link inner-mount-gone lower-tree-changed lower-tree-changed-warn lower-tree-changing netns-residue own-tree-missing pid1-dead ram-size root-covered root-gone root-read-only root-read-only-inside ' +
  'start-failed start-nothing starting subhost-removed upper-moved';

test('the conditions of subhosts on recorded machines are those that a person has read', async () => {
  const parts: string[] = [];
  for (const recording of RECORDINGS.split(' ')) {
    const { file, plan, world } = await readRecording(recording);
    const all = statusOf(file.scope, plan, world);
    parts.push([recording, ...all.flatMap((one) => [`${one.name}: ${isWell(one) ? 'well' : 'not well'}`, ...unusual(one)])].join('\n'));
  }
  golden(`${GOLDEN}/conditions.txt`, `${parts.join('\n\n')}\n`);
});

async function conditionIn(type: ConditionType, beside: Parameters<typeof statusOf>[3], recording = 'nothing-to-do'): Promise<Condition> {
  const { file, plan, world } = await readRecording(recording);
  const status = statusOf(file.scope, plan, world, beside).find(({ name }) => name === 'web');
  const found = status?.conditions.find((one) => one.type === type);
  assert.ok(found);
  return found;
}

const AT = '2026-11-24T22:00:00.000Z';

test('what is kept of a subhost is told by its conditions, with its time', async () => {
  const kept = (state: 'held' | 'stopped' | 'backing-off' | 'stalled'): Parameters<typeof statusOf>[3] => ({
    kept: new Map([['web', { state, message: `web is ${state}`, since: AT }]]),
  });
  assert.deepEqual(await conditionIn('Held', kept('held')), {
    type: 'Held',
    status: 'True',
    reason: 'HeldByPerson',
    message: 'web is held',
    since: AT,
  });
  assert.deepEqual(await conditionIn('Stalled', kept('stalled')), {
    type: 'Stalled',
    status: 'True',
    reason: 'RepairsFailed',
    message: 'web is stalled',
    since: AT,
  });
  const backing = await conditionIn('Stalled', kept('backing-off'));
  assert.deepEqual([backing.status, backing.reason], ['False', 'BackingOff']);
  const stopped = await conditionIn('Ready', kept('stopped'), 'pid1-dead');
  assert.deepEqual([stopped.status, stopped.reason, stopped.since], ['False', 'Stopped', AT]);
  assert.equal((await conditionIn('Ready', kept('stopped'))).status, 'True', 'it runs again');
});

test('one that is stalled is not well even if it runs; one that is held is, if it is as wanted', async () => {
  const { file, plan, world } = await readRecording('nothing-to-do');
  const wellIf = (state: 'held' | 'stalled'): boolean =>
    statusOf(file.scope, plan, world, { kept: new Map([['web', { state, message: '', since: null }]]) }).every(isWell);
  assert.deepEqual([wellIf('held'), wellIf('stalled')], [true, false]);
});

test('without a file nothing is compared, and what can be seen is told all the same', async () => {
  const { file, plan, world } = await readRecording('root-gone');
  const [, web] = statusOf(file.scope, { ...plan, changes: [] }, world, { isCompared: false });
  assert.deepEqual(
    web?.conditions.map(({ type, status, reason }) => `${type} ${status} ${reason}`),
    [
      'Ready True Running',
      'Network True CablesUp',
      'Root Unknown NotSeen',
      'Services True Started',
      'InSync Unknown NotCompared',
      'LowerChanged Unknown NotKept',
      'Held False NotHeld',
      'Stalled False NoTrouble',
    ],
  );
});

test('the table has 80 columns and the notes beneath it too; the wide one has the conditions', async () => {
  const { file, plan, world } = await readRecording('cable-gone');
  const usage = {
    memory: { bytes: 1_395_864_371, from: 'cgroup' as const, limit: 2 ** 31 },
    pids: { count: 1234, limit: 2048 },
    oomKills: 2,
  };
  const all = statusOf(file.scope, plan, world, { usage: () => usage });
  const paint = createPaint({}, {});
  const lines = statusLines(all, false, paint);
  golden(`${GOLDEN}/table.txt`, `${[...lines, '', ...statusLines(all, true, paint)].join('\n')}\n`);
  assert.ok(lines.every((line) => line.length <= 80));
});

test('a tree below that has changed is told with its newest packages, and is no reason to call a subhost not well', async () => {
  const { file, plan, world } = await readRecording('lower-tree-changed-warn');
  const asked: string[] = [];
  const packages = (root: string, seconds: number): string[] => {
    asked.push(`${root} ${seconds}`);
    return ['libc6', 'openssl', 'tzdata', 'zlib1g', 'adduser'];
  };
  const [db, web] = statusOf(file.scope, plan, world, { packages });
  const conditionOf = (status: Status | undefined): Condition | undefined => status?.conditions.find(({ type }) => type === 'LowerChanged');
  assert.deepEqual(conditionOf(web), {
    type: 'LowerChanged',
    status: 'True',
    reason: 'Changed',
    message: '/ has changed since its root was mounted (libc6, openssl, tzdata and 2 more): what runs may see some of it old and some new',
    since: '2026-11-24T00:00:00.000Z',
  });
  assert.deepEqual(web?.notes, ['/ has changed below it: ob restart web shows it all of that']);
  assert.equal(isWell(web), true);
  // Whose tree is as it was is not asked for packages.
  assert.deepEqual([conditionOf(db)?.reason, asked], ['NotKept', ['/ 1']]);
});

test('a service that was started and is dead is told as that', async () => {
  const { file, plan, world } = await readRecording('nothing-to-do');
  const live = new Map(world.live);
  const before = live.get('process/web');
  assert.ok(before);
  live.set('process/web', { ...before, fields: { ...before.fields, dead_services: ['httpd'] } });
  const web = statusOf(file.scope, plan, { ...world, live }).find(({ name }) => name === 'web');
  assert.deepEqual(web?.services, [
    { name: 'networking', state: 'started' },
    { name: 'httpd', state: 'dead' },
  ]);
  const services = web?.conditions.find(({ type }) => type === 'Services');
  assert.deepEqual([services?.status, services?.reason, services?.message], ['False', 'Dead', 'httpd dead']);
});
