import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatSize, optionValue, parseMountinfo, parseMounts, parseSize } from '../../src/resources/linux/mountinfo.ts';
import { seen } from './seen.ts';

/** The points at which both files show a mount, below the folder of odd names. */
const ODD_POINTS = ['/mnt/a b', '/mnt/ü', '/mnt/tab\tx', '/mnt/back\\slash', '/mnt/hash#', '/mnt/nl\nx'];

test('points with spaces, tabs, newlines, backslashes and UTF-8 come out as they were made', () => {
  const mounts = parseMounts(seen('mounts.txt')).map((mount) => mount.point);
  const mountinfo = parseMountinfo(seen('mountinfo.txt')).map((mount) => mount.point);
  for (const point of ODD_POINTS) {
    assert(mounts.includes(point), point);
    assert(mountinfo.includes(point), point);
  }
});

test('an overlay shows its mark and its layers, with whatever is in their names', () => {
  const layers = ({ source, ...mount }: { source: string; options?: readonly string[]; superOptions?: readonly string[] }): unknown => {
    const options = mount.superOptions ?? mount.options ?? [];
    return [source, ...['lowerdir', 'upperdir', 'workdir'].map((name) => optionValue(options, name))];
  };
  const expected = {
    '/var/lib/ob/web/live': ['ob:demo/web', '/', '/var/lib/ob/web/root', '/var/lib/ob/web/work'],
    '/mnt/w': ['ob:d/u#v', '/mnt/l1', '/mnt/a b/up per', '/mnt/a b/wörk'],
    '/mnt/comma': ['comma', '/mnt/l1', '/mnt/ü/com,ma', '/mnt/ü/eq=ual'],
  };
  for (const [point, found] of Object.entries(expected)) {
    const mount = parseMounts(seen('mounts.txt')).find((one) => one.point === point);
    const line = parseMountinfo(seen('mountinfo.txt')).find((one) => one.point === point);
    assert.deepEqual(mount && layers(mount), found);
    assert.deepEqual(line && layers(line), found);
  }
});

test('a mount with an empty source is seen', () => {
  assert.equal(parseMounts(seen('mounts.txt')).find((mount) => mount.point === '/mnt/empty')?.source, '');
  assert.equal(parseMountinfo(seen('mountinfo.txt')).find((mount) => mount.point === '/mnt/empty')?.source, '');
});

test('of two mounts at one point the later one comes later', () => {
  const types = parseMounts(seen('mounts.txt')).filter((mount) => mount.point === '/mnt/bind');
  assert.deepEqual(
    types.map(({ source, options }) => [source, options[0]]),
    [
      ['ob:demo/bind', 'ro'],
      ['tmpfs', 'rw'],
    ],
  );
});

test('a bind mount of a part shows which part', () => {
  const roots = parseMountinfo(seen('mountinfo.txt')).filter((mount) => mount.point === '/mnt/bind');
  assert.deepEqual(
    roots.map((mount) => mount.root),
    ['/', '/tree'],
  );
});

test('tags of propagation, any number of them, do not shift what follows', () => {
  const [shared] = parseMountinfo(seen('mountinfo-shared.txt'));
  assert.deepEqual([shared?.point, shared?.type, shared?.source], ['/mnt/ü', 'tmpfs', 'ü']);
  const [both] = parseMountinfo('36 35 98:0 /r /m rw,noatime shared:1 master:2 - ext3 /dev/root rw,errors=continue\n');
  assert.deepEqual(both, {
    id: 36,
    device: '98:0',
    root: '/r',
    point: '/m',
    options: ['rw', 'noatime'],
    type: 'ext3',
    source: '/dev/root',
    superOptions: ['rw', 'errors=continue'],
  });
});

test('what is mounted inside a subhost is read with its sizes and options', () => {
  const inside = new Map(parseMountinfo(seen('init-mountinfo.txt')).map((mount) => [mount.point, mount]));
  assert.deepEqual([...inside.keys()], ['/', '/proc', '/sys', '/dev', '/dev/pts', '/dev/shm', '/run', '/.reaper']);
  assert.equal(parseSize(optionValue(inside.get('/run')?.superOptions ?? [], 'size')), 50 * 2 ** 20);
  assert.equal(inside.get('/sys')?.options.includes('ro'), true);
});

test('bytes that stand for one character together are put together; a lone one is replaced', () => {
  const [mount] = parseMounts('t /mnt/\\303\\274\\040\\342\\202\\254ü tmpfs rw 0 0\n');
  assert.equal(mount?.point, '/mnt/ü €ü');
  assert.equal(parseMounts('t /\\303 tmpfs rw 0 0')[0]?.point, '/\ufffd');
});

test('what is no escape stays as it is', () => {
  assert.equal(parseMounts('t /a\\9\\08\\777\\40\\ tmpfs rw 0 0')[0]?.point, '/a\\9\\08\\777\\40\\');
  assert.equal(parseMounts('t /a\\0401 tmpfs rw 0 0')[0]?.point, '/a 1');
});

test('a comma in an option is no end of it, unless it is written as one', () => {
  const [mount] = parseMounts('t /m overlay rw,upperdir=/a\\054b,x=1 0 0');
  assert.deepEqual(mount?.options, ['rw', 'upperdir=/a,b', 'x=1']);
});

test('empty and cut off lines are no mounts', () => {
  for (const text of ['', '\n', 't', 't /m', 't /m tmpfs']) assert.deepEqual(parseMounts(text), [], JSON.stringify(text));
  const line = '36 35 98:0 /r /m rw - ext3 /dev/root rw';
  for (let end = 0; end < line.indexOf('ext3'); end++) assert.deepEqual(parseMountinfo(line.slice(0, end)), [], line.slice(0, end));
});

test('options are found by their whole name', () => {
  const options = ['rw', 'xsize=1', 'size', 'size=5k', 'size=6k', 'empty='];
  assert.equal(optionValue(options, 'size'), '5k');
  assert.equal(optionValue(options, 'empty'), '');
  assert.equal(optionValue(options, 'siz'), undefined);
  assert.equal(optionValue([], 'size'), undefined);
});

test('sizes are written in the largest unit that fits, and read back', () => {
  const words: Readonly<Record<string, number>> = { '50M': 50 * 2 ** 20, '1G': 2 ** 30, '1025M': 1025 * 2 ** 20, '4k': 4096, '4097': 4097 };
  for (const [text, bytes] of Object.entries(words)) {
    assert.equal(formatSize(bytes), text);
    assert.equal(parseSize(text), bytes);
    assert.equal(parseSize(text.toLowerCase()), bytes);
  }
  assert.equal(parseSize('51200k'), 50 * 2 ** 20);
});

test('what is no size is none', () => {
  for (const text of [undefined, '', 'k', '5%', '-1', '1.5M', '1e3', '5 M', '0x10', '5MB']) assert.equal(parseSize(text), undefined, text);
});
