import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { importConfFiles, readConfFiles } from '../../src/planner/conf/read.ts';
import type { Facts } from '../../src/planner/hosts/facts.ts';
import { ExitCode, ObError } from '../../src/resources/error.ts';

const ANY: Facts = { realPath: (path) => path, deviceOf: () => 1, whatIs: () => 'directory', bridges: new Set(['br0']) };

/** A folder with these files; gone with the test. */
function folder(t: TestContext, files: Readonly<Record<string, string | Buffer>>): string {
  const made = mkdtempSync(join(tmpdir(), 'ob-conf-'));
  t.after(() => rmSync(made, { recursive: true }));
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(made, name)), { recursive: true });
    writeFileSync(join(made, name), text);
  }
  return made;
}

const quiet = (): void => {};

/** What is said of files that are refused. */
function refusal(read: () => unknown, at: string): string[] {
  try {
    read();
  } catch (error) {
    assert(error instanceof ObError, String(error));
    assert.equal(error.exitCode, ExitCode.badFile);
    return error.message.replaceAll(`${at}/`, '').split('\n');
  }
  return assert.fail('it was not refused');
}

test('what is no text file is refused, and never waited for', (t) => {
  const at = folder(t, {
    'nul.conf': 'BASE=.\nSTART=a\0b\n',
    'latin1.conf': Buffer.from([0x42, 0x41, 0x53, 0x45, 0x3d, 0xe9]),
    'utf16.conf': Buffer.from('BASE=.\n', 'utf16le'),
    'big.conf': '',
    'line.conf': `BASE=${'x'.repeat(1 << 20)}`,
    'below.conf/x': '',
  });
  truncateSync(`${at}/big.conf`, 50 * (1 << 20));
  execFileSync('mkfifo', [`${at}/fifo.conf`]);
  symlinkSync('loop.conf', `${at}/loop.conf`);
  symlinkSync('/dev/zero', `${at}/zero.conf`);
  const names = 'nul latin1 utf16 big line below fifo zero loop gone'.split(' ').map((name) => `${name}.conf`);
  const said = names.map((name) => refusal(() => readConfFiles([`${at}/${name}`], ANY, quiet), at));
  assert.deepEqual(
    said.map((lines, index) => lines.length === 1 && lines[0]?.startsWith(`${names[index]}:`)),
    names.map(() => true),
    said.join('\n'),
  );
  for (const [index, name] of names.entries())
    assert.deepEqual(
      refusal(() => importConfFiles([`${at}/${name}`], quiet), at),
      said[index],
    );
});

test('a conf file is meant from its own folder, wherever it is read from and whatever it links to', (t) => {
  const at = folder(t, { 'a/a.conf': 'BASE= .\n', 'b/b.conf': 'BASE=../base\n' });
  mkdirSync(`${at}/c`);
  symlinkSync('../a/a.conf', `${at}/c/c.conf`);
  const { scope, subhosts } = readConfFiles([`${at}/a/a.conf`, `${at}/b/b.conf`, `${at}/c/c.conf`], ANY, quiet);
  assert.equal(scope, 'default');
  assert.deepEqual(
    subhosts.map(({ name, base, upper }) => [name, base, upper]),
    [
      ['a', `${at}/a`, `${at}/a/root`],
      ['b', `${at}/base`, `${at}/base/root`],
      ['c', `${at}/c`, `${at}/c/root`],
    ],
  );
});

test('a problem between two files names both places', (t) => {
  const at = folder(t, {
    'a/a.conf': '# first\nBASE=.\nCABLES= =02:00:00:00:00:01\n',
    'b/b.conf': 'BASE=.\n\n\nCABLES= br0=02:00:00:00:00:01 =02:00:00:00:00:02 =02:00:00:00:00:02 br1=\nSTART=x x\n',
  });
  assert.deepEqual(
    refusal(() => readConfFiles([`${at}/a/a.conf`, `${at}/b/b.conf`], ANY, quiet), at),
    [
      'b/b.conf:4:9: MAC 02:00:00:00:00:01 is there already, in a/a.conf:3',
      'b/b.conf:4:50: MAC 02:00:00:00:00:02 is there already, in line 4',
      'b/b.conf:4:69: unknown bridge "br1": it is neither in this file nor on this machine; did you mean "br0"?',
      'b/b.conf:5:9: start entry x is there already, in line 5',
    ],
  );
});

test('a name that is there already is one problem, whatever else the two files have in common', (t) => {
  const conf = 'BASE=.\nCABLES= =02:00:00:00:00:01\n';
  const at = folder(t, { 'a/web.conf': conf, 'b/web.conf': conf, 'c/c.conf': `${conf}NAME=web\n` });
  const paths = ['a/web.conf', 'b/web.conf', 'c/c.conf'].map((name) => `${at}/${name}`);
  assert.deepEqual(
    refusal(() => readConfFiles(paths, ANY, quiet), at),
    ['b/web.conf:1:1: subhost "web" is there already, in a/web.conf:1', 'c/c.conf:3:6: subhost "web" is there already, in a/web.conf:1'],
  );
});

test('a folder that two files share is a problem of the second', (t) => {
  const at = folder(t, { 'a.conf': 'BASE=.\n', 'b.conf': 'BASE=.\nUPPER=upper\nWORK=w\n' });
  assert.deepEqual(
    refusal(() => readConfFiles([`${at}/a.conf`, `${at}/b.conf`], ANY, quiet), at),
    ['b.conf:1:6: live of b, live, is also live of a, in a.conf:1'],
  );
});

