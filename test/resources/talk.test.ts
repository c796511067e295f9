import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Ran } from '../../src/resources/ran.ts';
import { type RunOptions, run } from '../../src/resources/run.ts';
import { startTalk } from '../../src/resources/talk.ts';

const LIMIT_MS = 300;

/** Each line that the script says is answered with ANSWER. */
async function talk(script: string, options: RunOptions = {}, answer = 'yes\n'): Promise<Ran & { readonly lines: string[] }> {
  const lines: string[] = [];
  const onLine = (line: string, say: (text: string) => void): void => {
    lines.push(line);
    say(answer);
  };
  return { ...(await run('sh', ['-c', script], { ...options, onLine })), lines };
}

test('what it says is heard line by line and answered, and its end is told', async () => {
  const { lines, ok, exitCode, words, output } = await talk(
    'printf "one\\ntw"; read a; echo "o $a"; pwd; test "$(cut -d" " -f6 /proc/$$/stat)" = $$ && env | sort >&2; exit 3',
    { env: { A: 'b' } },
  );
  assert.deepEqual(lines, ['one', 'two yes', '/']);
  assert.deepEqual([ok, exitCode, output], [false, 3, '']);
  assert.match(words, /^A=b\nLC_ALL=C\nPATH=[^\n]*\nPWD=\/$/, 'a session of its own, and an environment');
  assert.deepEqual([(await talk('exit 0')).ok, (await talk('echo no >&2; exit 4', { isEndless: true })).exitCode], [true, 4]);
});

test('one that is told the end of what is said to it can end by that', async () => {
  assert.deepEqual((await talk('echo go; cat; echo over', {}, '')).lines, ['go', 'over']);
});

test('one that is killed has no exit code', async () => {
  const { ok, exitCode, words } = await talk('kill -KILL $$');
  assert.deepEqual([ok, exitCode, words], [false, undefined, 'it was killed by SIGKILL']);
});

test('a time limit ends it, also one that does not end by TERM', async () => {
  for (const script of ['exec sleep 60', 'trap "" TERM; while :; do sleep 0.1; done']) {
    const ran = await talk(script, { timeLimitMs: LIMIT_MS });
    assert.deepEqual([ran.ok, ran.words], [false, `no answer within ${LIMIT_MS / 1000} s`]);
  }
});

test('it ends when its signal is aborted, or has been', async () => {
  const controller = new AbortController();
  const ran = run('sh', ['-c', 'echo; exec sleep 60'], { signal: controller.signal, isEndless: true, onLine: () => controller.abort() });
  assert.equal((await ran).exitCode, undefined);
  assert.equal((await talk('exec sleep 60', { signal: controller.signal })).exitCode, undefined);
});

test('one that cannot be started has said why', async () => {
  const { ended } = startTalk('/nowhere', [], { cwd: '/', env: {}, timeLimitMs: 0, keepsWords: true });
  assert.deepEqual(await ended, { failed: true, timedOut: false, stderr: '', shortMessage: 'spawn /nowhere ENOENT' });
});
