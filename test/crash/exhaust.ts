import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { textOf } from '../live/rig.ts';
import { OB } from '../machine.ts';
import { SCENARIOS, type Scenario, type Scene } from './oracle.ts';
import type { Point } from './points.ts';
import { LIMITS } from './scene.ts';

// Runs on a machine that lacks something: so much of it is left, from nothing on until the run needs no more. A run that fails
// says what is lacking, and what it has done is whole: a destroy beside the lack, or an apply after it, finds its way.

interface Resource {
  readonly name: string;
  /** Amounts that are left. */
  readonly amounts: readonly number[];
  /** A shell script: $1 is left from now on. */
  readonly exhaust: string;
  /** A shell script: all is there again. */
  readonly relieve: string;
  /** Words before ob's own. */
  readonly before?: (amount: number) => readonly string[];
  /** What a failure says. */
  readonly words: RegExp;
  /** To remove takes it too: a destroy may fail as long as it is lacking. */
  readonly isForAll?: boolean;
}

const upTo = (end: number, from = 0): number[] => Array.from({ length: end - from }, (_, index) => from + index);

/** tmpfs: of inodes and blocks, so many beyond those in use. */
function filesystem(point: string, what: 'inodes' | 'blocks', amounts: readonly number[]): Resource {
  const used = what === 'inodes' ? `$(($(stat -f -c '%c - %d' ${point}) + $1))` : `$((($(stat -f -c '%b - %f' ${point}) + $1) * 4))k`;
  const option = what === 'inodes' ? 'nr_inodes' : 'size';
  return {
    name: `${what} of ${point}`,
    amounts,
    exhaust: `mount -n -o remount,${option}=${used} ${point}`,
    relieve: `mount -n -o remount,${LIMITS} ${point}`,
    words: /ENOSPC|No space left on device/,
    // Without the lock nothing is done.
    isForAll: point === '/run',
  };
}

function readOnly(point: string): Resource {
  return {
    name: `writing to ${point}`,
    amounts: [0],
    exhaust: `mount -n -o remount,bind,ro ${point}`,
    relieve: `mount -n -o remount,bind,rw ${point}`,
    words: /EROFS|[Rr]ead-only/,
    isForAll: point === '/run',
  };
}

/** Of cgroup v1: where that has the controller, v2 has not. */
const GROUP = `/mnt/crash/pids/ob-test-crash-${process.pid}-MACHINE`;

/**
 * That tree is the machine's own, with all groups that are in it. It is mounted for COMMANDS alone: what `ob` sees it takes
 * for its own, and makes its groups there.
 */
function withPids(commands: string): string {
  return `mkdir -p /mnt/crash/pids && unshare -m sh -c 'mount -n -t cgroup -o pids pids /mnt/crash/pids && { ${commands}; }' sh`;
}

const RESOURCES: readonly Resource[] = [
  filesystem('/mnt', 'inodes', upTo(12)),
  filesystem('/mnt', 'blocks', upTo(6)),
  filesystem('/run', 'inodes', upTo(16)),
  filesystem('/run', 'blocks', upTo(6)),
  filesystem('/var/log', 'inodes', upTo(4)),
  filesystem('/var/log', 'blocks', upTo(2)),
  readOnly('/mnt'),
  readOnly('/run'),
  readOnly('/var/log'),
  {
    name: 'descriptors',
    amounts: upTo(44, 12),
    exhaust: ':',
    relieve: ':',
    before: (amount) => ['prlimit', `--nofile=${amount}`, '--'],
    words: /EMFILE|[Tt]oo many open files/,
    isForAll: true,
  },
  ...(existsSync('/sys/fs/cgroup/pids')
    ? [
        {
          name: 'processes and threads',
          // Node hangs where its own threads cannot be started.
          amounts: upTo(32, 8),
          exhaust: `${withPids(`mkdir -p ${GROUP}; echo $1 >${GROUP}/pids.max`)} $1`,
          relieve: `${withPids(
            `echo max >${GROUP}/pids.max; while ! rmdir ${GROUP}; do for p in $(cat ${GROUP}/cgroup.procs); do echo $p >/mnt/crash/pids/cgroup.procs; done; done 2>/dev/null`,
          )}; rmdir /mnt/crash/pids`,
          before: () => ['sh', '-c', `${withPids(`echo $1 >${GROUP}/cgroup.procs`)} $$ && exec "$@"`, 'sh'],
          // Where only the last look lacks them, what it could not look into is told as not being there.
          words: /EAGAIN|Resource temporarily unavailable|[Cc]annot (allocate|fork)|^still differs: /m,
          isForAll: true,
        } as const,
      ]
    : []),
];

const TRIED = ['apply on an empty machine', 'destroy, then destroy'];

export function exhaustionPoints(): Point[] {
  return SCENARIOS.filter(({ name }) => TRIED.includes(name)).flatMap((scenario) =>
    RESOURCES.flatMap((resource) =>
      resource.amounts.map((amount): Point => {
        const label = `${amount} ${resource.name}`;
        return { level: 'exhaustion', scenario, label, group: resource.name, inject: (scene) => strike(scene, scenario, resource, amount) };
      }),
    ),
  );
}

async function strike({ rig: { machine }, assertEnded }: Scene, scenario: Scenario, resource: Resource, amount: number): Promise<boolean> {
  const { exhaust, relieve, before, words } = resource;
  const own = (text: string): string => text.replaceAll('MACHINE', String(machine.pid));
  assert.equal((await machine.run('sh', ['-c', own(exhaust), 'sh', String(amount)])).code, 0);
  const [program = '', ...rest] = [...(before?.(amount) ?? []).map(own), OB, ...scenario.command];
  const ran = await machine.run(program, rest, { cwd: '/mnt' });
  const text = textOf(ran);
  const after = scenario.command[0] === 'apply' && ran.code === 1 && !resource.isForAll ? await machine.ob('destroy') : undefined;
  await machine.sh(own(relieve));
  assert.doesNotMatch(text, /bug in ob/, text);
  if (ran.code === 0) await assertEnded(scenario);
  // Below a certain limit Node does not even start.
  else if (ran.code === 1) assert.match(text, words);
  else assert.ok(before, text);
  if (after) assert.equal(after.code, 0, `beside it: ${text}${textOf(after)}`);
  return ran.code !== 0;
}
