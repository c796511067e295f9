import type { HostileText } from './input.ts';

// Section by section as hosts files are tried: what is said of each, or what it means.

const one = (keys: string): string => `subhosts:\n  web: { base: /srv/web, ${keys} }\n`;
const named = (name: string): string => `subhosts:\n  ${name}: { base: /srv/x }\n`;
const cable = (keys: string): string => one(`cables: [{ bridge: br0, ${keys} }]`);
const quoted = (name: string): string => named(JSON.stringify(name));

const NAME = /^hosts\.yaml:2:3: .*(name of a subhost|is no|which cannot be seen)/m;
const UNSEEN = /^hosts\.yaml:\d+:\d+: .*(cannot be seen|has no place in a text file)/m;

function each(group: string, values: readonly string[], make: (value: string) => string, refused: RegExp): HostileText[] {
  return values.map((value) => ({ what: `${group} ${JSON.stringify(value).slice(0, 40)}`, text: make(value), refused }));
}

export const HOSTS_FILES: readonly HostileText[] = [
  { what: 'a key twice', text: 'subhosts: {}\nsubhosts: {}\n', refused: /^hosts\.yaml:2:1: the key "subhosts" is there already/m },
  { what: 'a key of a subhost twice', text: one('live: a, live: b'), refused: /:2:35: the key "live" is there already/ },
  {
    what: 'a subhost twice',
    text: 'subhosts:\n  web: { base: /srv/a }\n  web: { base: /srv/b }\n',
    refused: /:3:3: the key "web" is there already/,
  },
  { what: 'a subhost twice but for its case', text: 'subhosts:\n  web: { base: /srv/a }\n  Web: { base: /srv/b }\n', refused: /:3:3: / },
  { what: 'a merge key', text: one('<<: { live: x }'), refused: /:2:26: merge key <</ },
  {
    what: 'billion laughs',
    text: `a: &a [x, x]\n${'bcdefghij'
      .split('')
      .map((name, index) => `${name}: &${name} [*${'abcdefghi'[index]}, *${'abcdefghi'[index]}]\n`)
      .join('')}subhosts: *j\n`,
    refused: /:1:4: anchor "&a"/,
  },
  { what: 'an alias of itself', text: 'subhosts: &a [*a]\n', refused: /:1:11: anchor/ },
  { what: '20 000 brackets', text: '['.repeat(20_000), refused: /:1:17: nested deeper/, apart: true },
  { what: '5 000 nested maps', text: `${'{a: '.repeat(5000)}`, refused: /:1:65: nested deeper/, apart: true },
  { what: 'a text of 5 MB', text: `subhosts: ${'x'.repeat(5_000_000)}`, refused: /:1:\d+: the file has more than 256 KiB/, asFile: true },
  {
    what: '100 000 subhosts',
    text: `subhosts:\n${Array.from({ length: 100_000 }, (_, index) => `  s${index}: {}\n`).join('')}`,
    refused: /:\d+:\d+: the file has more than 256 KiB/,
    asFile: true,
  },
  ...each('a subhost named', ['__proto__', 'toString'], named, NAME),
  { what: 'a subhost named constructor', text: named('constructor'), means: { name: 'constructor' } },
  ...each('the key', ['__proto__', 'constructor', 'toString'], (key) => one(`${key}: 1`), /:2:26: unknown key/),
  ...each('the tag', ['!!js/function', '!!binary', '!foo'], (tag) => one(`live: ${tag} x`), /:2:32: tag "/),
  { what: 'two documents', text: `${named('web')}---\n${named('db')}`, refused: /:\d+:\d+: more than one document/ },
  { what: 'an end of a document alone', text: '...\n', refused: /:1:1: the file is empty/ },
  { what: 'nothing', text: '', refused: /:1:1: the file is empty/ },
  { what: 'a text at the top', text: 'web\n', refused: /:1:1: keys and values are wanted here/ },
  { what: 'a list at the top', text: '- web\n', refused: /:1:1: keys and values are wanted here/ },
  { what: 'a tab as indentation', text: 'subhosts:\n\tweb: { base: /srv/web }\n', refused: /:2:1: / },
  { what: 'lines that end in CR LF', text: named('web').replaceAll('\n', '\r\n'), means: { name: 'web', base: '/srv/x' } },
  { what: 'a byte order mark', text: `\ufeff${named('web')}`, means: { name: 'web' } },
  { what: 'bytes that are no UTF-8', text: Buffer.from([0x61, 0x3a, 0x20, 0xff]), refused: /:1:4: this is no UTF-8/, asFile: true },
  { what: 'UTF-16', text: Buffer.from(`\ufeff${named('web')}`, 'utf16le'), refused: /:1:1: this is UTF-16/, asFile: true },
  { what: 'a NUL', text: one('live: "a\0b"'), refused: UNSEEN },
  { what: 'a NUL that is written out', text: one('live: "a\\0b"'), refused: UNSEEN },
  ...each('a subhost named', ['1e3', '0x1f', '007', 'null', '.nan', '~', '2024-01-01'], named, /^hosts\.yaml:2:3: /m),
  { what: 'a subhost named no', text: named('no'), means: { name: 'no' } },
  {
    what: 'a MAC that YAML 1.1 takes for a number',
    text: cable('mac: 10:20:30:40:50:59'),
    means: { cables: [{ mac: '10:20:30:40:50:59' }] },
  },
  ...each(
    'the MAC',
    ['01:00:5e:00:00:01', '00:00:00:00:00:00', '02:00', '$(id)', '02:00:00:00:00:0g'],
    (mac) => cable(`mac: "${mac}"`),
    /:2:\d+: .* is no MAC/,
  ),
  { what: 'a MAC twice', text: one('cables: [br0=02:00:00:00:00:01, br0=02:00:00:00:00:01]'), refused: /:2:\d+: .*02:00:00:00:00:01/ },
  ...each(
    'a subhost named',
    [
      '',
      '.',
      '..',
      '../x',
      '/',
      '-h',
      '-all',
      'a b',
      "a'b",
      '$(id)',
      '`id`',
      ';id',
      'thirteen-char',
      'w\u0435b',
      'system.slice',
      'web\u200f',
      'w\u200beb',
      'a\nb',
    ],
    quoted,
    NAME,
  ),
  // None of these is the name of a link: that has a number behind it.
  ...['eth', 'br', 'all', 'default', 'lo', 'docker'].map((name) => ({
    what: `a subhost named ${name}`,
    text: named(name),
    means: { name },
  })),
  {
    what: 'a link that two subhosts would have',
    text: `subhosts:\n  web: { base: /srv/a, cables: [${'=,'.repeat(11)}] }\n  web1: { base: /srv/b, cables: ["="] }\n`,
    refused: /:3:\d+: .*web10/,
  },
  ...each(
    'the upper',
    ['/', '/etc', '..', '../other', '/srv/web/live', '/a,b', 'a:b', 'a\\b', '/srv/file', ''],
    (path) => one(`upper: ${JSON.stringify(path)}`),
    /:2:\d+: /,
  ),
  { what: 'an upper through a link to a path with a comma', text: one('upper: /srv/comma'), refused: /:2:\d+: .*","/ },
  { what: 'an upper on another filesystem than work', text: one('upper: /data/up'), refused: /is on another filesystem/ },
  {
    what: 'an upper inside another',
    text: 'subhosts:\n  a: { base: /srv/a }\n  b: { base: /srv/b, upper: /srv/a/root/x }\n',
    refused: /:3:\d+: /,
  },
  { what: 'an upper that is lower', text: one('upper: /srv/tree, lower: /srv/tree'), means: { upper: '/srv/tree', lower: '/srv/tree' } },
  ...each(
    'the share',
    ['/srv/x:/proc', '/srv/x:/dev', '/srv/x:/', '/srv/x:../..', '/srv/x:/a/../b', 'a:b:c', '/srv/x:', ':', '/srv/x:/y:rw', '/srv/a,b:/x'],
    (share) => one(`share: [${JSON.stringify(share)}]`),
    /:2:\d+: /,
  ),
  { what: 'a share of a process', text: one('share: ["/proc/1/root:/x"]'), means: { shares: [{ source: '/proc/1/root', target: '/x' }] } },
  ...each(
    'the VLAN',
    ['0', '4095', '4096', '-1', '1.5', '"1;x"', 'null', '1e99'],
    (vlan) => one(`cables: ["br0=", { bridge: br0, vlan: ${vlan} }]`),
    /:2:\d+: a whole number from 1 to 4094/,
  ),
  ...each(
    'the size',
    ['50M;x', '-1', '1e99', '100%', '', '0', '9999999999999999999G', '$(id)'],
    (size) => one(`ram_size: "${size}"`),
    /:2:\d+: .* is no size/,
  ),
  ...each(
    'the service',
    ['ssh --foo', '/startup with spaces', '-h', ';reboot', '$(reboot)', ''],
    (name) => one(`start: ["${name}"]`),
    /:2:\d+: .*(no service or a path|there is no)/,
  ),
  { what: 'a path of START that leads up', text: one('start: ["../x"]'), means: { start: [{ name: '/x' }] } },
  { what: '1 000 services', text: one(`start: [${Array.from({ length: 1000 }, (_, index) => `s${index}`).join(', ')}]`), means: {} },
  ...each(
    'the bridge',
    ['lo', 'all', 'default', '../x', 'a b', '-h', 'sixteen-chars-xx', '', '$(id)', 'a/b', 'a:b'],
    (name) => `bridges: { ${JSON.stringify(name)}: {} }\nsubhosts: {}\n`,
    /:1:12: /,
  ),
  { what: 'a bridge that a cable would be', text: `bridges: { web0: {} }\n${one('cables: [web0=]')}`, refused: /web0/ },
];
