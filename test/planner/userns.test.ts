import assert from 'node:assert/strict';
import test from 'node:test';
import type { Facts } from '../../src/planner/hosts/facts.ts';
import { parseHostsFile } from '../../src/planner/hosts/read.ts';
import type { UsedIds } from '../../src/resources/linux/owners.ts';
import { FACTS, PATH } from './hosts-facts.ts';

/** First ids by name. */
function idsOf(text: string, facts: Partial<Facts> = {}, scope = 'demo'): Record<string, number | undefined> {
  const { subhosts } = parseHostsFile(`scope: ${scope}\ndefaults: { userns: auto }\nsubhosts:\n${text}`, PATH, { ...FACTS, ...facts });
  return Object.fromEntries(subhosts.map(({ name, userns }) => [name, userns]));
}

const line = (name: string, keys = ''): string => `  ${name}: { base: /srv/${name}${keys} }\n`;

test('auto gives each subhost ids of its own, the same at each look', () => {
  const names = Array.from({ length: 300 }, (_, index) => `n${index}`);
  const ids = idsOf(names.map((name) => line(name)).join(''));
  const all = Object.values(ids);
  assert.equal(new Set(all).size, 300);
  for (const id of all) assert.ok(id && id % 65_536 === 0 && id >= 524_288 && id <= 1_878_982_656, `${id}`);
  assert.deepEqual(idsOf(line('n0')), { n0: ids['n0'] });
  assert.notDeepEqual(idsOf(line('n0'), {}, 'other'), { n0: ids['n0'] });
});

test('what the upper directory belongs to is kept, and nobody else gets it', () => {
  const { a = 0 } = idsOf(line('a'));
  const firstIdOf = (path: string): number | undefined => (path === '/srv/b/root' ? a : undefined);
  const ids = idsOf(line('a') + line('b'), { firstIdOf });
  assert.equal(ids['b'], a);
  assert.notEqual(ids['a'], a);
});

test('ids that others have are left to them', () => {
  const { a = 0 } = idsOf(line('a'));
  for (const used of [
    { first: a + 65_535, count: 1 },
    { first: a - 10, count: 11 },
    { first: a, count: 65_536, mark: 'ob:demo/b' },
  ])
    assert.equal(idsOf(line('a'), { usedIds: () => [used] })['a'], a + 65_536, JSON.stringify(used));
  for (const used of [
    { first: a - 10, count: 10 },
    { first: a + 65_536, count: 1 },
    { first: a, count: 65_536, mark: 'ob:demo/a' },
  ])
    assert.equal(idsOf(line('a'), { usedIds: () => [used] })['a'], a, JSON.stringify(used));
});

test('where the upper directory does not tell, what is up keeps its ids, unless others have been given them', () => {
  const { a = 0 } = idsOf(line('a'));
  const usedIds = (): UsedIds[] => [{ first: 655_360, count: 65_536, mark: 'ob:demo/a' }];
  assert.equal(idsOf(line('a'), { usedIds })['a'], 655_360);
  assert.deepEqual(idsOf(line('a') + line('b', ', userns: 655360'), { usedIds }), { a, b: 655_360 });
});

test('a number is taken as it is, and none is none', () => {
  assert.deepEqual(idsOf(line('a', ', userns: 65536') + line('b', ', userns: none')), { a: 65_536, b: undefined });
});

test('a name that can be none is told in quotes, also where it is not the point', () => {
  const text = '{"defaults":{"userns":589824},"subhosts":{"a":{},"":null,"b\\u001b":null}}';
  assert.throws(
    () => parseHostsFile(text, PATH, FACTS),
    ({ message }: Error) => {
      const lines = message.split('\n').filter((line) => line.includes('have the same ids'));
      assert.deepEqual(lines, [
        `${PATH}:1:23: "" and a have the same ids 589824-655359: two subhosts with the same ids are not kept apart`,
      ]);
      return true;
    },
  );
  assert.throws(() => parseHostsFile(text.replace(',"":null', ''), PATH, FACTS), /:1:23: "b\\u001b" and a have the same ids/);
});
