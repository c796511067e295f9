import assert from 'node:assert/strict';
import { test } from 'node:test';
import { apply } from '../../src/planner/apply.ts';
import { ObError } from '../../src/resources/error.ts';
import type { Machine } from '../../src/resources/machine.ts';
import { start, textOfOutcomes } from './held.ts';

const no = new ObError('no');

test('a step begins only when all that it comes after is done', async () => {
  const run = await start('+net/a, +root/a, +task/a <- net/a root/a');
  assert.deepEqual(run.running(), ['+net/a', '+root/a']);
  await run.end('+net/a');
  assert.deepEqual(run.running(), ['+root/a']);
  await run.end('+root/a');
  assert.deepEqual(run.running(), ['+task/a']);
  await run.end('+task/a');
  assert.equal(textOfOutcomes(await run.outcomes), '+net/a done, +root/a done, +task/a done');
});

test('what is replaced is removed after what stands on it, then made again from the ground', async () => {
  const run = await start('-/+root/a, !task/a <- root/a');
  await run.finish();
  assert.deepEqual(run.calls, ['-task/a', '-root/a', '+root/a', '+task/a']);
});

test('no more calls run at a time than are allowed', async () => {
  const graph = '+net/a, +net/b, +root/a, +root/b, +task/a, +task/b';
  const alone = await start(graph, { parallel: 1 });
  for (const call of ['+net/a+net/b', '+root/a+root/b', '+task/a+task/b']) {
    assert.deepEqual(alone.running(), [call]);
    await alone.end(call);
  }
  const four = await start(graph, { parallel: 4 });
  assert.deepEqual(four.running(), ['+net/a', '+net/b', '+root/a', '+root/b']);
  await four.end('+root/a');
  assert.deepEqual(four.running(), ['+net/a', '+net/b', '+root/b', '+task/a']);
  await four.finish();
  assert.equal((await four.outcomes).length, 6);
});

test('objects of a kind go together, in as many calls as may run at a time', async () => {
  const run = await start('+a, +b, +c, +d, +e, -f', { parallel: 2 });
  assert.deepEqual(run.running(), ['+a+b+c', '+d+e']);
  await run.end('+a+b+c');
  assert.deepEqual(run.running(), ['+d+e', '-f']);
  await run.finish();
});

test('a few objects go in one call, and share in it what may go on at a time; very many go in several', async () => {
  const run = await start('+a, +b, +c, +d, +e', { parallel: 4, fewest: 3 });
  assert.deepEqual(run.running(), ['+a+b+c', '+d+e']);
  assert.deepEqual(run.widths, [2, 2]);
  await run.finish();
  const alone = await start('+a, +b', { parallel: 4, fewest: 3 });
  assert.deepEqual(alone.widths, [4]);
  await alone.finish();
});

test('for what takes long no hundred others have to wait', async () => {
  const run = await start('+a, +b, +c, +slow, +dslow, +eslow', { parallel: 2, fewest: 10 });
  assert.deepEqual(run.running(), ['+a+b+c', '+slow+dslow']);
  await run.end('+a+b+c');
  assert.deepEqual(run.running(), ['+slow+dslow', '+eslow']);
  await run.finish();
});

test('what takes long has its turn, in however many calls it is', async () => {
  const run = await start('+net/a, +root/b', { parallel: 2 });
  const ends: (() => void)[] = [];
  let begun = 0;
  const [first, second] = run.turns;
  const act = (): Promise<void> => new Promise((resolve) => begun++ >= 0 && ends.push(resolve));
  const acts = [first?.(act), second?.(act), first?.(act)];
  assert.equal(begun, 2);
  ends[0]?.();
  await acts[0];
  await new Promise(setImmediate);
  assert.equal(begun, 3);
  for (const end of ends) end();
  await Promise.all(acts);
  await run.finish();
});

test('what is known before its call ends lets others go on, and counts once', async () => {
  const run = await start('+net/a, +net/b, +task/a <- net/a, +task/b <- net/b', { fewest: 2 });
  run.earlies[0]?.({ address: 'net/a' });
  assert.deepEqual(
    run.ended.map(({ step }) => step.id),
    ['converge net/a'],
  );
  assert.deepEqual(run.running(), ['+net/a+net/b', '+task/a']);
  run.earlies[0]?.({ address: 'net/a', error: no });
  await run.end('+net/a+net/b', { 'net/a': no, 'net/b': no });
  await run.finish();
  assert.equal(textOfOutcomes(await run.outcomes), '+net/a done, +net/b failed: no, +task/a done, +task/b skipped: +net/b');
});

test('a failure skips what comes after it, is named at its root, and stops nothing else', async () => {
  const run = await start('+a, +b <- a, +c <- b, +d, +e <- d, +f <- c e');
  await run.end('+a', { a: no });
  assert.deepEqual(run.running(), ['+d']);
  await run.finish();
  const expected = '+a failed: no, +b skipped: +a, +c skipped: +a, +d done, +e done, +f skipped: +a';
  assert.equal(textOfOutcomes(await run.outcomes), expected);
});

test('one failure in a call is that one object, not the others of the call', async () => {
  const run = await start('+a, +b, +c <- a, +d <- b', { parallel: 1 });
  await run.end('+a+b', { a: no });
  await run.finish();
  assert.equal(textOfOutcomes(await run.outcomes), '+a failed: no, +b done, +c skipped: +a, +d done');
});

