import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { golden } from '../golden.ts';
import { casesOf, FACTS, PATH } from './hosts-facts.ts';
import { refused } from './hosts-refused.ts';

for (const [name, folder] of casesOf('bad'))
  test(`bad file: ${name}`, () => {
    golden(`${folder}/error.txt`, `${refused(readFileSync(`${folder}/hosts.yaml`, 'utf8'))}\n`);
  });

test('problems come in the order of the file, whatever found them', () => {
  for (const [name, folder] of casesOf('bad')) {
    const places = [...readFileSync(`${folder}/error.txt`, 'utf8').matchAll(/^\/srv\/hosts\.yaml:(\d+):(\d+): ./gm)];
    const sorted = places.toSorted((a, b) => Number(a[1]) - Number(b[1]) || Number(a[2]) - Number(b[2]));
    assert(places.length > 0, name);
    assert.deepEqual(places, sorted, name);
  }
});

test('more than 50 problems are counted', () => {
  const lines = refused(`subhosts: {}\n${Array.from({ length: 73 }, (_, index) => `key${index}: 1\n`).join('')}`).split('\n');
  assert.equal(lines.length, 51);
  assert.equal(lines[49], `${PATH}:51:1: unknown key "key49"; known are scope, defaults, bridges, subhosts`);
  assert.equal(lines[50], `${PATH}: and 23 more`);
});

test('a cable whose link would have more than 15 characters is refused', () => {
  const cables = `cables: [${'=, '.repeat(1000)}=]`;
  const said = refused(`subhosts:\n  twelve-chars:\n    base: ./web\n    ${cables}\n`);
  assert.equal(said, `${PATH}:4:${cables.lastIndexOf('=') + 5}: the link twelve-chars1000 would have more than 15 characters`);
});

test('no bridge is called unknown where the links of the machine cannot be read', () => {
  const text = 'subhosts:\n  web: { base: ./file, cables: [nowhere=] }\n';
  assert.equal(refused(text, { ...FACTS, bridges: undefined }), `${PATH}:2:16: base /srv/file is no directory`);
});

test('where there is no bridge at all, the way to get one is told', () => {
  const text = 'subhosts:\n  web: { base: ./web, cables: [br0=] }\n';
  assert.equal(
    refused(text, { ...FACTS, bridges: new Set() }),
    `${PATH}:2:32: unknown bridge "br0": it is neither in this file nor on this machine; write it under "bridges" and ob makes it`,
  );
});

test('a long value is cut in a message', () => {
  const said = refused(`subhosts:\n  web: { base: "${'x,'.repeat(5000)}" }\n  ${'y'.repeat(500)}: { base: ./y }\n`);
  assert.deepEqual(
    said.split('\n').map((line) => line.length < 200 && line.includes('…"')),
    [true, true],
    said,
  );
});
