import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { machineFacts } from '../../src/planner/hosts/facts.ts';
import { openHostsFile } from '../../src/planner/hosts/read.ts';
import { refusal } from './hosts-refused.ts';

const FACTS = machineFacts(new Set());

function folder(t: TestContext): string {
  const path = realpathSync(mkdtempSync(join(tmpdir(), 'ob-hosts-')));
  t.after(() => rmSync(path, { recursive: true }));
  mkdirSync(`${path}/directory`);
  writeFileSync(`${path}/file`, '');
  symlinkSync('directory', `${path}/link`);
  symlinkSync('nowhere', `${path}/dangling`);
  symlinkSync('loop', `${path}/loop`);
  return path;
}

/** As a user who may not look into one directory. */
function lockedOut<T>(directory: string, act: () => T): T {
  const isRoot = process.geteuid?.() === 0;
  chmodSync(directory, 0);
  if (isRoot) process.seteuid?.(65534);
  try {
    return act();
  } finally {
    if (isRoot) process.seteuid?.(0);
    chmodSync(directory, 0o700);
  }
}

test('what is at a path is told as far as it can be seen', (t) => {
  const at = folder(t);
  const seen = (path: string): string => FACTS.whatIs(`${at}/${path}`);
  assert.equal(FACTS.whatIs('/'), 'directory');
  assert.deepEqual(['directory', 'link', 'gone', 'gone/below', 'link/gone'].map(seen), [
    'directory',
    'directory',
    'nothing',
    'nothing',
    'nothing',
  ]);
  assert.deepEqual(['file', 'file/below', 'dangling', 'loop', 'loop/below', 'x'.repeat(300)].map(seen), Array(6).fill('other'));
  assert.equal(
    lockedOut(`${at}/directory`, () => seen('directory/below')),
    'unknown',
  );
});

test('a path is on the nearest mount above it, the root filesystem not counted', (t) => {
  const at = folder(t);
  symlinkSync('/proc/self', `${at}/away`);
  assert.deepEqual(
    ['/', '/proc', '/proc/self/status', '/process', `${at}/away/status`].map((path) => FACTS.mountedAt?.(path)),
    [undefined, '/proc', '/proc', undefined, '/proc'],
  );
});

test('a path is known without its links, as far as it is there', (t) => {
  const at = folder(t);
  assert.equal(FACTS.realPath(`${at}/link`), `${at}/directory`);
  assert.equal(FACTS.realPath(`${at}/link/not/yet`), `${at}/directory/not/yet`);
  assert.equal(FACTS.realPath(`${at}/link/../directory/./x/`), `${at}/directory/x`);
  for (const path of ['loop', 'file/below', 'dangling']) assert.equal(FACTS.realPath(`${at}/${path}`), `${at}/${path}`);
  assert.equal(FACTS.realPath('/'), '/');
});

test('a directory that is yet to be made is on the filesystem of the one above', (t) => {
  const at = folder(t);
  assert.equal(FACTS.deviceOf(`${at}/not/yet`), FACTS.deviceOf(at));
  assert.notEqual(FACTS.deviceOf(`${at}/not/yet`), FACTS.deviceOf('/proc/not/yet'));
  assert.equal(FACTS.deviceOf(`${at}/loop`), undefined);
  assert.equal(FACTS.deviceOf(`${at}/file/below`), undefined);
  assert.equal(
    lockedOut(`${at}/directory`, () => FACTS.deviceOf(`${at}/directory/below`)),
    undefined,
  );
});

function said(at: string, subhosts: string): string[] {
  writeFileSync(`${at}/hosts.yaml`, `subhosts:\n${subhosts}`);
  return refusal(() => openHostsFile(`${at}/hosts.yaml`)(FACTS))
    .replaceAll(at, '')
    .split('\n');
}

test('a hosts file is checked against the machine that it is on', (t) => {
  const at = folder(t);
  assert.deepEqual(said(at, '  a: { base: ./file }\n  b: { base: ./loop }\n  c: { base: ./c, upper: ../dangling, lower: ../gone }\n'), [
    '/hosts.yaml:2:14: base /file is no directory',
    '/hosts.yaml:3:14: base /loop is no directory',
    '/hosts.yaml:4:26: "../dangling" leads out of base /c: write an absolute path if you mean /dangling',
    '/hosts.yaml:4:46: lower /gone is no directory: nothing is there',
  ]);
  assert.deepEqual(said(at, `  a: { base: ./a, work: /proc/x }\n  b: { base: ./b, upper: ${at}/dangling, start: [./gone, ./file] }\n`), [
    '/hosts.yaml:2:25: work /proc/x is on another filesystem than upper /a/root: overlay needs both on one',
    '/hosts.yaml:3:26: upper /dangling is no directory',
    `/hosts.yaml:3:${26 + at.length + '/dangling, start: ['.length}: there is no /gone`,
  ]);
});

test('two ways to one directory are one directory', (t) => {
  const at = folder(t);
  assert.deepEqual(said(at, '  a: { base: ./directory }\n  b: { base: ./link }\n'), [
    '/hosts.yaml:3:14: live of b, /directory/live, is also live of a, in line 2',
  ]);
  symlinkSync('a,b', `${at}/comma`);
  mkdirSync(`${at}/a,b`);
  assert.deepEqual(said(at, '  a: { base: ./comma }\n'), [
    '/hosts.yaml:2:14: base is /a,b: it holds ",", which mount options have another use for',
  ]);
});

test('who may not look is not told that nothing is there', (t) => {
  const at = folder(t);
  chmodSync(at, 0o755);
  writeFileSync(`${at}/hosts.yaml`, 'subhosts: { a: { base: ./directory/a, lower: /nowhere/of/mine } }\n');
  assert.equal(
    lockedOut(`${at}/directory`, () => refusal(() => openHostsFile(`${at}/hosts.yaml`)(FACTS))),
    `${at}/hosts.yaml:1:46: lower /nowhere/of/mine is no directory: nothing is there`,
  );
});
