import assert from 'node:assert/strict';
import test from 'node:test';
import { createPace } from '../../../src/cli/watch/pace.ts';
import { createRetry } from '../../../src/cli/watch/retry.ts';

/** The waits before looks, each of which comes at once after the wait before it and finds nothing. */
function waits(pace: ReturnType<typeof createPace>, looks: number, start: number): { waits: number[]; now: number } {
  let now = start;
  const seen: number[] = [];
  for (let i = 0; i < looks; i++) {
    now += pace.delayMs;
    pace.looked(now, false);
    seen.push(pace.delayMs);
  }
  return { waits: seen, now };
}

test('a machine that never rests is looked at less and less often, but every 5 seconds at least', () => {
  const { waits: seen } = waits(createPace(), 30, 0);
  assert.deepEqual(seen.slice(0, 3), [100, 150, 225]);
  assert.deepEqual(
    seen,
    [...seen].sort((a, b) => a - b),
  );
  assert.equal(seen.at(-1), 5000);
});

test('what is found, and a time of rest, make it quick again', () => {
  const pace = createPace();
  const { now } = waits(pace, 30, 0);
  pace.looked(now + pace.delayMs, true);
  assert.equal(pace.delayMs, 100);
  const later = waits(pace, 30, now + 6000).now;
  assert.equal(pace.delayMs, 5000);
  pace.looked(later + 60_000, false);
  assert.equal(pace.delayMs, 100);
});

test('what fails is tried again after 1 s, later each time, at most 5 minutes', () => {
  const retry = createRetry();
  assert.equal(retry.at, 0);
  const times = Array.from({ length: 10 }, () => {
    retry.failed(1_000_000);
    return retry.at - 1_000_000;
  });
  assert.deepEqual(times.slice(0, 4), [1000, 2000, 4000, 8000]);
  assert.equal(times.at(-1), 300_000);
  retry.reset();
  assert.equal(retry.at, 0);
  retry.failed(0);
  assert.equal(retry.at, 1000);
});
