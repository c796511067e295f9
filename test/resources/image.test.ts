import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { findFilesystem, type Image, readImage } from '../../src/resources/linux/image.ts';
import { createRandom } from '../random.ts';

const MIB = 1 << 20;
const noSfdisk = existsSync('/usr/sbin/sfdisk') ? undefined : 'needs /usr/sbin/sfdisk';
const noPartx = noSfdisk ?? (existsSync('/usr/bin/partx') ? undefined : 'needs /usr/bin/partx');

function folderOf(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'ob-image-'));
  t.after(() => rmSync(folder, { recursive: true }));
  return folder;
}

/** An image with these partitions, and the magic of ext4 in each of NUMBERS, as far as ob finds them. */
function makeImage(t: TestContext, table: string): string {
  const image = join(folderOf(t), 'disk.img');
  writeFileSync(image, '');
  truncateSync(image, 64 * MIB);
  execFileSync('/usr/sbin/sfdisk', ['-q', image], { input: table, stdio: ['pipe', 'ignore', 'inherit'] });
  return image;
}

/** What partx of util-linux says of its partitions: number, first sector, sectors. */
function partx(image: string): [number: number, offset: number, size: number][] {
  const text = execFileSync('/usr/bin/partx', ['-g', '-o', 'NR,START,SECTORS', image], { encoding: 'utf8' });
  const lines = text.trim().split('\n');
  return lines
    .map((line) => line.trim().split(/\s+/).map(Number) as [number, number, number])
    .map(([nr, at, size]) => [nr, at * 512, size * 512]);
}

const TABLES: Readonly<Record<string, string>> = {
  gpt: 'label: gpt\nsize=1MiB\nsize=8MiB\nsize=16MiB\n',
  'gpt with a gap in its numbers': 'label: gpt\n1: size=1MiB\n5: size=8MiB\n128: size=16MiB\n',
  mbr: 'label: dos\nsize=1MiB, type=83\nsize=8MiB, type=83\nsize=16MiB, type=c\n',
  'mbr with logical partitions':
    'label: dos\nsize=4MiB, type=83\nsize=40MiB, type=5\n5: size=8MiB, type=83\n6: size=8MiB, type=83\n7: size=4MiB, type=83\n',
  'mbr with a gap in its numbers': 'label: dos\n2: size=8MiB, type=83\n4: size=16MiB, type=83\n',
};

for (const [name, table] of Object.entries(TABLES))
  test(`partitions are found where partx finds them: ${name}`, { skip: noPartx }, (t) => {
    const image = makeImage(t, table);
    const bytes = readFileSync(image);
    // One that only holds others is none.
    const expected = partx(image).filter(([, , size]) => size !== 40 * MIB);
    assert.ok(expected.length > 1);
    for (const [number, offset, size] of expected) {
      bytes.set([0x53, 0xef], offset + 1080);
      writeFileSync(image, bytes);
      assert.deepEqual(readImage(image, number), { range: { offset, size }, type: 'ext4' }, `partition ${number}`);
    }
    assert.match(problemOf(readImage(image, 99)), /^partition: there is no partition 99: it has \d/);
    assert.match(problemOf(readImage(image, null)), /^image: no filesystem .*say which partition is meant: it has \d/);
  });

function problemOf(image: Image | undefined): string {
  return image?.problem ? `${image.problem.of}: ${image.problem.words}` : 'none';
}

test('a partition that is cut off is told', { skip: noSfdisk }, (t) => {
  const image = makeImage(t, 'label: gpt\nsize=8MiB\nsize=50MiB\n');
  truncateSync(image, 20 * MIB);
  assert.equal(problemOf(readImage(image, 2)), 'partition: partition 2 is not all inside the image');
});

test('what is no image is told by what it is', (t) => {
  const folder = folderOf(t);
  assert.equal(problemOf(readImage(`${folder}/none`, null)), 'image: there is no such file');
  assert.equal(problemOf(readImage(folder, null)), 'image: it is no regular file');
  execFileSync('mkfifo', [`${folder}/fifo`]);
  assert.equal(problemOf(readImage(`${folder}/fifo`, null)), 'image: it is no regular file');
  for (const text of ['', 'short', 'x'.repeat(5000)]) {
    writeFileSync(`${folder}/text`, text);
    assert.equal(problemOf(readImage(`${folder}/text`, null)), 'image: no filesystem that ob knows is there (ext4, squashfs)');
    assert.equal(problemOf(readImage(`${folder}/text`, 1)), 'partition: there is no partition 1: it has none');
  }
});

test('a table that says anything is read to its end, and never outside of the image', { skip: noSfdisk }, (t) => {
  const random = createRandom(20261124);
  const tables = ['gpt', 'mbr with logical partitions'].map((name) => readFileSync(makeImage(t, TABLES[name] ?? '')).subarray(0, 8 * MIB));
  for (let round = 0; round < 300; round++) {
    const bytes = tables[round % 2] as Buffer;
    for (let flips = 0; flips < 40; flips++) bytes[random(4096)] = random(256);
    // As a table is still.
    bytes.writeUInt16LE(0xaa55, 510);
    if (round % 2 === 0) bytes.write('EFI PART', 512, 'latin1');
    const read = (offset: number, length: number): Buffer =>
      bytes.subarray(Math.min(offset, bytes.length), Math.min(offset + length, bytes.length));
    for (const partition of [null, 1, 2, 5]) {
      const found = findFilesystem(read, bytes.length, partition);
      if (!found.problem) assert.ok(found.range.offset + found.range.size <= bytes.length);
    }
  }
});
