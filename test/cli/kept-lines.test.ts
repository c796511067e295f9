import assert from 'node:assert/strict';
import test from 'node:test';
import { COMMANDS } from '../../src/cli/all-commands.ts';
import { keepLines, LINES, type ReadLine, readLines, recallLine } from '../../src/cli/kept-lines.ts';
import { readLine } from '../../src/cli/main.ts';

const byYargs = (words: readonly string[]): Promise<ReadLine | undefined> => readLine(words, COMMANDS);

/** As through the JSON in which a snapshot is told of them. */
const keepAll = async (): Promise<void> => keepLines(JSON.parse(JSON.stringify(await readLines(byYargs))), COMMANDS);

const PLAIN = [
  'hosts.yaml',
  './a-b',
  '/x/y.conf',
  'web',
  'WORD',
  'a_b.c',
  '.',
  '..',
  '../a',
  'x--y',
  'plan',
  'True',
  'NaN',
  'e5',
  '.5',
  'helpful',
];

test('what is kept of a line is what yargs makes of it', async () => {
  assert.equal(recallLine(['plan']), undefined, 'nothing is kept yet');
  await keepAll();
  for (const line of LINES)
    for (const word of PLAIN) {
      const words = line.split(' ').map((one) => (one === 'WORD' ? word : one));
      const recalled = recallLine(words);
      assert.ok(recalled, words.join(' '));
      assert.deepEqual({ ...recalled.raw }, { ...(await byYargs(words))?.raw }, words.join(' '));
      assert.equal(recalled.command, (await byYargs(words))?.command);
    }
});

test('every other line is for yargs to read', async () => {
  await keepAll();
  const lines = [
    '',
    'plan help',
    'plan --detailed-exitcode true',
    'apply -q false',
    'help plan',
    'plan -h',
    'plan 7',
    'plan 007',
    'plan "a"',
    "plan 'a'",
    'plan a b',
    'plan a -q',
    'apply -q -q',
    'apply -qq',
  ];
  const other = [
    ...lines,
    'plan --detailed-exitcode=false a',
    'plan a --detailed-exitcode',
    'start',
    'start a b',
    'exec web',
    'plan -- a',
    'plan a=b',
  ];
  for (const line of other) assert.equal(recallLine(line.split(' ')), undefined, line);
  for (const words of [[], ['plan', ''], ['plan', 'a b'], ['plan', '--detailed-exitcode WORD'], ['apply', '\n']])
    assert.equal(recallLine(words), undefined, JSON.stringify(words));
});
