import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import { fileURLToPath } from 'node:url';

const EACH = fileURLToPath(new URL('../scripts/each', import.meta.url));

test('a command that fails hides none that comes after it, and the exit code is the worst', () => {
  const { stdout, status } = spawnSync(EACH, ['echo one; exit 3', 'echo two', 'a=three; echo $a; exit 1'], { encoding: 'utf8' });
  assert.deepEqual([stdout, status], ['one\ntwo\nthree\n', 3]);
  assert.equal(spawnSync(EACH, ['true', 'true']).status, 0);
});

test('the long runs go on to their end', () => {
  const { scripts } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
  for (const name of ['test:crash', 'test:hostile']) assert.match(scripts[name], /^scripts\/each '[^&;]+'$/, name);
});
