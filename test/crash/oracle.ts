import assert from 'node:assert/strict';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import type { TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { createRig, type Rig, textOf } from '../live/rig.ts';
import { differences } from '../snapshot.ts';
import { wrapPrograms } from './programs.ts';
import { ANSWERS, FIRST, FORGET, OWN, prepare, SECOND } from './scene.ts';

// THE ORACLE: how it is told that a machine has come through a crash. A test of any level (a step, a program, a system call)
// asks for a scene, brings it to the state before a scenario, lets the run of ob crash in its own way, and hands it back:
//
//   const scene = await createScene(t);            // a disposable machine with the two subhosts of scene.ts
//   await scene.before(scenario);                  // e.g. SCENARIOS[0]: nothing is there, and the hosts file is written
//   ...run `ob ${scenario.command}` on scene.rig.machine and crash it, wait until all that it has started has ended...
//   await scene.assertHealed(scenario);            // the next run exits 0, and all is as wanted, by other eyes than ob's
//   await scene.assertNoResidue();                 // destroy, twice; the machine is as it was, what is a person's own too
//
// After the last call the scene can be used again. Where a call has thrown, the machine is not to be used any more.

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
   * The next run exits 0; each subhost has one PID 1, its links, mounts, a root that can be written, a service that answers;
   * the second plan is empty and nothing has changed by it; where a PID 1 is killed, the next apply starts it again.
   */
  assertHealed(scenario: Scenario): Promise<void>;
  /** What the command was to do is done: a run that says that it is well must be. */
  assertEnded(scenario: Scenario): Promise<void>;
  assertNoResidue(): Promise<void>;
}

/** A run that was killed may have left a program behind that goes on: it keeps the lock until it has ended. */
const WAIT = ['--lock-timeout', '30'];

export async function createScene(t: TestContext): Promise<Scene> {
  const rig = await createRig(t);
  await wrapPrograms(rig);
  await prepare(rig);
  const healthy = new Map<string, unknown>();
  for (const hosts of [FIRST, SECOND]) {
    rig.hosts(hosts);
    await rig.apply();
    healthy.set(hosts, await look(rig, hosts));
  }
  await obMust(rig, 'destroy');
  await rig.machine.sh(FORGET);
  const nothing = await listState(rig);

  return {
    rig,
    async before({ standing, hosts }) {
      if (standing !== undefined) {
        rig.hosts(standing);
        await rig.apply();
      }
      rig.hosts(hosts);
    },
    async assertHealed({ hosts, heal }) {
      await obMust(rig, heal, ...WAIT);
      if (heal === 'destroy') return;
      assert.deepEqual(await look(rig, hosts), healthy.get(hosts), 'the subhosts are not as they were before');
      await noStrays(rig);
      const before = await listState(rig);
      await rig.settled();
      assertSameState(await listState(rig), before, 'a run with nothing to do has changed something');
      await rig.machine.sh(`kill -9 ${rig.pid1('web')}`);
      await obMust(rig, 'apply');
      assert.deepEqual(await look(rig, hosts), healthy.get(hosts), 'a PID 1 that was killed is not back');
    },
    async assertEnded({ command, hosts }) {
      if (command[0] === 'destroy') assert.doesNotMatch(await rig.machine.sh('cat /proc/mounts; ip link'), /ob:demo|web0|client0/);
      else {
        await rig.settled();
        assert.deepEqual(await look(rig, hosts), healthy.get(hosts), 'it was said to be well');
      }
    },
    async assertNoResidue() {
      await noStrays(rig);
      for (const _ of ['first', 'second']) await obMust(rig, 'destroy', ...WAIT);
      await rig.machine.sh(FORGET);
      // The kernel detaches a loop device with its last holder, and udev may look at it still.
      for (let tries = 0; tries < 200 && differences(await listState(rig), nothing).some(isLoop); tries++) await sleep(20);
      assertSameState(await listState(rig), nothing, 'something is left');
    },
  };
}

async function obMust(rig: Rig, ...words: readonly string[]): Promise<void> {
  const ran = await rig.machine.ob(...words);
  assert.equal(ran.code, 0, `ob ${words.join(' ')}: ${textOf(ran)}`);
}

