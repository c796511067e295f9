import assert from 'node:assert/strict';
import test from 'node:test';
import type { Event } from '../../src/cli/events.ts';
import { createQuiet } from '../../src/cli/quiet.ts';
import { createMachine, noLive, type Ran } from '../machine.ts';
import { HOSTS, holdApply, letGo, linesOf, OB, waitOver } from './helpers.ts';

function refuseWords(ran: Ran, code = 0): void {
  assert.deepEqual(ran, { code, stdout: '', stderr: '' });
}

test('apply --quiet says nothing when nothing was wrong, and a line for each thing that it did', { skip: noLive }, async (t) => {
  const machine = await createMachine(t);
  machine.write('/mnt/hosts.yaml', HOSTS);
  const first = await machine.ob('apply', '--quiet');
  assert.deepEqual([first.code, first.stderr], [0, '']);
  assert.equal(linesOf(first.stdout).length, 9);
  for (const line of linesOf(first.stdout)) assert.match(line, /^made {6}\w+\/\w+( {2}|$)/);
  assert.match(first.stdout, /^made {6}veth\/web0 {2}eth0, bridge ob0, 10\.77\.0\.2\/24$/m);
  refuseWords(await machine.ob('apply', '-q'));
  refuseWords(await machine.ob('plan', '--quiet', '--detailed-exitcode'));

  await t.test('one repair is one line', async () => {
    await machine.sh('ip link set web0 down; ip link set client0 nomaster');
    const pending = await machine.ob('plan', '--quiet', '--detailed-exitcode');
    assert.equal(pending.code, 2);
    assert.match(pending.stdout, /^~ {3}veth\/client0\n(.*\n)+Plan: 2 to update; 7 unchanged\.\n$/);
    const ran = await machine.ob('apply', '--quiet');
    assert.deepEqual([ran.code, ran.stderr], [0, '']);
    assert.deepEqual(linesOf(ran.stdout), [
      'changed   veth/client0  bridge: none -> ob0 (drift)',
      'changed   veth/web0  up: false -> true (drift)',
    ]);
    refuseWords(await machine.ob('apply', '--quiet'));
  });

  await t.test('a restart is one line, though it takes two steps', async () => {
    machine.write('/mnt/hosts.yaml', HOSTS.replace('10M', 'none'));
    const ran = await machine.ob('apply', '--quiet', '--limit', 'web');
    assert.deepEqual(linesOf(ran.stdout), ['restarted process/web  run_in_memory: yes -> no (change)']);
  });

  await t.test('what has left the file is told as removed', async () => {
    machine.write('/mnt/hosts.yaml', HOSTS.replace('10M', 'none').replace(/ {2}client: .*\n/, ''));
    const { stdout } = await machine.ob('apply', '--quiet');
    const removed = ['netns/client', 'veth/client0', 'mount/client', 'process/client'].map((address) => `removed   ${address}  (change)`);
    assert.deepEqual(linesOf(stdout), removed);
  });
});

test('apply --quiet says everything when something fails or is in the way', { skip: noLive }, async (t) => {
  const machine = await createMachine(t);
  machine.write('/mnt/hosts.yaml', HOSTS.replace('base: /var/lib/ob/web,', 'base: /var/lib/ob/web, start: [/bin/false],'));
  const failed = await machine.ob('apply', '--quiet');
  assert.equal(failed.code, 1);
  for (const line of [
    /^\+ {3}process\/web /m,
    /^Plan: 9 to create/m,
    /^made {5}veth\/client0$/m,
    /^FAILED {3}process\/web: /m,
    /^web .* 1 +0$/m,
  ])
    assert.match(failed.stdout, line);
  await waitOver(machine, 'web');
  const again = await machine.ob('apply', '--quiet');
  assert.match(again.stdout, /^FAILED {3}process\/web: \/bin\/false start: exit 1/m, 'it is told again, each time that it is tried');

  machine.write('/mnt/hosts.yaml', `${HOSTS}  other: { base: /var/lib/ob/other, cables: [{}] }\n`);
  await machine.sh('ip link add other0 type bridge');
  for (const command of ['plan', 'apply']) {
    const blocked = await machine.ob(command, '--quiet');
    assert.equal(blocked.code, 1);
    assert.match(blocked.stdout, /^in the way: link other0 \(bridge\)(.*\n)+Plan: nothing will be done while this is in the way\.$/m);
  }
  machine.write('/mnt/hosts.yaml', HOSTS.replace('10.77.0.3', '10.77.0.333'));
  const bad = await machine.ob('apply', '--quiet');
  assert.deepEqual([bad.code, bad.stdout], [65, '']);
  assert.match(bad.stderr, /^hosts\.yaml:6:\d+: /);
});

