import assert from 'node:assert/strict';
import test from 'node:test';
import { createLine } from '../../src/resources/linux/line.ts';

test('what stands in line is done one after the other, also behind a failure', async () => {
  const inLine = createLine();
  const said: string[] = [];
  const act =
    (name: string, fails = false) =>
    async (): Promise<string> => {
      said.push(`begin ${name}`);
      await new Promise((resolve) => setImmediate(resolve));
      said.push(`end ${name}`);
      if (fails) throw new Error(name);
      return name;
    };
  const ended = await Promise.allSettled([inLine(act('a')), inLine(act('b', true)), inLine(act('c'))]);
  assert.deepEqual(said, ['begin a', 'end a', 'begin b', 'end b', 'begin c', 'end c']);
  assert.deepEqual(
    ended.map((one) => one.status),
    ['fulfilled', 'rejected', 'fulfilled'],
  );
});
