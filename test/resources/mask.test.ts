import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname } from 'node:path';
import { type TestContext, test } from 'node:test';
import { listMaskEntries, listUnhidden, toMaskWords } from '../../src/resources/linux/mask.ts';

/** A tree of these: `/a/` a folder, `/a` a file, `/a -> b` a link. */
function tree(t: TestContext, ...paths: readonly string[]): string {
  const root = mkdtempSync(`${tmpdir()}/ob-tree-`);
  t.after(() => rmSync(root, { recursive: true }));
  for (const path of paths) {
    const [own = '', target] = path.split(' -> ');
    mkdirSync(path.endsWith('/') ? root + path : dirname(root + own), { recursive: true });
    if (target) symlinkSync(target, root + own);
    else if (!path.endsWith('/')) writeFileSync(root + own, `${own}\n`);
  }
  return root;
}

/** `gone /a`; a folder of which only a part is hidden is `folder`. */
function entries(root: string, hidden: readonly string[], shown: readonly string[] = [], points: readonly string[] = []): string[] {
  return listMaskEntries(root, { hidden, shown }, new Set(points)).map(({ kind, path }) => `${kind} ${path}`);
}

test('what is not there yet is hidden too, if the folder that it would be in is there', (t) => {
  const root = tree(t, '/etc/key', '/home/u/file');
  assert.deepEqual(entries(root, ['/etc/key', '/etc/new', '/none/x', '/home/', '/etc/key/']), [
    'folder /etc',
    'gone /etc/key',
    'gone /etc/new',
    'empty /home',
  ]);
});

test('a star stands for what is there', (t) => {
  const root = tree(t, '/a/x.key', '/a/x.keys', '/a/.key', '/b/y.key', '/b/sub/z.key');
  assert.deepEqual(
    entries(root, ['/*/*.key']).filter((line) => line.startsWith('gone')),
    ['gone /a/.key', 'gone /a/x.key', 'gone /b/y.key'],
  );
  assert.deepEqual(entries(root, ['/a*/']), ['empty /a']);
  assert.deepEqual(entries(root, ['/a(.*', '/a/[x]*']), []);
});

test('stars stand for any text between what is written, and that for itself', (t) => {
  const names = ['a', 'aa', 'aba', 'abba', 'ab', 'xabab', 'a\nb'];
  const root = tree(t, ...names.map((name) => `/f/${name}`));
  const found = (pattern: string): string[] =>
    entries(root, [`/f/${pattern}`]).flatMap((line) => (line.startsWith('gone') ? line.slice('gone /f/'.length) : []));
  assert.deepEqual(found('a*a'), ['aa', 'aba', 'abba']);
  assert.deepEqual(found('a*b*b'), []);
  assert.deepEqual(found('*b*b'), ['xabab']);
  assert.deepEqual(found('a*b*a'), ['aba', 'abba']);
  assert.deepEqual(found('a**b'), ['a\nb', 'ab']);
  assert.deepEqual(found('*'), [...names].sort());
});

test('links are hidden with what they lead to, and passed on the way', (t) => {
  const root = tree(
    t,
    '/real/in/file',
    '/link -> real',
    '/abs -> /real/in',
    '/loop -> loop',
    '/out -> ../../../../real/in/file',
    '/dead -> gone',
  );
  assert.deepEqual(entries(root, ['/link/in/file', '/out']), ['gone /out', 'folder /real', 'folder /real/in', 'gone /real/in/file']);
  assert.deepEqual(entries(root, ['/abs/']), ['gone /abs', 'folder /real', 'empty /real/in']);
  assert.deepEqual(entries(root, ['/loop', '/loop/x', '/dead']), ['gone /dead', 'gone /gone', 'gone /loop']);
});

test('what lies in a hidden folder needs nothing more, and what is mounted is not seen anyway', (t) => {
  const root = tree(t, '/srv/a/b/c', '/mnt/x/y');
  assert.deepEqual(entries(root, ['/srv/a', '/srv/a/b/c', '/srv/a/b/', '/mnt/x/y'], [], [`${root}/mnt`]), ['folder /srv', 'gone /srv/a']);
});

test('what is to be shown leaves all beside it hidden', (t) => {
  const root = tree(t, '/root/ob/start/web', '/root/ob/start/db', '/root/ob/x', '/root/.ssh/key', '/lib/real', '/root/link -> /lib/real');
  assert.deepEqual(entries(root, ['/root/', '/root/new'], ['/root/ob/start/web']), [
    'folder /root',
    'gone /root/.ssh',
    'gone /root/link',
    'gone /root/new',
    'folder /root/ob',
    'folder /root/ob/start',
    'gone /root/ob/start/db',
    'gone /root/ob/x',
  ]);
});

test('password files are there with all users and no password, as the mode of the real ones is', (t) => {
  const root = tree(t, '/etc/shadow', '/etc/gshadow', '/etc/passwd', '/etc/group');
  writeFileSync(`${root}/etc/passwd`, 'root:x:0:0::/root:/bin/sh\n\n+nis\na b:x:1:1:::\n');
  writeFileSync(`${root}/etc/group`, 'root:x:0:\nstaff:x:50:a,b\n');
  chmodSync(`${root}/etc/shadow`, 0o640);
  const found = listMaskEntries(root, { hidden: ['/etc/shadow*', '/etc/gshadow'], shown: [] }, new Set());
  const texts = found.map((one) => (one.kind === 'file' ? one.text() : ''));
  assert.deepEqual(texts, ['', 'root:*::\nstaff:*::\n', 'root:*:19000:0:99999:7:::\na b:*:19000:0:99999:7:::\n']);
  const words = toMaskWords('m', found);
  assert.equal(words[words.indexOf('m/etc/shadow') + 1], String(0o640));
});

test('a long file is cut into arguments that a program may have', (t) => {
  const root = tree(t, '/etc/shadow', '/etc/passwd');
  writeFileSync(`${root}/etc/passwd`, Array.from({ length: 9000 }, (_, index) => `user${index}:x:\n`).join(''));
  const entriesOf = listMaskEntries(root, { hidden: ['/etc/shadow'], shown: [] }, new Set());
  const words = toMaskWords('m', entriesOf);
  assert.ok(words.every((word) => word.length <= 100_000));
  const text = words.filter((word) => word.includes(':*:')).join('');
  assert.equal(text, entriesOf.map((one) => (one.kind === 'file' ? one.text() : '')).join(''));
});

test('what a layer lacks is told', (t) => {
  const root = tree(t, '/etc/a', '/etc/b', '/home/');
  const layer = tree(t, '/etc/a');
  const found = listMaskEntries(root, { hidden: ['/etc/a', '/etc/b', '/home/'], shown: [] }, new Set());
  assert.deepEqual(listUnhidden(layer, found), ['/etc/b', '/home']);
});
