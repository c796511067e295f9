import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Event, StepEvent } from '../../src/cli/events.ts';
import { createPaint, type Paint } from '../../src/cli/style.ts';
import { table } from '../../src/cli/table.ts';
import { textOf } from '../../src/cli/text.ts';

const plain: Paint = (_, text) => text;
/** Shows what is painted, and how. */
const marked: Paint = (colour, text) => `<${colour}>${text}</>`;

function lines(event: Event, paint = plain): string {
  return textOf(event, paint).join('\n');
}

function step(options: Partial<StepEvent>): StepEvent {
  return { type: 'done', verb: 'converge', action: 'create', address: 'veth/web0', subhost: 'web', seconds: 0.1, ...options };
}

test('a step that is done is told by what it was', () => {
  const word = (verb: StepEvent['verb'], action: StepEvent['action']): string => lines(step({ verb, action }));
  assert.equal(word('converge', 'create'), 'made     veth/web0');
  assert.equal(word('converge', 'update'), 'changed  veth/web0');
  assert.equal(word('converge', 'replace'), 'made     veth/web0');
  assert.equal(word('converge', 'restart'), 'started  veth/web0');
  assert.equal(word('remove', 'restart'), 'stopped  veth/web0');
  assert.equal(word('remove', 'replace'), 'removed  veth/web0');
  assert.equal(word('remove', 'remove'), 'removed  veth/web0');
});

test('what took a second or more says so', () => {
  assert.equal(lines(step({ seconds: 0.99 })), 'made     veth/web0');
  assert.equal(lines(step({ seconds: 12.345 })), 'made     veth/web0  12.3 s');
});

test('a failure is told with the words of who failed, what to do, and notes', () => {
  const event = step({ type: 'failed', error: 'no such bridge', hint: 'make it', notes: ['one', 'two'] });
  assert.equal(lines(event), ['FAILED   veth/web0: no such bridge', '    -> make it', '    note: one', '    note: two'].join('\n'));
  assert.equal(lines(step({ type: 'failed', error: 'no' })), 'FAILED   veth/web0: no');
});

test('an error of several lines keeps them, moved in', () => {
  const error = 'cannot mount: wrong fs type.\n       dmesg(1) may have more information.';
  assert.equal(
    lines(step({ type: 'failed', error })),
    'FAILED   veth/web0: cannot mount: wrong fs type.\n    dmesg(1) may have more information.',
  );
});

test('what was skipped names the failure at the root of it, or the interruption', () => {
  assert.equal(lines(step({ type: 'skipped', because: 'converge mount/web' })), 'skipped  veth/web0  (after the failure of mount/web)');
  assert.equal(lines(step({ type: 'skipped', because: 'interrupted' })), 'skipped  veth/web0  (interrupted)');
});

test('notes of what went well are told too', () => {
  assert.equal(
    lines(step({ notes: ['web has no service ssh: skipped'] })),
    'made     veth/web0\n    note: web has no service ssh: skipped',
  );
});

test('what still differs says what was wanted and what is seen', () => {
  const differs = (wanted: unknown, seen: unknown): string =>
    lines({ type: 'differs', address: 'a/b', path: 'a/b.c', wanted, seen } as Event);
  assert.equal(differs(['x', 'y'], []), 'still differs: a/b.c: wanted [x, y], seen []');
  assert.equal(differs(true, null), 'still differs: a/b.c: wanted true, seen none');
  assert.equal(differs('', undefined), 'still differs: a/b.c: wanted "", seen (not seen)');
});

test('the recap is a table with a line for each subhost', () => {
  const event: Event = {
    type: 'recap',
    seconds: 3.21,
    subhosts: [
      { subhost: null, ok: 1, changed: 0, failed: 0, skipped: 0 },
      { subhost: 'web', ok: 0, changed: 12, failed: 0, skipped: 0 },
      { subhost: 'database', ok: 3, changed: 0, failed: 1, skipped: 2 },
    ],
  };
  const expected = [
    '',
    '3.2 s     ok  changed  failed  skipped',
    '(shared)   1        0       0        0',
    'web        0       12       0        0',
    'database   3        0       1        2',
  ];
  assert.equal(lines(event), expected.join('\n'));
  const [, head, shared, web, database] = lines(event, marked).split('\n');
  assert.equal(head, `<bold>${expected[1]}</>`);
  assert.equal(shared, `<dim>${expected[2]}</>`);
  assert.equal(web, `<green>${expected[3]}</>`);
  assert.equal(database, `<red>${expected[4]}</>`);
});

