import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import { createMachine, noLive, type Ran, type TestMachine } from '../machine.ts';
import { HOSTS, holdApply, letGo, linesOf } from './helpers.ts';

const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { version: string };

type Event = { readonly type: string } & Readonly<Record<string, unknown>>;

/** Every line is an object, the first says what is to come. */
function eventsOf({ stdout }: Ran, command: string): Event[] {
  assert.ok(stdout.endsWith('\n'), 'the last line is cut short');
  const [first, ...rest] = linesOf(stdout).map((line) => JSON.parse(line) as Event);
  assert.deepEqual(first, { type: 'version', format: 1, ob: version, command });
  return rest;
}

function typesOf(events: readonly Event[]): string[] {
  return [...new Set(events.map((event) => event.type))];
}

/** What src/cli/events.ts documents: each type and its keys; `?` where it may be missing. */
const KEYS: Readonly<Record<string, string>> = {
  change: 'type address subhost action cause? summary fields because',
  blocked: 'type address what hint',
  planned: 'type counts blocked unchanged steps',
  start: 'type verb address',
  say: 'type address text',
  done: 'type verb action address subhost seconds notes?',
  failed: 'type verb action address subhost seconds notes? error hint?',
  skipped: 'type verb action address subhost seconds because',
  differs: 'type address path wanted seen',
  recap: 'type subhosts seconds',
  armed: 'type seconds',
  confirm: 'type seconds',
  confirmed: 'type by seconds',
  rollback: 'type why by',
  'rolled-back': 'type ok',
  waiting: 'type for seconds',
  left: 'type subhost state until why message hint',
  resumed: 'type subhost state until why message hint',
  interrupted: 'type',
  error: 'type message hint?',
};

function checkKeys(event: Event): void {
  const keys = KEYS[event.type]?.split(' ') ?? assert.fail(`no such type of event: ${event.type}`);
  for (const key of keys) assert.ok(key.endsWith('?') || key in event, `${event.type} without ${key}`);
  for (const key in event) assert.ok(keys.includes(key) || keys.includes(`${key}?`), `${event.type} with ${key}`);
}

/** The way back, waited for and gone: the subhost "bad" fails in each of these runs. */
async function checkBack(machine: TestMachine): Promise<void> {
  const file = machine.read('/mnt/hosts.yaml').replace('10.77.0.2/24', '10.77.0.22/24');
  machine.write('/mnt/hosts.yaml', file);
  const pending = eventsOf(await machine.ob('apply', '--json', '--confirm', '10m'), 'apply');
  const kept = eventsOf(await machine.ob('confirm', '--json'), 'confirm');
  machine.write('/mnt/hosts.yaml', file.replace('10.77.0.22/24', '10.77.0.33/24'));
  const back = eventsOf(await machine.ob('apply', '--json', '--rollback-on-failure'), 'apply');
  assert.ok(typesOf(pending).includes('armed') && pending.at(-1)?.type === 'confirm', typesOf(pending).join());
  assert.equal(kept.at(-1)?.type, 'confirmed');
  assert.ok(typesOf(back).includes('rollback'));
  // What failed before the run fails after it too.
  assert.deepEqual(back.at(-1), { type: 'rolled-back', ok: false });
  for (const event of [...pending, ...kept, ...back]) checkKeys(event);
}

