import assert from 'node:assert/strict';
import test from 'node:test';
import type { Event } from '../../../src/cli/events.ts';
import { condense, createTeller, type Told } from '../../../src/cli/watch/tell.ts';

const change = (address: string): Event => ({
  type: 'change',
  address,
  subhost: 'web',
  action: 'update',
  summary: '',
  fields: [{ field: 'up', old: false, new: true }],
  because: [],
});
const step = (type: 'done' | 'failed', address: string, error?: string): Event => ({
  type,
  verb: 'converge',
  action: 'update',
  address,
  subhost: 'web',
  seconds: 0.5,
  ...(error === undefined ? {} : { error }),
});

test('of a run, only what was put right and what went wrong is told', () => {
  const events: Event[] = [
    change('veth/web0'),
    change('veth/web1'),
    change('veth/web2'),
    { type: 'planned', counts: { update: 3 }, blocked: 0, unchanged: 1, steps: 3 },
    step('done', 'veth/web0'),
    step('failed', 'veth/web1', 'no'),
    step('done', 'veth/web2'),
    { type: 'differs', address: 'veth/web2', path: 'veth/web2.up', wanted: true, seen: false },
    { type: 'recap', subhosts: [], seconds: 1 },
  ];
  assert.deepEqual(
    condense(events).map((told) => [told.type, 'address' in told ? told.address : '']),
    [
      ['repair', 'veth/web0'],
      ['failed', 'veth/web1'],
      ['differs', 'veth/web2'],
    ],
  );
});

test('what is wrong is told once, and again when it had been right', () => {
  const lines: string[] = [];
  const teller = createTeller(
    (line) => lines.push(line),
    () => new Date(0),
  );
  const blocked: Told = { type: 'blocked', address: 'veth/web0', what: 'a link', hint: 'remove it' };
  const warning: Told = { type: 'warning', message: 'a.conf:1: passed over' };
  for (const told of [blocked, warning, blocked, warning]) teller.tell(told);
  assert.deepEqual(lines, [
    '{"time":"1970-01-01T00:00:00.000Z","type":"blocked","address":"veth/web0","what":"a link","hint":"remove it"}',
    '{"time":"1970-01-01T00:00:00.000Z","type":"warning","message":"a.conf:1: passed over"}',
  ]);
  const repair = { type: 'repair', address: 'veth/web0', subhost: 'web', action: 'create', fields: [], because: [], seconds: 0 } as const;
  for (const told of [repair, blocked, repair, repair]) teller.tell(told);
  assert.equal(lines.length, 6, 'repairs are told each, and what went wrong after one is news');
  teller.forget();
  for (const told of [blocked, warning]) teller.tell(told);
  assert.equal(lines.length, 7);
});
