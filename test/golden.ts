import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';

/** Compares a text with a file that holds what is expected. UPDATE_GOLDEN=1 writes the file instead: review the diff. */
export function golden(path: string, actual: string): void {
  if (process.env['UPDATE_GOLDEN']) writeFileSync(path, actual);
  assert.equal(actual, readFileSync(path, 'utf8'));
}
