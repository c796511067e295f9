import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { FIXTURES } from '../machine.ts';

/** The plans that a test expects, in a file of fixtures/changes: what was done, and the whole plan that it makes. */
export interface Plans {
  check(what: string, plan: string): void;
  /** UPDATE_GOLDEN=1 writes the plans that were seen: review the diff. */
  close(): void;
}

/** It changes whenever the reaper boots a subhost differently. */
const BOOT_DIGEST = /\b[0-9a-f]{16}\b/g;

export function openPlans(name: string): Plans {
  const path = `${FIXTURES}/changes/${name}`;
  const isUpdate = process.env['UPDATE_GOLDEN'] !== undefined;
  const expected = isUpdate ? new Map<string, string>() : readPlans(path);
  return {
    check(what, plan) {
      const text = plan.replace(BOOT_DIGEST, 'DIGEST');
      if (isUpdate) expected.set(what, text);
      assert.equal(text, expected.get(what));
    },
    close() {
      if (isUpdate) writeFileSync(path, [...expected].map(([what, plan]) => `# ${what}\n\n${plan}\n`).join(''));
    },
  };
}

function readPlans(path: string): Map<string, string> {
  const sections = existsSync(path) ? readFileSync(path, 'utf8').split(/^# /m).slice(1) : [];
  return new Map(
    sections.map((section) => {
      const [what = '', plan = ''] = section.split('\n\n');
      return [what, `${plan.trim()}\n`];
    }),
  );
}
