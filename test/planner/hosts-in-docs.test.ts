import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import type { Facts } from '../../src/planner/hosts/facts.ts';
import { parseHostsFile } from '../../src/planner/hosts/read.ts';
import { FACTS, PATH } from './hosts-facts.ts';

const DOCS = fileURLToPath(new URL('../../docs/', import.meta.url));

/** A machine that has what the pages name. */
const MACHINE: Facts = {
  ...FACTS,
  bridges: new Set(['br0', 'ob0']),
  whatIs: (path) => (/\/(?:set-up|before|after|boot-script)$/.test(path) ? 'program' : 'directory'),
};

/** The blocks of a page that are a hosts file. */
function filesIn(page: string): string[] {
  const blocks = readFileSync(DOCS + page, 'utf8').matchAll(/^```yaml\n([\s\S]*?)^```$/gm);
  return [...blocks].flatMap(([, block = '']) => (/^subhosts:/m.test(block) ? [block] : []));
}

test('every hosts file in the pages is a good one', () => {
  const files = readdirSync(DOCS).flatMap((page) => (page.endsWith('.md') ? filesIn(page).map((text) => ({ page, text })) : []));
  assert.ok(files.length >= 8, String(files.length));
  for (const { page, text } of files) assert.doesNotThrow(() => parseHostsFile(text, PATH, MACHINE), `${page}:\n${text}`);
});
