import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { KNOWN, type Known, knownOf } from '../../src/planner/conf/known.ts';
import { parseConfs } from '../../src/planner/conf/parse.ts';
import { writeYaml } from '../../src/planner/conf/write.ts';

const text = { type: 'string' };
const words = { type: 'array', items: text };

function schemaOf(keys: object, cable: object = {}): object {
  const cables = { type: 'array', items: { anyOf: [{ type: 'object', properties: { bridge: text, ...cable } }, text] } };
  return { properties: { subhosts: { additionalProperties: { properties: { base: text, lower: text, cables, start: words, ...keys } } } } };
}

const ALL = knownOf(
  schemaOf(
    {
      live: text,
      upper: text,
      work: text,
      ram_size: text,
      log: text,
      share: words,
      premount: words,
      postmount: text,
      init: { anyOf: [text, words] },
      lower: { anyOf: [text, { type: 'string', pattern: '^!.' }] },
    },
    { vlan: { type: 'integer' } },
  ),
);

function read(conf: string, known: Known): { yaml: string; warnings: readonly string[]; problems: readonly string[] } {
  const { node, comments, warnings, problems } = parseConfs([{ path: '/opt/subhost/web/web.conf', text: conf }], known);
  const found = problems.sorted().map(({ line, column, message }) => `${line}:${column}: ${message}`);
  return { yaml: writeYaml(node, comments), warnings, problems: found };
}

test('a variable begins to work when the format of hosts.yaml has its key', () => {
  const conf = 'BASE=.\nLOG=/var/log/web\nSHARE=/srv\n';
  assert.deepEqual(read(conf, knownOf(schemaOf({ log: text }))).warnings, [
    '/opt/subhost/web/web.conf:3: SHARE is not supported yet: ignored',
  ]);
  assert.deepEqual(read(conf, knownOf(schemaOf({ log: text, share: words }))).warnings, []);
});

test('the keys of the real format are found in its schema', () => {
  for (const key of ['base', 'lower', 'upper', 'work', 'live', 'ram_size']) assert.equal(KNOWN.subhostKey(key), 'text', key);
  assert.equal(KNOWN.subhostKey('cables'), 'list');
  for (const key of ['scope', 'toString', '__proto__', 'constructor']) assert.equal(KNOWN.subhostKey(key), undefined, key);
});

test('with a key for everything, every variable comes into the hosts file, and nothing is warned of', () => {
  const file = fileURLToPath(new URL('../../fixtures/conf/everything/mail.conf', import.meta.url));
  const { yaml, warnings, problems } = read(readFileSync(file, 'utf8'), ALL);
  assert.deepEqual([warnings, problems], [[], []]);
  assert.equal(
    yaml,
    `subhosts:
  # Every variable of overlay-boot(8).
  post:
    base: /opt/subhost/web/mail/base
    cables: ["br0=02:00:00:00:00:07", { vlan: 302 }, { bridge: br1, vlan: 303 }, "br1=", "="]
    live: /srv/live
    lower: /srv/lower
    upper: up
    work: wk
    start: [networking, /startup]
    ram_size: 20M
    log: /var/log/mail.log
    premount: [/opt/subhost/web/mail/base/before, "--quick"]
    postmount: /opt/after
    init: my-init
    share: [/srv/mail, "/opt/subhost/web/mail/base/data:/var/data"]
`,
  );
});

test('each share keeps the comment above it', () => {
  const conf = 'BASE=.\n# one\nSHARE=/a\n# two\n# more\nSHARE = /b:/c:ro\nLIVE=x\nSHARE=!ls\n# end\n';
  assert.equal(
    read(conf, ALL).yaml,
    `subhosts:
  web:
    base: /opt/subhost/web
    # one
    share:
      - /a
      # two
      # more
      - "/b:/c:ro"
      - "/opt/subhost/web/!ls"
    live: x
    hide: none
    # end
`,
  );
});

test('a command as value goes through where the format has a form for it, but never as NAME', () => {
  const conf = 'BASE=.\nLOWER=!overlay-diskfile mnt/ disk.img 2\nSTART= !cat services\n';
  assert.deepEqual(read(conf, knownOf(schemaOf({}))).problems, [
    '2:7: a command as value (!…) is not supported yet: write what it prints',
    '3:8: a command as value (!…) is not supported yet: write what it prints',
  ]);
  assert.match(read(conf, ALL).yaml, /^ {4}lower: "!overlay-diskfile mnt\/ disk.img 2"\n {4}start: "!cat services"$/m);
  assert.deepEqual(read('BASE=.\nNAME=!hostname\n', ALL).problems, ['2:6: NAME cannot be a command (!…) here: write what it prints']);
});

test('where a command prints BASE, paths are left to be meant from there', () => {
  const conf =
    'BASE= !./find-base web\nPREMOUNT=before x\nPOSTMOUNT=../after\nINIT=make-init\nSHARE=data:/var/data\nLOWER=!./disk\nWORK=wk\n';
  assert.equal(
    read(conf, ALL).yaml,
    `subhosts:
  web:
    base: "!/opt/subhost/web/find-base web"
    premount: ["./before", x]
    postmount: "../after"
    init: make-init
    share: ["data:/var/data"]
    lower: "!./disk"
    work: wk
    hide: none
`,
  );
});

test('a tag that is no number goes on to the format, which says what is wrong with it', () => {
  assert.match(read('BASE=.\nCABLES= = =.3x "=.\n', ALL).yaml, /cables: \["=", \{ vlan: "3x" \}, \{ bridge: "\\"", vlan: "" \}\]/);
});

test('shares may be many; each is literal, and meant from BASE', () => {
  const shares = Array.from({ length: 200 }, (_, index) => `SHARE=/srv/${index}`);
  const { yaml, problems } = read(`BASE=base\nSHARE= a:b:c\n${shares.join('\n')}\nSHARE=$(id)\n`, ALL);
  const found = yaml.match(/^ {6}- .*$/gm)?.map((line) => line.slice(8)) ?? [];
  assert.deepEqual([found.length, problems], [202, []]);
  assert.deepEqual(
    [found[0], found[1], found[200], found[201]],
    ['"/opt/subhost/web/base/a:b:c"', '/srv/0', '/srv/199', '"/opt/subhost/web/base/$(id)"'],
  );
});
