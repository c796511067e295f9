import assert from 'node:assert/strict';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { listKeys } from '../leftovers.ts';
import type { Rig } from '../live/rig.ts';
import { differences } from '../snapshot.ts';
import { OWN } from './scene.ts';

// All that can be seen of a machine from outside, by other eyes than ob's.

/**
 * The whole state of the machine, as lines: `snapshot` (links, addresses, routes, namespaces, mounts of every process,
 * processes and zombies, cgroups, /run), and loop devices, keys, descriptors, what is a person's own, what ob has written.
 */
export async function listState(rig: Rig): Promise<string[]> {
  const lines = await rig.snapshot({ folders: OWN });
  const seen = lines.filter((line) => !isLog(line)).map((line) => withSize(rig, line));
  return [...seen, ...(await listLoops(rig)), ...listOwnKeys(), ...listDescriptors(rig)];
}

/** What the last apply said has its moment in it, which gets a digit more when the machine is 10000 s old: also the size without. */
function withSize({ machine }: Rig, line: string): string {
  const [, path] = /^file (\/run\/ob\/back\/.*\.json): /.exec(line) ?? [];
  return path === undefined ? line : `${line} ${machine.read(path).replace(/"at":\d+/, '"at":0').length}`;
}

/** The same without what is another number, or comes in another order, each time that a thing is made or started. */
export function withoutNumbers(state: readonly string[]): string[] {
  // What the service answers with ends by itself, and is a zombie until the service is asked again.
  return (
    state
      // How a subhost ended last is told until it is destroyed; what kept PID 1 company while nothing ran stays.
      .filter((line) => !/^process \d+ (\(?hostname|dummy_service)|^file \/run\/ob\/end/.test(line))
      .map(withoutNumber)
      .sort()
  );
}

function withoutNumber(line: string): string {
  const words = line
    .replace(/^process \d+/, 'process')
    .replace(/ runs:\d+ /, ' runs ')
    .replace(/^(descriptor \d+ of) \d+/, '$1 one')
    .replace(/ \/ob-test-\S+ (\/sys\/fs\/cgroup )/, ' / $1')
    .replace(/^(cgroup .*:) .*/, '$1')
    .replace(/^(netns .*: namespace) \d+/, '$1')
    .replace(/\b(net|mnt):\[\d+\]/g, '$1')
    .replace(/\/dev\/loop\d+/g, '/dev/loop')
    .replace(/("address":")(?!02:(?:00:0a|6f:62):)[0-9a-f:]+/, '$1random')
    // What the last apply said, with the time.
    .replace(/^(file \/run\/ob\/back\/.*) \d+ \w+ (\d+)$/, '$1 $2');
  // The kernel keeps it at what was its smallest port once, and shows uuid=on where a work directory is used for the first time.
  if (words.includes('"kind":"bridge"')) return words.replace(/"mtu":\d+,/, '');
  return words.replace(/(overlay ob:[^ @]*)@\S+/, '$1').replace(',uuid=on', '');
}

/** Fails if the machine is not as it was; what ends by itself is given time. `told` makes lines comparable. */
export async function assertState(
  rig: Rig,
  expected: readonly string[],
  message: string,
  told: (state: readonly string[]) => string[] = (state) => [...state],
): Promise<void> {
  let state = told(await listState(rig));
  // The kernel detaches a loop device with its last holder, and udev may look at it still; a service that has answered ends.
  for (let tries = 0; tries < 100 && differences(state, expected).length > 0; tries++) {
    await sleep(20);
    state = told(await listState(rig));
  }
  assert.deepEqual(differences(state, expected), [], message);
  assert.equal(state.length, expected.length, message);
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

/** All machines share them; test/live/model.test.ts and test/hostile/probes.c make some of their own. A session keyring goes with its last process. */
function listOwnKeys(): string[] {
  return listKeys().filter((key) => !/ (_uid\.|ob-model|ob-probe)/.test(key));
}

/** Of session keyrings there are many at any time; one for each point that stays is too many. */
export function countSessionKeyrings(): number {
  return read('/proc/keys')
    .split('\n')
    .filter((line) => / keyring +_ses/.test(line)).length;
}

/** What a run that was killed has left running comes to its end by itself. */
export async function noStrays({ machine }: Rig): Promise<void> {
  const proc = `/proc/${machine.pid}/root/proc`;
  const own = link(`${proc}/1/ns/pid`);
  const strays = (): string[] =>
    listPids(proc).flatMap((pid) => {
      const isHelper = link(`${proc}/${pid}/ns/pid`) === own && link(`${proc}/${pid}/ns/pid_for_children`) === own;
      return pid !== 1 && isHelper ? [read(`${proc}/${pid}/cmdline`).replaceAll('\0', ' ')] : [];
    });
  for (let tries = 0; strays().length > 1; tries++) {
    assert.ok(tries < 1000, `goes on and on: ${strays()}`);
    await sleep(10);
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
