import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Comments } from '../../src/planner/conf/conf.ts';
import { parseConfs } from '../../src/planner/conf/parse.ts';
import { writeYaml } from '../../src/planner/conf/write.ts';
import type { Facts } from '../../src/planner/hosts/facts.ts';
import type { KeyNode, MapNode, Node } from '../../src/planner/hosts/node.ts';
import { parseYaml } from '../../src/planner/hosts/parse.ts';
import { parseHostsFile, toHostsFile } from '../../src/planner/hosts/read.ts';
import type { HostsFile } from '../../src/resources/hosts.ts';
import { createRandom, pick, type Random } from '../random.ts';

function times<T>(count: number, make: (index: number) => T): T[] {
  return Array.from({ length: count }, (_, index) => make(index));
}

const ANY: Facts = { realPath: (path) => path, deviceOf: () => 1, whatIs: () => 'directory', bridges: undefined };

const PATHS = [
  '.',
  'root',
  '/srv/x',
  'a b',
  '$(id)',
  '`id`',
  "it's",
  '"q"',
  'null',
  'true',
  '-',
  '- a',
  '#x',
  'a #b',
  '{a}',
  '[a',
  '007',
  '50',
  '*a',
  '&a',
];
const WORDS = ['ssh', 'networking', 'none', 'null', 'on', 'y', '1e3', '0x1f', '/start up', '/opt/start', '007', 'a.b', 'a@b'];
const CABLES = ['=', 'br0=', '=02:00:00:00:00:01', 'br1=02:00:00:00:00:02', 'true=', '=.7', 'br0=.302'];
const VALUES: Readonly<Record<string, readonly string[]>> = {
  BASE: PATHS,
  LOWER: PATHS,
  UPPER: PATHS,
  WORK: PATHS,
  LIVE: PATHS,
  NAME: ['web', 'null', 'true', 'no', 'y', 'e', 'a-', 'on'],
  RAM_SIZE: ['none', '50M', '64k', '52428800', '1e3', '0x10', '050'],
  LOG: PATHS,
  SHARE: PATHS,
};
const COMMENTS = ['# plain', '#no space', '  # before', '#\ttab: [x', '#', '# "quote\' \u0007 \u00e9 \u{1f600}', '#!x'];

function randomLine(random: Random): string {
  if (random(4) === 0) return pick(random, [...COMMENTS, '', ' ', 'something else', 'FOO=x']);
  const name = pick(random, [...Object.keys(VALUES), 'CABLES', 'START', 'START']);
  const list = name === 'CABLES' ? CABLES : WORDS;
  const value = VALUES[name]
    ? pick(random, VALUES[name])
    : times(random(4), () => pick(random, list)).join(pick(random, [' ', '  ', '\t']));
  return `${name}${random(12) === 0 ? ' ' : ''}=${pick(random, ['', ' ', '\t '])}${value}${pick(random, ['', ' ', '\r'])}`;
}

function randomConf(random: Random): string {
  const lines = [`BASE=${pick(random, PATHS)}`, ...times(random(12), () => randomLine(random))];
  return lines
    .map((line) => ({ line, at: random(1000) }))
    .sort((a, b) => a.at - b.at)
    .map(({ line }) => line)
    .join('\n');
}

/** What was read, or in which words it was refused; places differ from language to language. */
function outcome(read: () => unknown): unknown {
  try {
    return read();
  } catch (error) {
    return String(error)
      .replaceAll(/(^|\n|Error: )\S*?:\d+:\d+: /g, '$1')
      .replaceAll(/, in (line \d+|\S+:\d+)$/gm, '')
      .split('\n')
      .sort();
  }
}

function withoutFiles({ files: _, ...rest }: HostsFile): object {
  return rest;
}

