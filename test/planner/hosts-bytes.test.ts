import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { openHostsFile, parseHostsFile } from '../../src/planner/hosts/read.ts';
import { messageOf } from '../../src/resources/error.ts';
import { casesOf, FACTS, PATH } from './hosts-facts.ts';
import { refusal } from './hosts-refused.ts';

const GOOD = 'subhosts:\n  web: { base: /srv/web }\n';
const LIMIT = 256 * 1024;

function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'ob-hosts-'));
  t.after(() => rmSync(path, { recursive: true }));
  return path;
}

/** What is said of a file with these bytes, but for its name. */
function refusedBytes(t: TestContext, bytes: Buffer | string): string {
  const path = `${folder(t)}/hosts.yaml`;
  writeFileSync(path, bytes);
  return refusal(() => openHostsFile(path)(FACTS)).replaceAll(path, '');
}

/** The same of whatever is at a path. */
function refusedPath(path: string): string {
  return refusal(() => openHostsFile(path)(FACTS)).replace(path, '');
}

test('a file has at most 256 KiB, and the place where it has more is told', (t) => {
  const path = `${folder(t)}/hosts.yaml`;
  writeFileSync(path, GOOD.padEnd(LIMIT - 1, '#').concat('\n'));
  assert.equal(openHostsFile(path)(FACTS).subhosts.length, 1);
  // 99 characters in 100 bytes.
  const line = `${'# ü'.padEnd(98, '-')}\n`;
  const over = LIMIT - GOOD.length;
  assert.equal(refusedBytes(t, GOOD + line.repeat(3000)), `:${3 + Math.floor(over / 100)}:${over % 100}: the file has more than 256 KiB`);
});

test('what is no UTF-8 is refused where it begins', (t) => {
  const cases: readonly (readonly [what: string, bytes: Buffer, said: string])[] = [
    ['Latin-1', Buffer.from(`# ü\n# ü${GOOD}# Müller\n`, 'latin1'), ':1:3: this is no UTF-8'],
    ['Latin-1 behind good lines', Buffer.concat([Buffer.from(`# ü\n# ü ü`), Buffer.from([0xe9])]), ':2:6: this is no UTF-8'],
    ['a sequence that breaks off', Buffer.concat([Buffer.from(GOOD), Buffer.from([0xe2, 0x82])]), ':3:1: this is no UTF-8'],
    ['a surrogate', Buffer.concat([Buffer.from('a: '), Buffer.from([0xed, 0xa0, 0x80])]), ':1:4: this is no UTF-8'],
    ['a slash in two bytes', Buffer.concat([Buffer.from('\na: '), Buffer.from([0xc0, 0xaf])]), ':2:4: this is no UTF-8'],
    ['a real U+FFFD before it', Buffer.concat([Buffer.from('# \ufffd '), Buffer.from([0xff])]), ':1:5: this is no UTF-8'],
    ['one byte', Buffer.from([0xff]), ':1:1: this is no UTF-8'],
  ];
  for (const [what, bytes, said] of cases) assert.equal(refusedBytes(t, bytes), `${said}: save the file as UTF-8`, what);
});

test('UTF-16 is called by its name', (t) => {
  const little = Buffer.from(`\ufeff${GOOD}`, 'utf16le');
  assert.equal(refusedBytes(t, little), ':1:1: this is UTF-16: save the file as UTF-8');
  assert.equal(refusedBytes(t, Buffer.from(little).swap16()), ':1:1: this is UTF-16: save the file as UTF-8');
  assert.match(refusedBytes(t, Buffer.from(GOOD, 'utf16le')), /^:1:2: U\+0000 has no place in a text file\n/);
});

test('control characters are refused wherever they are, once a line', (t) => {
  assert.equal(
    refusedBytes(t, 'subhosts:\n  web: { base: "/srv/\0w\0" } # \x1b[31m\n  # \x07 bell\n  db: { base: @ }\n'),
    [':2:22: U+0000 has no place in a text file', ':3:5: U+0007 has no place in a text file'].join('\n'),
  );
  // The parser's own tokens: they must not be taken from the text.
  for (const token of ['\x02', '\x18', '\x1f']) assert.match(refusedBytes(t, `${GOOD}${token}\n`), /^:3:1: U\+00\w\w has no place/);
  assert.equal(refusedBytes(t, 'subhosts:\r  web: { base: /srv/web }\r'), ':1:10: a line ends with LF or CR LF, not with CR alone');
});