/** What a person sees of the subhosts: from inside, over their cables, and how many of them there are. */
async function look(rig: Rig, hosts: string): Promise<unknown> {
  const answers = Object.entries(ANSWERS[hosts] ?? {});
  const ask = answers.map(([address]) => `ask ${address} &`).join('\n');
  const said = rig.machine.sh(
    `ask() { for i in $(seq 200); do a=$(timeout 5 bash -c "cat </dev/tcp/$1/7" 2>/dev/null) && break; sleep 0.05; done; echo "$1 $a"; }\n${ask}\nwait`,
  );
  return { seen: await rig.seen('web', 'client'), said: (await said).split('\n').sort(), inits: countInits(rig) };
}

/** Processes that are PID 1 of a namespace just below the machine's own. */
function countInits({ machine }: Rig): number {
  const proc = `/proc/${machine.pid}/root/proc`;
  return listPids(proc).filter((pid) => /^NSpid:\t\d+\t1$/m.test(read(`${proc}/${pid}/status`))).length;
}

/**
 * The whole state of the machine, as lines: `snapshot` (links, addresses, routes, namespaces, mounts of every process,
 * processes and zombies, cgroups, /run), and loop devices, descriptors, what is a person's own, what ob has written.
 */
async function listState(rig: Rig): Promise<string[]> {
  const lines = await rig.snapshot({ folders: OWN });
  return [...lines.filter((line) => !isLog(line)), ...(await listLoops(rig)), ...listDescriptors(rig)];
}

/** Kept on purpose, and bounded; what is in them is told by the runs that there were. */
function isLog(line: string): boolean {
  return /^file \/var\/log(\/ob(\/events\.log|\/demo(\/(web|client)\.log)?)?(\.1)?)?:/.test(line);
}

/** All machines share the loop devices: only those with files of this one's /mnt are its own. */
async function listLoops({ machine }: Rig): Promise<string[]> {
  const script = `losetup -n -l -O BACK-MAJ:MIN,BACK-FILE | tr -s ' ' | sed -n "s/^ *$(mountpoint -d /mnt) /loop device of /p"`;
  return (await machine.sh(script)).split('\n').filter(Boolean).sort();
}

function isLoop(line: string): boolean {
  return /loop/.test(line);
}

/** What a run that was killed has left running comes to its end by itself. */
async function noStrays({ machine }: Rig): Promise<void> {
  const proc = `/proc/${machine.pid}/root/proc`;
  const own = link(`${proc}/1/ns/pid`);
  const strays = (): string[] =>
    listPids(proc).flatMap((pid) => {
      const isHelper = link(`${proc}/${pid}/ns/pid`) === own && link(`${proc}/${pid}/ns/pid_for_children`) === own;
      return pid !== 1 && isHelper ? [read(`${proc}/${pid}/cmdline`).replaceAll('\0', ' ')] : [];
    });
  for (let tries = 0; strays().length > 1; tries++) {
    assert.ok(tries < 500, `goes on and on: ${strays()}`);
    await sleep(20);
  }
}

/** What a process outside of the subhosts has open of theirs, and of ob's. */
function listDescriptors({ machine }: Rig): string[] {
  const proc = `/proc/${machine.pid}/root/proc`;
  const own = link(`${proc}/1/ns/pid`);
  const outside = listPids(proc).filter((pid) => link(`${proc}/${pid}/ns/pid`) === own);
  return outside.flatMap((pid) =>
    names(`${proc}/${pid}/fd`).flatMap((fd) => {
      const path = link(`${proc}/${pid}/fd/${fd}`);
      return /^(\/mnt|\/run|net:|mnt:)/.test(path) ? [`descriptor ${fd} of ${pid}: ${path}`] : [];
    }),
  );
}

function assertSameState(actual: readonly string[], expected: readonly string[], message: string): void {
  assert.deepEqual(differences(actual, expected), [], message);
  assert.equal(actual.length, expected.length, message);
}

function listPids(proc: string): number[] {
  return names(proc)
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
}

/** What is read in /proc may be gone at any moment. */
function tryTo<T>(read: () => T, otherwise: T): T {
  try {
    return read();
  } catch {
    return otherwise;
  }
}

const names = (path: string): string[] => tryTo(() => readdirSync(path), []);
const link = (path: string): string => tryTo(() => readlinkSync(path), '');
const read = (path: string): string => tryTo(() => readFileSync(path, 'utf8'), '');
