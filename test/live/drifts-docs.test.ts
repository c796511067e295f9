import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import { DRIFTS } from './drifts.ts';

const PAGE = fileURLToPath(new URL('../../docs/drift.md', import.meta.url));

test('the page on drift has a row for each drift that is proved, with what the plan says and whether it restarts', () => {
  const rows = readFileSync(PAGE, 'utf8').split('\n');
  const drifts = rows.filter((row) => / \| (while it runs|restart|refused) \|$/.test(row));
  const expected = DRIFTS.map((drift) => `| ${drift.what} | \`${drift.names}\` | ${repairOf(drift)} |`);
  assert.deepEqual(drifts, expected);
});

function repairOf({ restarts, undo }: (typeof DRIFTS)[number]): string {
  return undo ? 'refused' : restarts ? 'restart' : 'while it runs';
}