test('the imported file says what the conf files say, or is refused for the same', () => {
  let good = 0;
  for (let seed = 1; seed <= 1500; seed++) {
    const random = createRandom(seed);
    const sources = times(1 + random(3), (index) => ({ path: `/opt/c${index}/c${index}.conf`, text: randomConf(random) }));
    const { node, comments, problems } = parseConfs(sources);
    if (problems.size > 0) continue;
    const yaml = writeYaml(node, comments);
    const fromConf = outcome(() => withoutFiles(toHostsFile(node, '/', ANY, problems)));
    assert.deepEqual(
      outcome(() => withoutFiles(parseHostsFile(yaml, '/elsewhere/hosts.yaml', ANY))),
      fromConf,
      `seed ${seed}:\n${yaml}`,
    );
    if (!Array.isArray(fromConf)) good++;
  }
  assert(good > 250, `only ${good} files were good ones`);
});

test('every comment and every line without effect is in the imported file', () => {
  for (let seed = 1; seed <= 500; seed++) {
    const random = createRandom(seed);
    const text = randomConf(random);
    const { node, comments } = parseConfs([{ path: '/opt/c.conf', text }]);
    const written = writeYaml(node, comments)
      .split('\n')
      .map((line) => line.trim());
    for (const line of text.split('\n').map((one) => one.trim().replaceAll('\u0007', '\ufffd')))
      if (/^#|^FOO|^something/.test(line))
        assert(
          written.some((one) => one.startsWith('#') && one.endsWith(line)),
          `seed ${seed}: ${line}\n${written.join('\n')}`,
        );
  }
});

const PIECES = [
  ...PATHS,
  ...WORDS,
  '',
  ' ',
  '\n',
  '\t',
  '\\',
  '\u0001',
  '\u0085',
  '\u2028',
  '\ufeff',
  '\u{1f600}',
  ': ',
  ' #',
  '\u007f',
  '[[[[[[[[[[[[[[[[[[[[',
  '"',
  "'",
  '%',
  '@',
  '---',
  '...',
  '? ',
  '!x',
  '<<',
  '~',
];

function randomNode(random: Random, depth: number): Node {
  const spot = { line: 0, column: 0 };
  const text = (): string => times(random(4), () => pick(random, PIECES)).join('');
  const kind = depth > 2 ? 0 : random(4);
  if (kind === 1) return { ...spot, kind: 'list', items: times(random(4), () => randomNode(random, 3)) };
  if (kind < 2) return scalar(random(5) === 0 ? random(5000) : text());
  // "<<" as a key is refused by us, not by YAML.
  const keys = [...new Set(times(random(4), text))].filter((key) => key !== '<<');
  return { ...spot, kind: 'map', entries: keys.map((key) => ({ key: { ...spot, text: key }, value: randomNode(random, depth + 1) })) };
}

function scalar(value: string | number): Node {
  return { line: 0, column: 0, kind: 'scalar', value, source: String(value) };
}

/** The same without places. */
function withoutSpots(node: Node | KeyNode): unknown {
  return JSON.parse(JSON.stringify(node, (key, value) => (key === 'line' || key === 'column' ? undefined : value)));
}

test('whatever the nodes are, the text that is written of them is read as the same nodes', () => {
  for (let seed = 1; seed <= 3000; seed++) {
    const random = createRandom(seed);
    const node: MapNode = {
      line: 0,
      column: 0,
      kind: 'map',
      entries: [{ key: { line: 0, column: 0, text: 'top' }, value: randomNode(random, 0) }],
    };
    const comments: Comments = new Map();
    if (random(2) === 0) comments.set((node.entries[0] as MapNode['entries'][number]).key, ['# a', '# b: "c']);
    const yaml = writeYaml(node, comments);
    const read = parseYaml(yaml, ({ line, column }, message) => assert.fail(`seed ${seed}: ${line}:${column}: ${message}\n${yaml}`));
    assert.deepEqual(read && withoutSpots(read), withoutSpots(node), `seed ${seed}:\n${yaml}`);
  }
});
