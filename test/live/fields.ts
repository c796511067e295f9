import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { openPlans } from './plans.ts';
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
  /** Of `openPlans`. */
  readonly plans: string;
  readonly hosts: string;
  readonly prepare: string;
  readonly changes: readonly Change[];
}

/**
 * On a machine that is as the hosts file says: each change alone is planned as it should be, applied, and leaves nothing
 * to do; then it is taken back.
 */
export async function checkChanges(t: TestContext, { plans: name, hosts, prepare, changes }: Case): Promise<void> {
  const plans = openPlans(name);
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
      plans.check(what, plan);
      assert.ok((await rig.apply()).startsWith(plan), 'apply says the same as plan');
      await rig.settled();
      assert.equal(await rig.machine.sh(see), after, 'after the change');
      rig.hosts(hosts);
      await rig.apply();
      assert.equal(await rig.machine.sh(see), before, 'after the change was taken back');
    });
  plans.close();
}

function edit(text: string, [from, to]: readonly [string, string]): string {
  assert.equal(text.split(from).length, 2, `not once in the file: ${from}`);
  return text.replace(from, to);
}
