import assert from 'node:assert/strict';
import { test } from 'node:test';
import { run } from '../../src/resources/run.ts';

const LIMIT_MS = 300;
/** Far above the limit, and far below what the programs would take. */
const SOON_MS = 5000;

for (const [what, script] of [
  ['waits for a program of its own', 'sleep 60; echo never'],
  ['does not end by TERM', 'trap "" TERM; sleep 60; sleep 60'],
  ['leaves one behind that holds its output', 'sleep 60 & echo said'],
  ['leaves one behind in a session of its own', 'setsid sleep 20 & echo said'],
] as const)
  test(`a program that ${what} is not waited for beyond its limit`, async () => {
    const begin = Date.now();
    const ran = await run('sh', ['-c', script], { timeLimitMs: LIMIT_MS, isUnknown: true });
    assert.deepEqual([ran.ok, ran.words], [false, `no answer within ${LIMIT_MS / 1000} s`]);
    assert(Date.now() - begin < SOON_MS);
  });

test('a program that leaves one behind without its output has ended well', async () => {
  const ran = await run('sh', ['-c', 'sleep 2 >/dev/null 2>&1 & echo said'], { isUnknown: true });
  assert.deepEqual([ran.ok, ran.output], [true, 'said']);
});
