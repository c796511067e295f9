import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Outcome } from '../../src/planner/apply.ts';
import { ObError } from '../../src/resources/error.ts';
import { createRandom, pick, type Random } from '../random.ts';
import { KINDS, type Run, start } from './held.ts';

/** Things that need some of those before them and hold some of three names. */
function randomGraph(random: Random): string {
  const names = Array.from({ length: 1 + random(20) }, (_, index) => `${pick(random, KINDS)}/n${index}`);
  const entries = names.map((name, index) => {
    const needs = names.slice(0, index).filter(() => random(4) === 0);
    const holds = ['x', 'y', 'z'].filter(() => random(8) === 0);
    const parts = [holds.length > 0 ? ` [${holds.join(' ')}]` : '', needs.length > 0 ? ` <- ${needs.join(' ')}` : ''];
    return `${pick(random, ['+', '~', '!', '-/+', '-', '='])}${name}${parts.join('')}`;
  });
  return entries.join(', ');
}

/** Ends what runs in any order; one object in six fails, one call in ten throws. */
async function finishAnyhow(run: Run, random: Random, parallel: number): Promise<void> {
  for (let calls = run.running(); calls.length > 0; calls = run.running()) {
    assert(calls.length <= parallel, `${calls.length} calls run at a time`);
    const call = pick(random, calls);
    const addresses = call.split(/[+-]/).filter(Boolean);
    const failed = addresses.filter(() => random(6) === 0).map((address): [string, Error] => [address, new ObError('no')]);
    if (random(10) === 0) await run.break(call, new ObError('no'));
    else await run.end(call, Object.fromEntries(failed));
  }
}

/** What is true of every run, whatever failed. */
function checkOutcomes(outcomes: readonly Outcome[], told: readonly string[]): void {
  const results = new Map(outcomes.map((outcome) => [outcome.step.id, outcome.result]));
  assert.equal(results.size, outcomes.length);
  for (const outcome of outcomes) {
    const { id, after } = outcome.step;
    const before = [...after].map((one) => results.get(one));
    assert.equal(told.filter((line) => line === `end ${id}`).length, 1, `one end of ${id}`);
    assert.equal(told.filter((line) => line === `start ${id}`).length, outcome.result === 'skipped' ? 0 : 1, `starts of ${id}`);
    if (outcome.result === 'skipped') {
      assert(
        before.some((result) => result !== 'done'),
        `${id} was skipped without a reason`,
      );
      assert.equal(results.get(outcome.because as typeof id), 'failed', `${id} is laid to ${outcome.because}`);
      continue;
    }
    assert(
      before.every((result) => result === 'done'),
      `${id} ran though not all before it was done`,
    );
    for (const one of after) assert(told.indexOf(`end ${one}`) < told.indexOf(`start ${id}`), `${id} began before ${one} had ended`);
  }
}

test('whatever fails in whatever graph: each step has one outcome, and none runs before its time', async () => {
  for (let seed = 1; seed <= 300; seed++) {
    const random = createRandom(seed);
    const graph = randomGraph(random);
    const parallel = 1 + random(5);
    const told: string[] = [];
    const run = await start(graph, {
      parallel,
      onStart: ({ id }) => told.push(`start ${id}`),
      onEnd: ({ step }) => told.push(`end ${step.id}`),
    });
    try {
      await finishAnyhow(run, random, parallel);
      checkOutcomes(await run.outcomes, told);
    } catch (error) {
      throw new Error(`seed ${seed}, at most ${parallel} calls: ${graph}`, { cause: error });
    }
  }
});
