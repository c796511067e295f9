import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Answer, Facts, Question } from '../../src/planner/hosts/facts.ts';
import { parseHostsFile } from '../../src/planner/hosts/read.ts';
import type { HostsFile } from '../../src/resources/hosts.ts';
import { FACTS, PATH } from './hosts-facts.ts';
import { refused } from './hosts-refused.ts';

/** `!echo WORDS` prints these words; `!false` fails; `!lines` prints two lines. Keeps what it was asked. */
function createAnswers(): { facts: Facts; asked: Question[] } {
  const asked: Question[] = [];
  const answer = (question: Question): Answer => {
    asked.push(question);
    const [program, ...words] = question.argv;
    if (program === 'lines') return { output: 'one\ntwo' };
    return program === 'echo' ? { output: words.join(' ') } : { error: 'it failed' };
  };
  return { facts: { ...FACTS, answer }, asked };
}

function read(text: string): { file: HostsFile; asked: readonly Question[] } {
  const { facts, asked } = createAnswers();
  return { file: parseHostsFile(text, PATH, facts), asked };
}

function only(file: HostsFile): HostsFile['subhosts'][number] {
  const [one] = file.subhosts;
  assert(one);
  return one;
}

test('what a command prints stands in its place, whatever it looks like', () => {
  const { file } = read(`subhosts:
  web:
    base: "!echo ./web"
    lower: "!echo /srv/!echo $(id)"
    upper: "! echo !echo up"
    work: '!echo "quoted"'
    live: "!echo  two  words"
    start: "!echo networking  ./start"
    cables: ["!echo br0= =02:00:00:00:00:09", "="]
    ram_size: "!echo 20M"
    log: "!echo ./log"
`);
  const { base, lower, upper, work, live, start, cables, ramSize, log } = only(file);
  assert.deepEqual(
    [base, lower, upper, work, live, ramSize, log],
    ['/srv/web', '/srv/!echo $(id)', '/srv/web/!echo up', '/srv/web/"quoted"', '/srv/web/two words', 20 << 20, '/srv/web/log'],
  );
  assert.deepEqual(
    start.map(({ name }) => name),
    ['networking', '/srv/start'],
  );
  assert.deepEqual(
    cables.map(({ bridge, mac, hostEnd }) => [hostEnd, bridge, mac]),
    [
      ['web0', 'br0', null],
      ['web1', null, '02:00:00:00:00:09'],
      ['web2', null, null],
    ],
  );
});

test('a start list may be printed as none, and as nothing', () => {
  for (const words of ['none', '']) {
    const { file } = read(`subhosts: { web: { base: ./web, start: "!echo ${words}" } }`);
    assert.deepEqual(only(file).start, [], words);
  }
});

test('a command is told its file, subhost and base, and is run in base', () => {
  const { asked } = read(`defaults: { base: "!echo ./web", work: "!echo w" }
subhosts:
  web: { live: "!echo l" }
  db: { base: ./gone, start: "!echo none" }
  mail: { base: "!echo ./mail", upper: "!echo u", lower: / }
`);
  const config = { CONFIG: PATH };
  assert.deepEqual(
    asked.map(({ argv, folder, env }) => [argv.join(' '), folder, env]),
    [
      ['echo ./web', '/srv', config],
      ['echo w', '/srv/web', { ...config, BASE: '/srv/web' }],
      ['echo l', '/srv/web', { ...config, NAME: 'web', BASE: '/srv/web' }],
      ['echo none', '/srv', { ...config, NAME: 'db', BASE: '/srv/gone' }],
      ['echo ./mail', '/srv/web', { ...config, NAME: 'mail', BASE: '/srv/web' }],
      ['echo u', '/srv/mail', { ...config, NAME: 'mail', BASE: '/srv/mail' }],
    ],
  );
});

test('nothing else is a command', () => {
  const { asked } = read(`subhosts:
  web: { base: ./web, start: none, share: ["!echo /srv/data"], premount: "!echo x", lower: " !echo /" }
`);
  assert.deepEqual(asked, []);
});

test('a command that fails, and a value that is none, are told where the command stands', () => {
  const { facts } = createAnswers();
  const said = refused(
    `subhosts:
  web:
    base: ./web
    lower: "!false now"
    live: "!lines"
    cables: ["!echo br0"]
    ram_size: "!echo much"
`,
    facts,
  );
  assert.equal(
    said,
    `${PATH}:4:12: "!false now": it failed
${PATH}:5:11: "one\\ntwo" is no path: it holds U+000A, which cannot be seen
${PATH}:6:14: "br0" is no cable: write it like "br0=02:00:00:00:00:07" or "br0=.302", or as { bridge: …, mac: … }
${PATH}:7:15: "much" is no size: write it like 50M (k, M, G), or none`,
  );
});

test('no command of a file that cannot be read is run', () => {
  const { facts, asked } = createAnswers();
  refused('subhosts:\n  web: { base: "!echo ./web", base: ./x }\n', facts);
  assert.deepEqual(asked, []);
});

test('where no command may be run, what it stands for is not known, and not wrong', () => {
  const text =
    'subhosts:\n  web: { base: "!a", lower: "!b", upper: "!c", work: "!d", live: "!e", start: "!f", cables: ["!g"], ram_size: "!h" }\n';
  assert.equal(only(parseHostsFile(text, PATH, FACTS)).name, 'web');
});

test('a file that others than root can change has no commands', () => {
  const text = 'subhosts:\n  web:\n    base: /srv/web\n    premount: ./before\n    postmount: ./after\n    upper: ./upper.sh\n';
  assert.throws(() => parseHostsFile(text, '/open/hosts.yaml', FACTS), {
    message: [4, 5, 6]
      .map(
        (line) =>
          `/open/hosts.yaml:${line}:${[15, 16, 12][line - 4]}: commands here are run as root, and others than root can change /open: chown root and chmod go-w it`,
      )
      .join('\n'),
  });
  assert.equal(only(parseHostsFile('subhosts: { web: { base: /srv/web } }', '/open/hosts.yaml', FACTS)).hooks, undefined);
});