test('what could not be removed is not made again', async () => {
  const run = await start('-/+root/a, !task/a <- root/a');
  await run.end('-task/a', { 'task/a': no });
  const expected = '-root/a skipped: -task/a, +root/a skipped: -task/a, -task/a failed: no, +task/a skipped: -task/a';
  assert.equal(textOfOutcomes(await run.outcomes), expected);
});

test('an interruption lets what runs come to its end, and skips the rest', async () => {
  const interrupt = new AbortController();
  const run = await start('+a, +b <- a, +net/c, +root/d', { parallel: 2, signal: interrupt.signal });
  assert.deepEqual(run.running(), ['+a', '+net/c']);
  interrupt.abort();
  await run.end('+a');
  await run.end('+net/c', { 'net/c': no });
  assert.deepEqual(run.calls, ['+a', '+net/c']);
  assert.equal(textOfOutcomes(await run.outcomes), '+a done, +b skipped: interrupted, +net/c failed: no, +root/d skipped: interrupted');
});

test('a run that is interrupted before it begins does nothing', async () => {
  const run = await start('+a, +b <- a', { signal: AbortSignal.abort() });
  assert.deepEqual(run.calls, []);
  assert.equal(textOfOutcomes(await run.outcomes), '+a skipped: interrupted, +b skipped: interrupted');
});

test('a kind that throws fails its call, in its own words or as a bug', async () => {
  const run = await start('+net/a, +root/a, +task/a, +b', { parallel: 8 });
  await run.break('+net/a', no);
  await run.break('+root/a', new TypeError('x is not a function'));
  await run.break('+task/a', Object.assign(new Error('ENOSPC: no space left on device, mkdir'), { code: 'ENOSPC', syscall: 'mkdir' }));
  await run.finish();
  const expected = [
    '+net/a failed: no',
    '+root/a failed: this is a bug in ob: TypeError: x is not a function',
    '+task/a failed: ENOSPC: no space left on device, mkdir',
    '+b done',
  ];
  assert.equal(textOfOutcomes(await run.outcomes), expected.join(', '));
});

test('an object for which a kind gives no result has failed', async () => {
  const run = await start('+a, +b', { parallel: 1 });
  await run.give('+a+b', [{ address: 'thing/b' }, { address: 'thing/elsewhere' }]);
  assert.equal(textOfOutcomes(await run.outcomes), '+a failed: no result was given: this is a bug in ob, +b done');
});

test('a failpoint fails its step before it is begun, or after it was done', async () => {
  const passed: string[] = [];
  const run = await start('+net/a, +net/b, +root/a <- net/a, +root/b <- net/b', {
    fault(step, when) {
      passed.push(`${when} ${step}`);
      return ['before converge net/a', 'after converge root/b'].includes(`${when} ${step}`) ? no : undefined;
    },
  });
  assert.deepEqual(run.running(), ['+net/b']);
  await run.finish();
  const expected = '+net/a failed: no, +net/b done, +root/a skipped: +net/a, +root/b failed: no';
  assert.equal(textOfOutcomes(await run.outcomes), expected);
  assert.deepEqual(passed, [
    'before converge net/a',
    'before converge net/b',
    'after converge net/b',
    'before converge root/b',
    'after converge root/b',
  ]);
});

test('notes come with the outcome, good or bad', async () => {
  const run = await start('+a, +b', { parallel: 1 });
  await run.give('+a+b', [
    { address: 'thing/a', notes: ['one', 'two'] },
    { address: 'thing/b', error: no, notes: ['three'] },
  ]);
  const notes = (await run.outcomes).map((outcome) => (outcome.result === 'skipped' ? [] : outcome.notes));
  assert.deepEqual(notes, [['one', 'two'], ['three']]);
});

test('a kind is given what is there of an object, but not what was removed a moment ago', async () => {
  const run = await start('~a, -/+b, +c');
  await run.finish();
  const given = run.tasks.map(({ spec, live }) => `${spec.address} ${live ? 'is there' : 'is not there'}`);
  assert.deepEqual(given, ['thing/a is there', 'thing/c is not there', 'thing/b is not there']);
});

test('every call gets a machine that is seen anew', async () => {
  let looks = 0;
  const run = await start('+a, +b <- a, +c <- b', {
    machine: () => {
      looks++;
      return {} as Machine;
    },
  });
  await run.finish();
  await run.outcomes;
  assert.equal(looks, 3);
});

test('starts and ends are told one by one, each end once, as they happen', async () => {
  const told: string[] = [];
  const run = await start('+a, +b <- a, +c', {
    parallel: 1,
    onStart: (step) => told.push(`start ${step.id}`),
    onEnd: ({ step, result }) => told.push(`${result} ${step.id}`),
  });
  await run.end('+a+c', { a: no });
  await run.outcomes;
  const expected = ['start converge thing/a', 'start converge thing/c', 'failed converge thing/a', 'done converge thing/c'];
  assert.deepEqual(told, [...expected, 'skipped converge thing/b']);
});

test('a callback that throws ends the run with its error, and nothing is begun any more that waits for it', async () => {
  const run = await start('+a, +b <- a', {
    onEnd: () => {
      throw new Error('the reader is gone');
    },
  });
  await run.end('+a');
  await assert.rejects(run.outcomes, { message: 'the reader is gone' });
  assert.deepEqual(run.calls, ['+a']);
});

test('no steps, no outcomes', async () => {
  assert.deepEqual(await apply([], { kinds: [], machine: () => ({}) as Machine, parallel: 4 }), []);
});