test('another run at work is no news: exit 75 without a word, unless it has been at it for an hour', { skip: noLive }, async (t) => {
  const machine = await createMachine(t);
  const held = await holdApply(machine);
  refuseWords(await machine.ob('apply', '--quiet'), 75);
  refuseWords(await machine.ob('apply', '--quiet', '--json', '--lock-timeout', '0.1'), 75);
  await machine.sh('touch -d "2 hours ago" /run/ob/lock');
  const stuck = await machine.ob('apply', '--quiet');
  assert.deepEqual([stuck.code, stuck.stdout], [75, '']);
  assert.match(stuck.stderr, /^ob: another run is under way: process \d+ \(ob apply\)\n/);
  await letGo(machine);
  await held.ended;
});

test('apply --quiet needs no terminal, HOME, PATH or folder', { skip: noLive }, async (t) => {
  const machine = await createMachine(t);
  machine.write('/mnt/hosts.yaml', HOSTS);
  const run = (): Promise<Ran> => machine.run(OB, ['apply', '--quiet', '/mnt/hosts.yaml'], { env: {}, cwd: '/' });
  assert.equal(linesOf((await run()).stdout).length, 9);
  refuseWords(await run());
});

test('what is passed over in a file of overlay-boot is no news either, unless something fails', { skip: noLive }, async (t) => {
  const machine = await createMachine(t);
  const conf = 'NAME=web\nBASE=/var/lib/ob/web\nSTART=none\nFROBNICATE=yes\n';
  machine.write('/mnt/web.conf', conf);
  const loud = await machine.ob('plan', 'web.conf');
  assert.match(loud.stderr, /^web\.conf:4: there is no variable FROBNICATE/);
  assert.equal((await machine.ob('apply', '--quiet', 'web.conf')).stderr, '');
  refuseWords(await machine.ob('apply', '--quiet', 'web.conf'));
  machine.write('/mnt/web.conf', conf.replace('none', '/bin/false'));
  const failed = await machine.ob('apply', '--quiet', 'web.conf');
  assert.deepEqual([failed.code, failed.stderr], [1, loud.stderr]);
});

test('--json --quiet prints every event of a run that did something, and none of one that did not', { skip: noLive }, async (t) => {
  const machine = await createMachine(t);
  machine.write('/mnt/hosts.yaml', HOSTS);
  const typesOf = ({ stdout }: Ran): string[] => linesOf(stdout).map((line) => (JSON.parse(line) as Event).type);
  const types = typesOf(await machine.ob('apply', '--quiet', '--json'));
  assert.deepEqual([types[0], types.at(-1), types.filter((type) => type === 'done').length], ['version', 'recap', 9]);
  refuseWords(await machine.ob('apply', '--quiet', '--json'));
  const lost = await machine.ob('apply', '--quiet', '--json', 'lost.yaml');
  assert.deepEqual([lost.code, typesOf(lost)], [65, ['version', 'error']]);
});

const STEP = { verb: 'converge', action: 'update', address: 'veth/web0', subhost: 'web', seconds: 0 } as const;
const PLAN: readonly Event[] = [
  {
    type: 'change',
    address: 'veth/web0',
    subhost: 'web',
    action: 'update',
    summary: '',
    fields: [{ field: 'up', old: false, new: true }],
    because: [],
  },
  { type: 'planned', counts: { update: 1 }, blocked: 0, unchanged: 0, steps: 1 },
];
const RECAP: Event = { type: 'recap', subhosts: [], seconds: 0 };

/** How many of the events are told in full, and which lines instead. */
function hear(events: readonly Event[]): { full: number; lines: string[] } {
  const heard = { full: 0, lines: [] as string[] };
  const quiet = createQuiet(
    () => heard.full++,
    () => {},
    (line) => heard.lines.push(line),
  );
  events.forEach(quiet.sink);
  assert.deepEqual(heard, { full: 0, lines: [] }, 'before the end nothing is said');
  quiet.stop();
  quiet.stop();
  return heard;
}

test('a run that came to a good end is told in lines, any other in full', () => {
  const well: readonly Event[] = [...PLAN, { type: 'done', ...STEP }, RECAP];
  assert.deepEqual(hear(well), { full: 0, lines: ['changed   veth/web0  up: false -> true'] });
  const bad: readonly (readonly Event[])[] = [
    [...PLAN, { type: 'failed', ...STEP, error: 'no' }, RECAP],
    [...PLAN, { type: 'skipped', ...STEP, because: 'interrupted' }, RECAP],
    [...PLAN, { type: 'done', ...STEP }, { type: 'differs', address: 'veth/web0', path: 'veth/web0.up', wanted: true, seen: false }, RECAP],
    [...PLAN, { type: 'interrupted' }, { type: 'done', ...STEP }, RECAP],
    [...PLAN, { type: 'done', ...STEP }],
    PLAN,
  ];
  for (const events of bad) assert.deepEqual(hear(events), { full: events.length, lines: [] }, events.map(({ type }) => type).join(' '));
});

test('what begins and ends with nothing to do is silent, also after waiting for another run', () => {
  const nothing: Event = { type: 'planned', counts: {}, blocked: 0, unchanged: 9, steps: 0 };
  assert.deepEqual(hear([{ type: 'waiting', for: 'process 7', seconds: 9 }, nothing]), { full: 0, lines: [] });
  assert.deepEqual(hear([]), { full: 0, lines: [] });
});