test('--json prints an event a line, of the documented types and keys', { skip: noLive }, async (t) => {
  const machine = await createMachine(t);
  machine.write('/mnt/hosts.yaml', HOSTS.replace('  web:', '  bad: { base: /var/lib/ob/bad, start: [nonsense] }\n  web:'));
  const plan = eventsOf(await machine.ob('plan', '--json'), 'plan');
  assert.deepEqual(typesOf(plan), ['change', 'planned']);

  const ran = await machine.ob('apply', '--json');
  assert.deepEqual([ran.code, ran.stderr], [1, '']);
  const apply = eventsOf(ran, 'apply');
  assert.deepEqual(apply.slice(0, plan.length), plan, 'the plan that is run is the plan that was shown');
  assert.deepEqual(typesOf(apply).sort(), ['change', 'done', 'failed', 'planned', 'recap', 'say', 'start']);
  for (const event of apply) checkKeys(event);
  const ends = apply.filter(({ type }) => type === 'done' || type === 'failed');
  const planned = apply.find(({ type }) => type === 'planned');
  assert.equal(ends.length, planned?.['steps'], 'every step has one end');
  assert.deepEqual(apply.at(-1)?.['subhosts'], [
    { subhost: null, ok: 0, changed: 1, failed: 0, skipped: 0 },
    { subhost: 'bad', ok: 0, changed: 2, failed: 1, skipped: 0 },
    { subhost: 'client', ok: 0, changed: 4, failed: 0, skipped: 0 },
    { subhost: 'web', ok: 0, changed: 4, failed: 0, skipped: 0 },
  ]);

  await machine.ob('hold', 'client');
  await machine.ob('stop', 'web');
  const left = eventsOf(await machine.ob('plan', '--json'), 'plan');
  // The subhost "bad" may be resumed too, for the second after its failure.
  assert.deepEqual(typesOf(left).toSorted(), ['change', 'left', 'planned', 'resumed']);
  for (const event of left) checkKeys(event);
  await machine.ob('release', 'client');

  await checkBack(machine);
  const destroy = await machine.ob('destroy', '--json');
  assert.equal(destroy.code, 0);
  for (const event of eventsOf(destroy, 'destroy')) checkKeys(event);
});

test('with --json errors are events, on stderr too, and exit codes stay', { skip: noLive }, async (t) => {
  const machine = await createMachine(t);
  const check = async (words: readonly string[], code: number, message: RegExp): Promise<void> => {
    const ran = await machine.ob(...words, '--json');
    const [error, ...more] = eventsOf(ran, words[0] ?? '');
    assert.deepEqual([ran.code, error?.type, more], [code, 'error', []], `${words}: ${ran.stdout}`);
    checkKeys(error as Event);
    assert.match(String(error?.['message']), message);
    assert.ok(ran.stderr.includes(String(error?.['message'])), ran.stderr);
  };
  await check(['apply'], 65, /^no hosts file/);
  machine.write('/mnt/hosts.yaml', 'subhosts: { web: { bse: x } }\n');
  for (const command of ['plan', 'apply', 'destroy'])
    await check([command], 65, /^hosts.yaml:1:13: .*\nhosts.yaml:1:20: unknown key "bse"/);
  machine.write('/mnt/hosts.yaml', HOSTS);
  await check(['plan', '--limit', 'wen'], 64, /^there is no subhost "wen"; did you mean "web"\?$/);

  const held = await holdApply(machine);
  await check(['apply'], 75, new RegExp(`^another run is under way: process ${held.pid} \\(ob apply\\)$`));
  await letGo(machine);
  await held.ended;
});

test('what is in the way is an event, and nothing is done', { skip: noLive }, async (t) => {
  const machine = await createMachine(t);
  machine.write('/mnt/hosts.yaml', HOSTS);
  await machine.sh('ip link add web0 type bridge');
  for (const command of ['plan', 'apply']) {
    const ran = await machine.ob(command, '--json');
    assert.deepEqual([ran.code, ran.stderr], [1, '']);
    const events = eventsOf(ran, command);
    for (const event of events) checkKeys(event);
    assert.deepEqual(typesOf(events), ['change', 'blocked', 'planned']);
    const blocked = events.find(({ type }) => type === 'blocked');
    assert.equal(blocked?.['address'], 'veth/web0');
  }
  assert.equal(await machine.sh('ls /run /var/lib'), '/run:\nmount\n\n/var/lib:', 'something was made');
});

test('what a person reads is drawn from the same events', { skip: noLive }, async (t) => {
  const machine = await createMachine(t);
  machine.write('/mnt/hosts.yaml', HOSTS);
  const text = linesOf((await machine.ob('plan')).stdout);
  const changes = eventsOf(await machine.ob('plan', '--json'), 'plan').filter(({ type }) => type === 'change');
  assert.equal(text.length, changes.length + 1);
  for (const [index, { address }] of changes.entries()) assert.equal(text[index]?.split(/ +/)[1], address);
});
