import assert from 'node:assert/strict';
import { chownSync, statSync, writeFileSync } from 'node:fs';
import { createRig, type Rig, textOf } from '../live/rig.ts';
import type { Span } from '../machine.ts';
import { wrapPrograms } from './programs.ts';
import { ANSWERS, FIRST, FORGET, prepare, SECOND } from './scene.ts';
import { assertState, listState, noStrays, withoutNumbers } from './state.ts';

// THE ORACLE: how it is told that a machine has come through a crash. A test of any level (a step, a program, a system call)
// asks for a scene, brings it to the state before a scenario, lets the run of ob crash in its own way, and hands it back:
//
//   const scene = await createScene(t);            // a disposable machine with the two subhosts of scene.ts
//   await scene.before(scenario);                  // e.g. SCENARIOS[0]: nothing is there, and the hosts file is written
//   ...run `ob ${scenario.command}` on scene.rig.machine and crash it, wait until all that it has started has ended...
//   await scene.assertHealed(scenario);            // the next run exits 0, and all is as wanted, by other eyes than ob's
//   await scene.assertReturns(scenario);           // a PID 1 that is killed comes back
//   await scene.assertNoResidue();                 // destroy; the machine is as it was, what is a person's own too
//
// After `assertHealed` the scene can be used for another crash in what stands then, after the last call for any. Where a call
// has thrown, the machine is not to be used any more.

export interface Scenario {
  readonly name: string;
  /** The hosts file that subhosts stand by when it begins; undefined: ob has never been there. */
  readonly standing: string | undefined;
  /** The hosts file that is there when it begins, and after the crash. */
  readonly hosts: string;
  /** Words for ob. */
  readonly command: readonly string[];
  /** What is run after the crash: `apply`, or for a destroy also `destroy`. */
  readonly heal: 'apply' | 'destroy';
}

export const SCENARIOS: readonly Scenario[] = [
  { name: 'apply on an empty machine', standing: undefined, hosts: FIRST, command: ['apply'], heal: 'apply' },
  { name: 'apply of a change', standing: FIRST, hosts: SECOND, command: ['apply'], heal: 'apply' },
  { name: 'restart', standing: FIRST, hosts: FIRST, command: ['restart', 'web', 'client'], heal: 'apply' },
  { name: 'destroy, then apply', standing: FIRST, hosts: FIRST, command: ['destroy'], heal: 'apply' },
  { name: 'destroy, then destroy', standing: FIRST, hosts: FIRST, command: ['destroy'], heal: 'destroy' },
];

export interface Scene {
  readonly rig: Rig;
  before(scenario: Scenario): Promise<void>;
  /**
   * The next run exits 0, and so does a plan, which has nothing to do. The root of each subhost can be written, its service
   * answers, and the whole state of the machine is, line by line, that of a machine on which no run was ever cut off.
   */
  assertHealed(scenario: Scenario): Promise<void>;
  /** Where a PID 1 is killed, the next apply starts it again. */
  assertReturns(scenario: Scenario): Promise<void>;
  /** What the command was to do is done: a run that says that it is well must be. */
  assertEnded(scenario: Scenario): Promise<void>;
  /** Whatever stands is removed, and nothing is left of it. `twice`: there is nothing to do for another destroy. */
  assertNoResidue(options?: { readonly twice?: boolean }): Promise<void>;
}

/** A run that was killed may have left a program behind that goes on: it keeps the lock until it has ended. */
const WAIT = ['--lock-timeout', '30'];

export async function createScene(t: Span): Promise<Scene> {
  const rig = await createRig(t);
  await wrapPrograms(rig);
  await prepare(rig);
  const healthy = new Map<string, string[]>();
  const assertHealthy = async (hosts: string, message: string): Promise<void> => {
    await ask(rig, hosts);
    await noStrays(rig);
    await rig.settled();
    await assertState(rig, healthy.get(hosts) ?? [], message, withoutNumbers);
  };
  // Twice FIRST: from the first time on some files of uppers are there for good.
  for (const hosts of [FIRST, SECOND, FIRST]) {
    rig.hosts(hosts);
    await rig.apply();
    await ask(rig, hosts);
    await rig.settled();
    healthy.set(hosts, withoutNumbers(await listState(rig)));
  }
  await obMust(rig, 'destroy');
  await rig.machine.sh(FORGET);
  await noStrays(rig);
  const nothing = await listState(rig);
  /** The hosts file that subhosts stand by, whole; undefined: there are none. */
  let standing: string | undefined;
  /** The last thing that was done is a destroy. */
  let isDestroyed = true;

  return {
    rig,
    async before(scenario) {
      if (standing !== scenario.standing) {
        assert.ok(scenario.standing !== undefined, 'something stands');
        rig.hosts(scenario.standing);
        await rig.apply();
      }
      rig.hosts(scenario.hosts);
      isDestroyed = false;
    },
    async assertHealed({ hosts, heal }) {
      await obMust(rig, heal, ...WAIT);
      isDestroyed = heal === 'destroy';
      standing = isDestroyed ? undefined : hosts;
      if (!isDestroyed) await assertHealthy(hosts, 'the machine is not as without a crash');
    },
    async assertReturns({ hosts }) {
      await rig.machine.sh(`kill -9 ${rig.pid1('web')}`);
      await obMust(rig, 'apply');
      await assertHealthy(hosts, 'a PID 1 that was killed is not back');
    },
    async assertEnded({ command, hosts }) {
      if (command[0] === 'destroy') assert.doesNotMatch(await rig.machine.sh('cat /proc/mounts; ip link'), /ob:demo|web0|client0/);
      else await assertHealthy(hosts, 'it was said to be well');
    },
    async assertNoResidue({ twice = false } = {}) {
      await noStrays(rig);
      if (!isDestroyed) await obMust(rig, 'destroy', ...WAIT);
      if (twice) await obMust(rig, 'destroy');
      standing = undefined;
      isDestroyed = true;
      await rig.machine.sh(FORGET);
      await assertState(rig, nothing, 'something is left');
    },
  };
}

async function obMust(rig: Rig, ...words: readonly string[]): Promise<void> {
  const ran = await rig.machine.ob(...words);
  assert.equal(ran.code, 0, `ob ${words.join(' ')}: ${textOf(ran)}`);
}

/** Of each subhost: its service answers over its cable, with its name, and its root can be written. */
async function ask(rig: Rig, hosts: string): Promise<void> {
  const answers = Object.entries(ANSWERS[hosts] ?? {});
  const script = `ask() { for i in $(seq 500); do a=$(busybox nc -w 5 $1 7 </dev/null 2>/dev/null) && [ "$a" ] && break; sleep 0.02; done; echo "$1 $a"; }`;
  const said = await rig.machine.sh(`${script}\n${answers.map(([address]) => `ask ${address} &`).join('\n')}\nwait`);
  assert.deepEqual(said.split('\n').sort(), answers.map((words) => words.join(' ')).sort());
  for (const [, name] of answers) {
    const root = `/proc/${rig.machine.pid}/root/proc/${rig.pid1(name)}/root`;
    writeFileSync(`${root}/root-is-writable`, '');
    // As root inside would have: a file of the machine's root is in the way where it is another.
    const { uid, gid } = statSync(root);
    chownSync(`${root}/root-is-writable`, uid, gid);
  }
}
