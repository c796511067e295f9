import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import type { TestContext } from 'node:test';
import { FIXTURES } from '../machine.ts';
import { createRig } from './rig.ts';

/** One change in a hosts file, and how the kernel shows that it is there. */
export interface Change {
  readonly what: string;
  /** Each is there once in the file, and is replaced. */
  readonly edits: readonly (readonly [from: string, to: string])[];
  /** A shell script in the machine, and what it prints before and after. */
  readonly see: string;
  readonly before: string;
  readonly after: string;
}

export interface Case {
  /** A file in fixtures/changes: each change, and the whole plan that it makes. */
  readonly plans: string;
  readonly hosts: string;
  readonly prepare: string;
  readonly changes: readonly Change[];
}

/**
 * On a machine that is as the hosts file says: each change alone is planned as it should be, applied, and leaves nothing
 * to do; then it is taken back. UPDATE_GOLDEN=1 writes the plans: review the diff.
 */
export async function checkChanges(t: TestContext, { plans, hosts, prepare, changes }: Case): Promise<void> {
  const path = `${FIXTURES}/changes/${plans}`;
  const expected = readPlans(path);
  const seen = new Map<string, string>();
  const rig = await createRig(t);
  await rig.machine.sh(prepare);
  rig.hosts(hosts);
  await rig.apply();
  await rig.settled();
  for (const { what, edits, see, before, after } of changes)
    await t.test(what, async () => {
      assert.equal(await rig.machine.sh(see), before, 'before the change');
      rig.hosts(edits.reduce(edit, hosts));
      const plan = await rig.plan();
      seen.set(what, plan.replace(BOOT_DIGEST, 'DIGEST'));
      if (!process.env['UPDATE_GOLDEN']) assert.equal(seen.get(what), expected.get(what));
      assert.ok((await rig.apply()).startsWith(plan), 'apply says the same as plan');
      await rig.settled();
      assert.equal(await rig.machine.sh(see), after, 'after the change');
      rig.hosts(hosts);
      await rig.apply();
      assert.equal(await rig.machine.sh(see), before, 'after the change was taken back');
    });
  if (process.env['UPDATE_GOLDEN']) writeFileSync(path, [...seen].map(([what, plan]) => `# ${what}\n\n${plan}\n`).join(''));
}

/** It changes whenever the reaper boots a subhost differently. */
const BOOT_DIGEST = /\b[0-9a-f]{16}\b/g;

function readPlans(path: string): Map<string, string> {
  const sections = existsSync(path) ? readFileSync(path, 'utf8').split(/^# /m).slice(1) : [];
  return new Map(
    sections.map((section) => {
      const [what = '', plan = ''] = section.split('\n\n');
      return [what, `${plan.trim()}\n`];
    }),
  );
}

function edit(text: string, [from, to]: readonly [string, string]): string {
  assert.equal(text.split(from).length, 2, `not once in the file: ${from}`);
  return text.replace(from, to);
}
