import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import fc from 'fast-check';
import { hostsYaml } from '../../bench/peers.ts';
import { parseAnyYaml } from '../../src/planner/hosts/parse.ts';
import { readPlain } from '../../src/planner/hosts/plain.ts';
import { holds } from '../property.ts';
import { createRandom, pick } from '../random.ts';
import { casesOf } from './hosts-facts.ts';

const GOOD = [...casesOf('good').values()].map((folder) => readFileSync(`${folder}/hosts.yaml`, 'utf8'));
const BAD = [...casesOf('bad').values()].map((folder) => readFileSync(`${folder}/hosts.yaml`, 'utf8'));

/** Is this of the part that is read without the parser of all YAML? Then that has nothing to say against it, and makes the same of it. */
function isPlain(text: string): boolean {
  const plain = readPlain(text);
  if (!plain) return false;
  const whole = parseAnyYaml(text, ({ line, column }, message) => assert.fail(`taken, but ${line}:${column}: ${message}\n${text}`));
  assert.deepEqual(plain, whole, text);
  return true;
}

test('what is usual is read without the parser of all YAML', () => {
  const usual = `# all of them
scope: demo
bridges: { ob0: { address: 10.77.0.1/24 }, ob1: {} }
defaults:   # for all
    ram_size: 20M
    start: []

subhosts:
    web:
        base: /srv/web # its folder
        cables:
            - { bridge: ob0, mac: "02:00:0a:4d:00:02", address: [10.77.0.2/24, fd00::2/64] }
            - 'ob1=02:00:0a:4d:00:03'
        limits: { pids: 100, cpu: 0 }
        check_services: true
    # the last
    db:
`;
  assert(isPlain(usual));
  assert(isPlain(hostsYaml(3)));
  assert(isPlain(hostsYaml(3).trimEnd()));
});

test('what is in the hosts files of the tests means the same', () => {
  const taken = GOOD.filter(isPlain).length;
  assert(taken > GOOD.length / 4, `${taken} of ${GOOD.length}`);
  for (const text of BAD) isPlain(text);
});

test('what is added anywhere, or taken out, means the same', () => {
  const pieces = [
    '\n',
    '\n  ',
    '\n      ',
    ' ',
    '  ',
    '- ',
    ': ',
    ':',
    ', ',
    ',',
    '[',
    ']',
    '{',
    '}',
    '[]',
    '{}',
    '#',
    ' # x',
    '"',
    "'",
    '\t',
    '\r',
    'é',
    '\u0000',
    '\u2028',
  ];
  const words = ['true', 'null', '~', '12', '012', '1e3', '.5', '5.', '0x1f', '.inf', '...', '---', '<<: ', 'a: b', 'a', '=', '-', '1:2'];
  let taken = 0;
  for (let seed = 1; seed <= 6000; seed++) {
    const random = createRandom(seed);
    let text = seed % 2 ? pick(random, GOOD) : hostsYaml(2);
    for (let edits = 1 + random(3); edits > 0; edits--) {
      const at = random(text.length + 1);
      text = text.slice(0, at) + (random(4) ? pick(random, random(2) ? pieces : words) : '') + text.slice(at + random(3));
    }
    if (isPlain(text)) taken++;
  }
  assert(taken > 500, `${taken}`);
});

test('words in any order mean the same', (t) => {
  const word = fc.constantFrom(
    'a',
    'b1',
    'true',
    '7',
    '07',
    '"x"',
    "'y z'",
    './p',
    '1.5',
    'x:y',
    '-',
    '',
    '{',
    '}',
    '[',
    ']',
    ',',
    ':',
    '#',
  );
  const gap = fc.constantFrom('', ' ', '  ', '\n', '\n ', '\n  ', ': ', ':\n  ', ', ', '- ', '\n- ', '\n  - ', ' #', '{ ', ' }', '[', ']');
  const text = fc.array(fc.tuple(word, gap), { maxLength: 12 }).map((parts) => `k: ${parts.flat().join('')}`);
  return holds(
    t,
    5000,
    fc.property(text, (one) => void isPlain(one)),
  );
});
