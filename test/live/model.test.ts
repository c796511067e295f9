import assert from 'node:assert/strict';
import test from 'node:test';
import { parse } from 'yaml';
import { hostsFileSchema } from '../../src/planner/hosts/format.ts';
import { tableOf } from '../crash/table.ts';
import { noLive } from '../machine.ts';
import { keysIn, keysOf } from '../planner/arbitrary.ts';
import { edited, editsOf, FILE, firstModel, hostsText, LEFT_OUT, NAMES } from './model-hosts.ts';
import { trySeeds } from './model-seeds.ts';

// SEED makes it another one; COUNT=1000 tries as many from there on, WORKERS at a time, and prints a row like those of
// test/crash: npm run test:crash.
const first = Number(process.env['SEED'] ?? 1);
const count = Number(process.env['COUNT'] ?? 1);
const length = Number(process.env['OPS'] ?? 30);
const workers = Number(process.env['WORKERS'] ?? 3);

test(`${length} random edits, runs, kills and drifts: apply mends it, destroy ends it (SEED=${first})`, { skip: noLive }, async (t) => {
  const isLong = process.env['COUNT'] !== undefined;
  const row = await trySeeds({ first, count, length, workers, isTimed: isLong, isShown: isLong }, (line) => t.diagnostic(line));
  if (isLong) console.log(`seeds ${first} to ${first + count - 1}\n${tableOf([row])}`);
  assert.equal(row.failures.length, 0, row.failures.join('\n\n'));
});

test('what a hosts file can say, the model can change', () => {
  const texts = [...NAMES, FILE].flatMap((name) =>
    editsOf(name).flatMap(([key, count]) => Array.from({ length: count }, (_, value) => hostsText(edited(firstModel(), name, key, value)))),
  );
  const seen = new Set(texts.flatMap((text) => keysIn(parse(text), hostsFileSchema)));
  // What a subhost has from the defaults it may have itself.
  const missing = keysOf(hostsFileSchema).filter(([path]) => !seen.has(path) && !seen.has(path.replace(/^\.defaults\./, '.subhosts.')));
  const paths = missing.map(([path]) => path).filter((path) => !LEFT_OUT.some((one) => one.test(path)));
  assert.deepEqual([...new Set(paths)], []);
});
