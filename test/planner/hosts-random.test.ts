import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { parseHostsFile } from '../../src/planner/hosts/read.ts';
import { unseenIn } from '../../src/planner/hosts/show.ts';
import { messageOf } from '../../src/resources/error.ts';
import type { HostsFile } from '../../src/resources/hosts.ts';
import { createRandom, pick, type Random } from '../random.ts';
import { casesOf, FACTS, PATH } from './hosts-facts.ts';
import { refusal } from './hosts-refused.ts';

const [GOOD, BAD] = (['good', 'bad'] as const).map((kind) =>
  [...casesOf(kind).values()].map((folder) => readFileSync(`${folder}/hosts.yaml`, 'utf8')),
) as [string[], string[]];

/** What has a meaning in YAML, or here. */
const PIECES = [
  ...[
    '\n',
    '\n  ',
    '\n    ',
    ' ',
    '\t',
    '\r\n',
    '\r',
    '- ',
    '? ',
    ': ',
    ':',
    ', ',
    ',',
    '[',
    ']',
    '{',
    '}',
    '#',
    ' # ',
    '"',
    "'",
    '\\',
    '|\n',
    '>-\n',
  ],
  ...[
    '---\n',
    '...\n',
    '%YAML 1.2\n',
    '&a ',
    '*a',
    '!!str ',
    '!x ',
    '<<: ',
    '~',
    'null',
    'true',
    '0x1f',
    '1e3',
    '.nan',
    '-',
    '=',
    '@',
    '`',
    '\\u0000',
  ],
  ...[
    'subhosts',
    'bridges',
    'defaults',
    'scope',
    'base',
    'upper',
    'lower',
    'work',
    'live',
    'cables',
    'start',
    'ram_size',
    'mac',
    'gateway',
  ],
  ...['web', 'db', './web', '../x', '/', '/etc', 'root', 'ssh', 'none', '50M', 'br0=', '02:00:00:00:00:01', '10.0.0.2/24', 'fd00::1'],
  ...['\0', '\x1b[31m', '\x1f', '\u202e', '\u200b', '\ufeff', '\u2028', '\u0085', '\ud800', 'ü', '🦊', '__proto__', 'constructor'],
];

function randomText(random: Random): string {
  return Array.from({ length: 1 + random(40) }, () => pick(random, PIECES)).join('');
}

/** A file that somebody wrote, with some slips. */
function slippedText(random: Random): string {
  let text = pick(random, random(4) > 0 ? GOOD : BAD);
  for (let slips = 1 + random(4); slips > 0; slips--) {
    const from = random(text.length + 1);
    const to = from + random(3) * random(8);
    text = text.slice(0, from) + (random(3) > 0 ? pick(random, PIECES) : '') + text.slice(to);
  }
  return text;
}

function check(text: string): 'good' | 'bad' {
  let file: HostsFile | undefined;
  const read = (): void => {
    file = parseHostsFile(text, PATH, FACTS);
    throw new Error('it is good');
  };
  try {
    checkMessage(refusal(read), text);
    return 'bad';
  } catch (error) {
    if (!file) throw error;
    checkFile(file);
    return 'good';
  }
}

/** Every line is a place that is there, and says something, in characters that can be seen. */
function checkMessage(message: string, text: string): void {
  // As the parser counts them: a line ends with LF.
  const lines = text.split('\n');
  for (const line of message.split('\n')) {
    assert.equal(unseenIn(line), undefined, line);
    if (/^\/srv\/hosts\.yaml: and \d+ more$/.test(line)) continue;
    const [, row, column] = /^\/srv\/hosts\.yaml:(\d+):(\d+): \S/.exec(line) ?? [];
    const there = lines[Number(row) - 1];
    assert(there !== undefined && Number(column) >= 1 && Number(column) <= there.length + 1, `no such place: ${line}`);
    assert.doesNotMatch(line, /undefined|NaN|\[object/, line);
  }
}

/** What all that stands behind the reading relies on. */
function checkFile({ scope, bridges, subhosts }: HostsFile): void {
  assert.match(scope, /^[a-z][a-z0-9-]{0,31}$/);
  const links = [...bridges.map(({ name }) => name), ...subhosts.flatMap(({ cables }) => cables.map(({ hostEnd }) => hostEnd))];
  for (const link of links) assert.match(link, /^[A-Za-z][A-Za-z0-9_.-]{0,14}$/);
  assert.equal(new Set(links).size, links.length);
  const paths = subhosts.flatMap(({ base, lower, upper, work, live }) => [base, lower, upper, work, live]);
  for (const path of paths) {
    assert.match(path, /^\/[^,:\\]*$/);
    assert.equal(unseenIn(path), undefined);
  }
  assert.equal(new Set(subhosts.map(({ live }) => live)).size, subhosts.length);
  for (const { name } of subhosts) assert.match(name, /^[a-z][a-z0-9-]{0,11}$/);
}

for (const [name, make, count] of [
  ['any text', randomText, 4000],
  ['any slip in a hosts file', slippedText, 4000],
] as const)
  test(`${name} gives a hosts file, or problems with their places`, () => {
    const found = { good: 0, bad: 0 };
    for (let seed = 1; seed <= count; seed++) {
      const text = make(createRandom(seed));
      try {
        found[check(text)]++;
      } catch (error) {
        throw new Error(`seed ${seed}: ${JSON.stringify(text)}: ${messageOf(error)}`, { cause: error });
      }
    }
    assert(found.bad > 100, JSON.stringify(found));
    if (make === slippedText) assert(found.good > 100, JSON.stringify(found));
  });