test('all files that cannot be read are named, and a file that is named twice counts once', (t) => {
  const at = folder(t, { 'a.conf': 'BASE=.\n' });
  assert.deepEqual(
    refusal(() => importConfFiles([`${at}/x.conf`, `${at}/a.conf`, `${at}/y.conf`], quiet), at),
    ['x.conf: there is no such file', 'y.conf: there is no such file'],
  );
  assert.equal(
    importConfFiles([`${at}/a.conf`, `${at}/../${at.split('/').pop()}/a.conf`], quiet),
    `subhosts:\n  a:\n    base: ${at}\n    hide: none\n`,
  );
});

test('the list for boot stands for what it names; what it does not start is said', (t) => {
  const at = folder(t, { 'a.conf': 'BASE=a\n', 'b.conf': 'BASE=b\n', 'c.conf': 'BASE=c\n', 'd.conf': 'BASE=d\n' });
  writeFileSync(`${at}/subhosts.conf`, `# This file\n\n${at}/b.conf ${at}/a.conf\n  ${at}/d.conf # not now\n`);
  const warnings: string[] = [];
  const yaml = importConfFiles([`${at}/c.conf`, `${at}/subhosts.conf`, `${at}/a.conf`], (line) => warnings.push(line));
  assert.deepEqual(yaml.match(/^ {2}\S+/gm), ['  c:', '  b:', '  a:']);
  assert.deepEqual(
    warnings.map((line) => line.replaceAll(`${at}/`, '')),
    [
      'subhosts.conf:4: overlay-boot passes over a line that has a # anywhere: ignored',
      'c.conf:1: not in subhosts.conf: hosts.yaml has no word for what is not started at boot',
    ],
  );
  assert.deepEqual(
    readConfFiles([`${at}/subhosts.conf`], ANY, quiet).subhosts.map(({ name }) => name),
    ['b', 'a'],
  );
});

test('a list for boot that names what is not there, or nothing, is refused', (t) => {
  const at = folder(t, { 'a.conf': 'BASE=a\n' });
  writeFileSync(`${at}/subhosts.conf`, `${at}/a.conf\n ${at}/x.conf\n`);
  assert.deepEqual(
    refusal(() => importConfFiles([`${at}/subhosts.conf`], quiet), at),
    ['subhosts.conf:2:2: x.conf: there is no such file'],
  );
  writeFileSync(`${at}/subhosts.conf`, `# ${at}/a.conf\n`);
  assert.deepEqual(
    refusal(() => importConfFiles([`${at}/subhosts.conf`], quiet), at),
    ['subhosts.conf: it names no subhost'],
  );
  writeFileSync(`${at}/subhosts.conf`, '/a.conf a.conf\n$(id).conf\n');
  assert.deepEqual(
    refusal(() => importConfFiles([`${at}/subhosts.conf`], quiet), at),
    ['subhosts.conf:1:9: "a.conf" is no full path of a conf file', 'subhosts.conf:2:1: "$(id).conf" is no full path of a conf file'],
  );
});

test('a file of any name is read, and named in one line', (t) => {
  const names = ["x'$(id)'.conf", '-rf.conf', 'a\nb.conf', 'ü `id`.conf'];
  const at = folder(t, Object.fromEntries(names.map((name, index) => [name, `BASE=.\nNAME=n${index}\n`])));
  const named = names.map((name) => `${at}/${name}`);
  assert.deepEqual(
    named.map((path) => readConfFiles([path], ANY, quiet).subhosts[0]?.name),
    ['n0', 'n1', 'n2', 'n3'],
  );
  for (const path of named) writeFileSync(path, 'BASE=.\nFOO=x\n');
  const warnings: string[] = [];
  assert.deepEqual(
    named.flatMap((path) => refusal(() => readConfFiles([path], ANY, (line) => warnings.push(line)), at)).map((line) => line.slice(0, 34)),
    [
      `x'$(id)'.conf:1:1: "x'$(id)'" is n`,
      '-rf.conf:1:1: "-rf" is no name of ',
      '"a\\nb.conf":1:1: "a\\nb" is no name '.slice(0, 34),
      'ü `id`.conf:1:1: "ü `id`" is no na',
    ],
  );
  assert.equal(warnings.length, 4);
});

test('a BASE that a command prints is meant from its conf file, and its command is found there', (t) => {
  const at = folder(t, {
    'web/web.conf': 'BASE=!./where sub\nSTART=none\nLOG=!./log\n',
    'db/db.conf': 'BASE= !where ../other\nSTART=none\n',
  });
  const asked: string[] = [];
  const answer = ({ argv, folder: from }: { argv: readonly string[]; folder: string }) => {
    asked.push(`${argv.join(' ')} in ${from}`.replaceAll(at, 'AT'));
    return { output: argv[1] ?? 'log' };
  };
  const confs = [`${at}/web/web.conf`, `${at}/db/db.conf`];
  const { subhosts } = readConfFiles(confs, { ...ANY, answer }, quiet);
  assert.deepEqual(
    subhosts.map(({ base, upper }) => [base, upper].map((path) => path.replace(at, 'AT'))),
    [
      ['AT/web/sub', 'AT/web/sub/root'],
      ['AT/other', 'AT/other/root'],
    ],
  );
  assert.deepEqual(asked, ['AT/web/where sub in AT/web', './log in AT/web/sub', 'where ../other in AT/db']);
  const warnings: string[] = [];
  importConfFiles(confs, (line) => void warnings.push(line.replace(at, 'AT')));
  assert.deepEqual(warnings, [
    'AT/web/web.conf:1: BASE is printed by a command: a relative path will be meant from the folder of hosts.yaml',
    'AT/db/db.conf:1: BASE is printed by a command: a relative path will be meant from the folder of hosts.yaml',
  ]);
});
