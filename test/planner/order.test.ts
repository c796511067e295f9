import assert from 'node:assert/strict';
import { test } from 'node:test';
import { order } from '../../src/planner/order.ts';
import { changesOf, textOfSteps } from './graph.ts';

const CASES: readonly (readonly [what: string, graph: string, steps: string])[] = [
  ['what stands on something is made after it', '+b <- a, +a, +c <- b', '+b <- +a, +a, +c <- +b'],
  ['what stands on something is removed before it', '-a, -b <- a, -c <- b a', '-a <- -b -c, -b <- -c, -c'],
  ['what is made anew is removed first', '-/+a, !b', '-a, +a <- -a, -b, +b <- -b'],
  ['where the ground is made anew, what stands on it goes first and comes last', '-/+a, !b <- a', '-a <- -b, +a <- -a, -b, +b <- +a -b'],
  ['what is as wanted has no step, and nobody waits for it', '=a, ~b <- a, =c', '+b'],
  ['what stays is not waited for by what it stands on', '-a, ~b <- a', '-a, +b'],
  ['a name is freed before another takes it', '-a [x], +b [x]', '-a, +b <- -a'],
  ['two that swap their names both let go first', '-/+a [x], -/+b [y], +c [x y]', '-a, +a <- -a, -b, +b <- -b, +c <- -a -b'],
  ['a name held by two is freed by both', '-a [x], -b [x], +c [x]', '-a, -b, +c <- -a -b'],
  ['what is changed in place holds its names on', '~a [x], +b [y]', '+a, +b'],
  ['what is kept by something is changed before that goes', '~a {b}, !b <- a', '+a, -b <- +a, +b <- +a -b'],
  ['what keeps something may hold the same names', '~a [x] {b}, !b [x] <- a', '+a, -b <- +a, +b <- +a -b'],
  ['what goes with what keeps it, goes as ever', '-a {b}, -b <- a', '-a <- -b, -b'],
  ['no change makes no step', '=a', ''],
];

for (const [what, graph, steps] of CASES)
  test(`${what}: ${graph}`, () => {
    assert.equal(textOfSteps(order(changesOf(graph))), steps);
  });

test('a need that nothing describes is named', () => {
  assert.throws(() => order(changesOf('+a, +b <- a c')), { message: 'thing/b needs thing/c, which nothing describes' });
});

test('needs that go in a circle are named as a path, without what only leads there', () => {
  assert.throws(() => order(changesOf('+d <- a, +a <- b, +b <- c, +c <- a')), {
    message: 'these need each other: thing/a -> thing/b -> thing/c -> thing/a',
  });
});

test('a thing that needs itself is a circle', () => {
  assert.throws(() => order(changesOf('+a <- a')), { message: 'these need each other: thing/a -> thing/a' });
});

test('removals that wait for each other are a circle', () => {
  assert.throws(() => order(changesOf('-a <- b, -b <- a')), { message: 'these need each other: thing/a -> thing/b -> thing/a' });
});

test('two ways to one ground are no circle', () => {
  assert.equal(textOfSteps(order(changesOf('+a, +b <- a, +c <- a, +d <- b c'))), '+a, +b <- +a, +c <- +a, +d <- +b +c');
});

const MANY = Array.from({ length: 5000 }, (_, index) => index);
const LARGE = {
  'in a chain': MANY.map((one) => (one === 0 ? '-/+t0' : `-/+t${one} <- t${one - 1}`)),
  'beside each other': MANY.map((one) => `-/+t${one} [n${one}]`),
  'all on one that goes': MANY.map((one) => (one === 0 ? '-t0' : `-t${one} <- t0`)),
};

for (const [how, entries] of Object.entries(LARGE))
  test(`5000 changes ${how} are ordered in a moment`, () => {
    const changes = changesOf(entries.join(', '));
    const begin = performance.now();
    order(changes);
    const took = performance.now() - begin;
    assert(took < 1000, `took ${took.toFixed(0)} ms`);
  });