test('a byte order mark and line ends of Windows change nothing', (t) => {
  for (const [name, at] of casesOf('good')) {
    const text = readFileSync(`${at}/hosts.yaml`, 'utf8');
    const expected = parseHostsFile(text, PATH, FACTS);
    assert.deepEqual(parseHostsFile(text.replaceAll('\n', '\r\n'), PATH, FACTS), expected, name);
    assert.deepEqual(parseHostsFile(`\ufeff${text}`, PATH, FACTS), expected, name);
    assert.deepEqual(parseHostsFile(text.trimEnd(), PATH, FACTS), expected, name);
  }
  const path = `${folder(t)}/hosts.yaml`;
  writeFileSync(path, `\ufeff${GOOD.replaceAll('\n', '\r\n')}`);
  assert.equal(openHostsFile(path)(FACTS).subhosts[0]?.base, '/srv/web');
});

test('a byte order mark and line ends of Windows move no place', (t) => {
  assert.equal(
    refusedBytes(t, '\ufeffscoop: x\r\nsubhosts: {}\r\n\r\n \tx\r\n').split('\n')[0],
    ':1:1: unknown key "scoop"; did you mean "scope"?',
  );
  assert.equal(refusedBytes(t, 'subhosts:\r\n  web: { base: /srv/web, x: 1 }\r\n').split(';')[0], ':2:26: unknown key "x"');
});

test('what is no regular file is refused, and never waited for', (t) => {
  const at = folder(t);
  writeFileSync(`${at}/file`, GOOD);
  mkdirSync(`${at}/directory`);
  execFileSync('mkfifo', [`${at}/fifo`]);
  symlinkSync('loop', `${at}/loop`);
  symlinkSync('nowhere', `${at}/dangling`);
  symlinkSync('/dev/zero', `${at}/zero`);
  const said = (name: string): string => refusedPath(`${at}/${name}`);
  assert.equal(said('gone'), ': there is no such file');
  assert.equal(said('directory'), ': it is a directory');
  assert.equal(said('fifo'), ': it is no regular file');
  assert.equal(said('zero'), ': it is no regular file');
  assert.equal(said('loop'), ': it cannot be read (ELOOP)');
  assert.equal(said('dangling'), ': a symbolic link that leads nowhere');
  assert.equal(said('file/below'), ': it cannot be read (ENOTDIR)');
  assert.equal(said('x'.repeat(300)), ': it cannot be read (ENAMETOOLONG)');
});

test('a file that is changed while it is read is refused', async (t) => {
  const path = `${folder(t)}/hosts.yaml`;
  const text = GOOD.padEnd(LIMIT - 1, '#').concat('\n');
  writeFileSync(path, text);
  // Always in place, so that there is something to read at any moment.
  const writing = `const fs = require('fs'), fd = fs.openSync(process.argv[1], 'r+'); for (;;) { fs.writeSync(fd, '#\\n', 300); fs.ftruncateSync(fd, 9000); fs.ftruncateSync(fd, 9001); }`;
  const writer = spawn(process.execPath, ['-e', writing, path], { stdio: 'ignore' });
  t.after(() => writer.kill('SIGKILL'));
  const said = new Set<string>();
  for (const deadline = Date.now() + 60_000; Date.now() < deadline && !said.has(': it was changed while it was read: run this again'); ) {
    try {
      openHostsFile(path);
    } catch (error) {
      said.add(messageOf(error).replace(path, ''));
    }
    await new Promise((resolve) => setImmediate(resolve));
  }
  assert.deepEqual([...said], [': it was changed while it was read: run this again']);
});

test('a symbolic link is followed, and relative paths are meant from where the link is', (t) => {
  const at = folder(t);
  mkdirSync(`${at}/there`);
  writeFileSync(`${at}/there/real.yaml`, 'subhosts:\n  web: { base: ./web }\n');
  symlinkSync('there/real.yaml', `${at}/hosts.yaml`);
  assert.equal(openHostsFile(`${at}/hosts.yaml`)(FACTS).subhosts[0]?.base, `${at}/web`);
});

test('no name of a file reaches the terminal as more than text', (t) => {
  const path = `${folder(t)}/a\n\x1b]0;x\x07\u202e.yaml`;
  assert.equal(refusedPath(path), `${JSON.stringify(path).replace('\u202e', '\\u202e')}: there is no such file`);
  writeFileSync(path, 'x');
  assert.match(refusedPath(path), /^"[ -~]*":1:1: keys and values are wanted here/);
});
