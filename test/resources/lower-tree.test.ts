import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import test, { type TestContext } from 'node:test';
import { foldersOf, isAsStamped, newestPackages, readTree, stampOf } from '../../src/resources/linux/lower-tree.ts';

function makeRoot(t: TestContext): string {
  const root = mkdtempSync(`${tmpdir()}/tree-`);
  t.after(() => rmSync(root, { recursive: true, force: true }));
  return root;
}

/** Is the tree, after CHANGE, what it was before? */
function isSameAfter(root: string, change: () => void): boolean {
  const before = readTree(root);
  assert.ok(before);
  const stamp = stampOf(before);
  assert.match(stamp, /^[0-9a-f]{8}-[0-9a-f]{8}$/);
  change();
  const after = readTree(root);
  return after !== undefined && isAsStamped(after, stamp);
}

const LISTS = ['var/lib/dpkg/status', 'var/lib/rpm/rpmdb.sqlite', 'usr/lib/sysimage/rpm/rpmdb.sqlite', 'lib/apk/db/installed'];

for (const list of LISTS)
  test(`a tree is known by ${list}: by what stands in it, not by its time`, (t) => {
    const root = makeRoot(t);
    const file = `${root}/${list}`;
    mkdirSync(file.slice(0, file.lastIndexOf('/')), { recursive: true });
    writeFileSync(file, 'one');
    assert.equal(
      isSameAfter(root, () => {}),
      true,
    );
    const rewrite = (): void => {
      writeFileSync(`${file}.new`, 'one');
      renameSync(`${file}.new`, file);
      utimesSync(file, 1, 1);
    };
    assert.equal(isSameAfter(root, rewrite), true);
    assert.equal(
      isSameAfter(root, () => mkdirSync(`${root}/bin`, { recursive: true })),
      true,
    );
    assert.equal(
      isSameAfter(root, () => writeFileSync(file, 'two, and of another length')),
      false,
    );
    assert.deepEqual(foldersOf(root), [file.slice(0, file.lastIndexOf('/'))]);
  });

test('a tree without packages is known by the folders of its programs', (t) => {
  const root = makeRoot(t);
  mkdirSync(`${root}/usr/bin`, { recursive: true });
  mkdirSync(`${root}/etc`);
  utimesSync(`${root}/usr/bin`, 1, 1);
  assert.equal(
    isSameAfter(root, () => writeFileSync(`${root}/etc/motd`, '')),
    true,
  );
  assert.equal(
    isSameAfter(root, () => writeFileSync(`${root}/usr/bin/tool`, '')),
    false,
  );
  assert.deepEqual(foldersOf(root), [`${root}/usr/bin`]);
});

test('another tree in its place is another, with files of the same age and text', (t) => {
  const root = makeRoot(t);
  for (const name of ['a', 'b']) {
    mkdirSync(`${root}/${name}/var/lib/dpkg`, { recursive: true });
    writeFileSync(`${root}/${name}/var/lib/dpkg/status`, 'one');
  }
  const swap = (): void => {
    renameSync(`${root}/a`, `${root}/old`);
    renameSync(`${root}/b`, `${root}/a`);
  };
  assert.equal(isSameAfter(`${root}/a`, swap), false);
  assert.equal(readTree(`${root}/gone`), undefined);
  // It has nothing that it could be known by, and yet a time.
  mkdirSync(`${root}/bare`);
  assert.ok(Number.isFinite(readTree(`${root}/bare`)?.changedAt));
});

test('a link in the place of the list is not followed', (t) => {
  const root = makeRoot(t);
  mkdirSync(`${root}/var/lib/dpkg`, { recursive: true });
  writeFileSync(`${root}/elsewhere`, 'one');
  symlinkSync(`${root}/elsewhere`, `${root}/var/lib/dpkg/status`);
  assert.equal(
    isSameAfter(root, () => writeFileSync(`${root}/elsewhere`, 'two, and of another length')),
    true,
  );
});

test('packages that were unpacked since a time are told, the newest first', (t) => {
  const root = makeRoot(t);
  const info = `${root}/var/lib/dpkg/info`;
  mkdirSync(info, { recursive: true });
  for (const [name, seconds] of [
    ['old.list', 10],
    ['zlib1g:amd64.list', 30],
    ['tzdata.list', 40],
    ['tzdata.md5sums', 50],
  ] as const) {
    writeFileSync(`${info}/${name}`, '');
    utimesSync(`${info}/${name}`, seconds, seconds);
  }
  assert.deepEqual(newestPackages(root, 20_000), ['tzdata', 'zlib1g']);
  assert.deepEqual(newestPackages(`${root}/none`, 0), []);
});
