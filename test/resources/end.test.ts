import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type End, parseEnd, restOf } from '../../src/resources/end.ts';

/** As the reaper has it: 64 bytes, then what the log said. */
function page(head: string, words = ''): string {
  return `${head.padEnd(64, '\0')}${words}`.padEnd(4096, '\0');
}

test('what PID 1 has said of its end is read, with the time that it says', () => {
  const now = 5_000_000;
  const end = parseEnd(page('ended 3 4940000', 'hello\n\n  \nbye\n'), 0, now);
  assert.deepEqual([end?.how, end?.status, end?.words], ['ended', 3, ['hello', 'bye']]);
  assert.ok(Math.abs(Date.now() - 60_000 - Date.parse(end?.at ?? '')) < 5000);
  assert.equal(parseEnd(page('stopped 0 1'), 0, now)?.how, 'stopped');
});

test('one that has begun and says nothing was killed; one that never began has no end', () => {
  assert.deepEqual(parseEnd(page('+'), 2), { how: 'killed', status: null, at: null, oomKills: 2, words: [] });
  assert.equal(parseEnd(page(''), 0), undefined);
  assert.equal(parseEnd('', 0), undefined);
});

test('only the last words are kept', () => {
  const end = parseEnd(page('ended 0 1', Array.from({ length: 30 }, (_, index) => `${index}\n`).join('')), 0);
  assert.deepEqual([end?.words.length, end?.words[0], end?.words.at(-1)], [20, '10', '29']);
});

const end = (how: End['how'], status: number | null, oomKills = 0): End => ({ how, status, at: null, oomKills, words: [] });

const RESTS: readonly (readonly [End, restart: 'on-failure' | 'never' | undefined, rests: string | undefined])[] = [
  [end('ended', 3), undefined, undefined],
  [end('killed', null), 'on-failure', undefined],
  [end('ended', 3), 'on-failure', undefined],
  [
    end('ended', 0),
    'on-failure',
    'web has ended by itself, and is left so (restart: on-failure): all that ran in it has ended, the last with exit status 0',
  ],
  [
    end('stopped', 0),
    'on-failure',
    'web has ended by itself, and is left so (restart: on-failure): its PID 1 was told to stop, and not by ob',
  ],
  [
    end('ended', 137),
    'never',
    'web has ended by itself, and is left so (restart: never): all that ran in it has ended, the last by signal 9',
  ],
  [
    end('killed', null, 2),
    'never',
    'web has ended by itself, and is left so (restart: never): its PID 1 was killed; for want of memory the kernel has killed 2 of its processes',
  ],
];

for (const [ended, restart, rests] of RESTS)
  test(`${ended.how} ${ended.status}, restart: ${restart ?? 'always'}: ${rests ? 'it is left so' : 'it is started again'}`, () => {
    assert.equal(restOf('web', ended, restart), rests);
  });
