import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Change, diff } from '../../src/planner/diff.ts';
import type { ChangeClass, Fields, Kind, Live, Need, Spec } from '../../src/resources/kind.ts';
import { specOf } from './graph.ts';

/** Fields named after the class that a difference in them has. */
const kind: Kind = {
  name: 'thing',
  rules: {
    live: { class: 'live', why: 'in place' },
    restart: { class: 'restart', why: 'stopped and started' },
    replace: { class: 'replace', why: 'made again' },
  },
  desired: () => [],
  preflight: () => {},
  list: async () => ({ live: [], blockers: [] }),
  converge: async () => [],
  remove: async () => [],
};

function wanted(name: string, fields: Fields, needs: readonly Need[] = []): Spec {
  return { ...specOf(`thing/${name}`), fields, needs };
}

function seen(name: string, fields: Fields): Live {
  return { address: `thing/${name}`, subhost: null, needs: [], holds: [], fields, handle: null };
}

function need(name: string, class_: ChangeClass | 'none'): Need {
  return { address: `thing/${name}`, class: class_, why: `${name} is new` };
}

function compare(specs: readonly Spec[], live: readonly Live[]): Change[] {
  return diff([kind], specs, new Map(live.map((one) => [one.address, one])));
}

function actionsOf(changes: readonly Change[]): string {
  return changes.map(({ address, action }) => `${address.slice('thing/'.length)}: ${action}`).join(', ');
}

test('what is wanted and not there is created, what is there and not wanted is removed', () => {
  assert.equal(actionsOf(compare([wanted('a', {})], [seen('b', {})])), 'a: create, b: remove');
});

test('nothing wanted and nothing there is no change', () => {
  assert.deepEqual(compare([], []), []);
});

test('the strongest of the classes of all differences decides', () => {
  const action = (...fields: ChangeClass[]): string => {
    const all = (value: string): Fields => Object.fromEntries(fields.map((field) => [field, value]));
    return actionsOf(compare([wanted('a', all('new'))], [seen('a', all('old'))]));
  };
  assert.equal(action('live'), 'a: update');
  assert.equal(action('live', 'restart'), 'a: restart');
  assert.equal(action('replace', 'restart', 'live'), 'a: replace');
});

test('a difference is told with what was seen, what is wanted, its class and the reason', () => {
  const [change] = compare([wanted('a', { live: 'new', restart: 'same' })], [seen('a', { live: 'old', restart: 'same' })]);
  assert.deepEqual(change?.fields, [{ field: 'live', old: 'old', new: 'new', class: 'live', why: 'in place' }]);
});

test('only what both sides have is compared', () => {
  assert.equal(actionsOf(compare([wanted('a', { live: 1 })], [seen('a', { replace: 'only seen' })])), 'a: none');
  assert.equal(actionsOf(compare([wanted('a', { live: null })], [seen('a', { live: null, restart: 2 })])), 'a: none');
});

test('lists are compared as a whole: one entry less is one difference', () => {
  const [change] = compare([wanted('a', { live: ['x', 'z'] })], [seen('a', { live: ['x', 'y', 'z'] })]);
  assert.deepEqual(change?.fields, [{ field: 'live', old: ['x', 'y', 'z'], new: ['x', 'z'], class: 'live', why: 'in place' }]);
  assert.equal(actionsOf(compare([wanted('a', { live: ['x'] })], [seen('a', { live: ['x'] })])), 'a: none');
});

test('a number is not the text of it, null is not an empty text', () => {
  const differs = (one: Fields['x'], other: Fields['x']): boolean =>
    compare([wanted('a', { live: one ?? null })], [seen('a', { live: other ?? null })])[0]?.action === 'update';
  assert.equal(differs(1500, '1500'), true);
  assert.equal(differs(null, ''), true);
  assert.equal(differs([], null), true);
  assert.equal(differs(false, false), false);
});

test('a field without a rule is a bug of its kind', () => {
  assert.throws(() => compare([wanted('a', { odd: 1 })], [seen('a', { odd: 2 })]), /thing\/a: no rule for field odd/);
});

test('what stands on something that is made anew changes as its need says', () => {
  for (const [class_, action] of [
    ['live', 'update'],
    ['restart', 'restart'],
    ['replace', 'replace'],
    ['none', 'none'],
  ] as const) {
    const changes = compare([wanted('ground', {}), wanted('a', {}, [need('ground', class_)])], [seen('a', {})]);
    assert.equal(actionsOf(changes), `ground: create, a: ${action}`);
    assert.deepEqual(changes[1]?.because, class_ === 'none' ? [] : ['thing/ground: ground is new']);
  }
});

test('what stands on something that is changed in place stays', () => {
  const specs = [wanted('ground', { live: 'new' }), wanted('a', {}, [need('ground', 'replace')])];
  assert.equal(actionsOf(compare(specs, [seen('ground', { live: 'old' }), seen('a', {})])), 'ground: update, a: none');
});

test('knock-on effects go on: a root that is replaced restarts what runs on it, and so on', () => {
  const specs = [wanted('c', {}, [need('b', 'restart')]), wanted('b', {}, [need('a', 'restart')]), wanted('a', { replace: 'new' })];
  const changes = compare(specs, [seen('a', { replace: 'old' }), seen('b', {}), seen('c', {})]);
  assert.equal(actionsOf(changes), 'c: restart, b: restart, a: replace');
});

test('a knock-on effect does not weaken what its own fields ask for', () => {
  const specs = [wanted('ground', {}), wanted('a', { replace: 'new' }, [need('ground', 'restart')])];
  assert.equal(actionsOf(compare(specs, [seen('a', { replace: 'old' })])), 'ground: create, a: replace');
});

test('what is created needs no other reason', () => {
  const [, change] = compare([wanted('ground', {}), wanted('a', {}, [need('ground', 'restart')])], []);
  assert.equal(change?.action, 'create');
  assert.deepEqual(change?.because, []);
});

test('needs that go in a circle, or nowhere, do not stop the comparison', () => {
  const specs = [wanted('a', {}, [need('b', 'restart')]), wanted('b', {}, [need('a', 'restart'), need('nowhere', 'live')])];
  assert.equal(actionsOf(compare(specs, [seen('a', {}), seen('b', {})])), 'a: none, b: none');
});

test('many ways to one ground are walked once', () => {
  const name = (level: number, side: string): string => `${side}${level}`;
  const specs = Array.from({ length: 40 }, (_, level) =>
    ['l', 'r'].map((side) => {
      const needs = level === 0 ? [] : ['l', 'r'].map((one) => need(name(level - 1, one), 'restart'));
      return wanted(name(level, side), { replace: level === 0 ? 'new' : 'same' }, needs);
    }),
  ).flat();
  // From the top: 2^40 ways lead down.
  const changes = compare(
    specs.reverse(),
    specs.map((spec) => seen(spec.address.slice('thing/'.length), { replace: 'same' })),
  );
  assert.equal(changes.filter((change) => change.action === 'restart').length, 78);
});

test('an address is compared with what has the same, whatever the order', () => {
  const specs = ['a', 'b', 'c'].map((name) => wanted(name, { live: name }));
  const live = ['c', 'a', 'b'].map((name) => seen(name, { live: name }));
  assert.equal(actionsOf(compare(specs, live)), 'a: none, b: none, c: none');
});
