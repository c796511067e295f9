import assert from 'node:assert/strict';
import test from 'node:test';
import { createBell } from '../../../src/cli/watch/bell.ts';

test('a bell wakes who sleeps, and what rang before is not lost', async () => {
  const bell = createBell();
  const sleeper = bell.sleep(60_000);
  bell.ring();
  assert.equal(await sleeper, true);
  bell.ring();
  bell.ring();
  assert.equal(await bell.sleep(60_000), true);
  assert.equal(await bell.sleep(1), false);
});
