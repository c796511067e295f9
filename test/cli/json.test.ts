import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import { createMachine, noLive, type Ran } from '../machine.ts';
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
  assert.deepEqual(typesOf(left), ['left', 'resumed', 'change', 'planned']);
  for (const event of left) checkKeys(event);
  await machine.ob('release', 'client');

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
