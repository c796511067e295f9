import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import test, { type TestContext } from 'node:test';
import { type Layers, setAside } from '../../src/resources/reset.ts';

function makeLayers(t: TestContext): Layers {
  const base = mkdtempSync(`${tmpdir()}/reset-`);
  t.after(() => rmSync(base, { recursive: true, force: true }));
  for (const folder of ['upper/srv', 'upper/etc', 'lower', 'work', 'elsewhere']) mkdirSync(`${base}/${folder}`, { recursive: true });
  for (const file of ['upper/srv/file', 'upper/etc/hosts', 'elsewhere/file']) writeFileSync(`${base}/${file}`, file);
  return { upper: `${base}/upper`, lower: `${base}/lower`, work: `${base}/work` };
}

test('a link that has come in the way since the look is not followed', (t) => {
  const layers = makeLayers(t);
  const elsewhere = `${layers.upper}/../elsewhere`;
  rmSync(`${layers.upper}/srv`, { recursive: true });
  symlinkSync(elsewhere, `${layers.upper}/srv`);
  const { folder, paths, failed } = setAside(layers, ['/srv/file', '/etc/hosts', '/etc/gone']);
  assert.deepEqual([paths, failed], [['/etc/hosts'], [{ path: '/srv/file', words: 'ENOTDIR: not a directory' }]]);
  assert.equal(readFileSync(`${elsewhere}/file`, 'utf8'), 'elsewhere/file');
  assert.equal(readFileSync(`${folder}/etc/hosts`, 'utf8'), 'upper/etc/hosts');
});

test('what is kept has a folder of its own each time, also within a second', (t) => {
  const layers = makeLayers(t);
  const now = new Date('2026-11-28T19:20:30.400Z');
  const base = layers.upper.slice(0, layers.upper.lastIndexOf('/'));
  assert.equal(setAside(layers, ['/srv/file'], now).folder, `${base}/reset-20261128T192030/upper`);
  assert.equal(setAside(layers, ['/'], now).folder, `${base}/reset-20261128T192030-2/upper`);
  assert.ok(existsSync(`${base}/reset-20261128T192030-2/upper/etc/hosts`));
  assert.deepEqual([existsSync(layers.upper), existsSync(`${layers.upper}/etc`)], [true, false]);
});