test('the sum of a plan counts what there is', () => {
  const planned = (counts: object, unchanged = 3, blocked = 0): string => lines({ type: 'planned', counts, blocked, unchanged, steps: 1 });
  assert.equal(planned({}), 'Nothing to do: 3 resources are as wanted.');
  assert.equal(planned({}, 1), 'Nothing to do: 1 resource is as wanted.');
  assert.equal(planned({ remove: 2, create: 1 }), 'Plan: 1 to create, 2 to remove; 3 unchanged.');
  assert.equal(planned({ create: 1 }, 3, 1), 'Plan: nothing will be done while this is in the way.');
  assert.equal(planned({ create: 1 }, 3, 2), 'Plan: nothing will be done while these 2 are in the way.');
});

test('a reason stands on the line of its change where 80 columns have room for both', () => {
  const change = (old: string): string[] =>
    textOf(
      {
        type: 'change',
        address: 'process/web',
        subhost: 'web',
        action: 'restart',
        summary: '',
        fields: [{ field: 'start', old, new: 'b', class: 'restart', why: 'it is new' }],
        because: ['mount/web: its root is mounted anew'],
      },
      plain,
    );
  const fits = 'a'.repeat(80 - '      start:  -> b  (restart: it is new)'.length);
  assert.deepEqual(change(fits), [
    '!   process/web  (restart)',
    `      start: ${fits} -> b  (restart: it is new)`,
    '      because of mount/web: its root is mounted anew',
  ]);
  assert.deepEqual(change(`${fits}a`).slice(1, 3), [`      start: ${fits}a -> b`, '        (restart: it is new)']);
});

test('what has moved is told of each difference, where it is known', () => {
  const change = { type: 'change', address: 'a/b', subhost: null, summary: '', fields: [], because: [] } as const;
  const field = { field: 'up', old: false, new: true, class: 'live', why: 'it is set up' } as const;
  assert.equal(lines({ ...change, action: 'create', cause: 'drift', summary: 'eth0' }), '+   a/b  (drift)  eth0');
  assert.equal(lines({ ...change, action: 'remove', cause: 'change' }), '-   a/b  (change)');
  assert.equal(
    lines({ ...change, action: 'update', fields: [{ ...field, cause: 'drift' }, field] }),
    '~   a/b\n      up: false -> true  (drift, live: it is set up)\n      up: false -> true  (live: it is set up)',
  );
});

test('events that are of interest only while things happen have no lines', () => {
  for (const event of [
    { type: 'version', format: 1, ob: '1', command: 'apply' },
    { type: 'start', verb: 'remove', address: 'a/b' },
    { type: 'say', address: 'a/b', text: 'x' },
  ] satisfies Event[])
    assert.deepEqual(textOf(event, plain), []);
});

test('nothing that a subhost says can steer the terminal', () => {
  const nasty = 'a\u001b]0;title\u0007b\u009b2Jc\rd\u007f';
  const shown = 'a\\x1b]0;title\\x07b\\x9b2Jc\\x0dd\\x7f';
  assert.equal(
    lines(step({ type: 'failed', error: nasty, hint: nasty, notes: [nasty] })).replaceAll(shown, '#'),
    'FAILED   veth/web0: #\n    -> #\n    note: #',
  );
  assert.equal(lines({ type: 'blocked', address: 'a/b', what: nasty, hint: nasty }).replaceAll(shown, '#'), 'in the way: #\n    -> #');
  const fields = [{ field: 'inside', old: [nasty], new: 'eth0', class: 'live', why: 'renamed' }];
  const change = lines({ type: 'change', address: 'a/b', subhost: null, action: 'update', summary: '', fields, because: [nasty] });
  assert.equal(change.replaceAll(shown, '#'), '~   a/b\n      inside: [#] -> eth0  (live: renamed)\n      because of #');
  assert.deepEqual(table(['N'], [[nasty]]), ['N', shown]);
  assert.equal(lines(step({ error: 'ü €', type: 'failed' })), 'FAILED   veth/web0: ü €');
});

test('a table is as wide as its widest cells, and needs no rows', () => {
  assert.deepEqual(table(['A', 'LONG', 'C'], [['aaa', 'b', '1']]), ['A    LONG  C', 'aaa  b     1']);
  assert.deepEqual(table(['A', 'LONG'], [['aaa', '1']], 'right'), ['A    LONG', 'aaa     1']);
  assert.deepEqual(table(['A', 'B'], []), ['A  B']);
});

test('colours are for terminals that want them', () => {
  const painted = (isTTY: boolean | undefined, env: NodeJS.ProcessEnv): string =>
    createPaint({ ...(isTTY === undefined ? {} : { isTTY }) }, env)('red', 'x');
  assert.equal(painted(true, { TERM: 'xterm' }), '\u001b[31mx\u001b[39m');
  assert.equal(painted(true, { TERM: 'xterm', NO_COLOR: '' }), '\u001b[31mx\u001b[39m');
  assert.equal(painted(true, { TERM: 'xterm', NO_COLOR: '1' }), 'x');
  assert.equal(painted(true, { TERM: 'dumb' }), 'x');
  assert.equal(painted(undefined, { TERM: 'xterm' }), 'x');
});
