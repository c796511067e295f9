import assert from 'node:assert/strict';
import { findProgram } from '../../src/resources/programs.ts';
import { textOf } from '../live/rig.ts';
import { OB } from '../machine.ts';
import type { Scenario, Scene } from './oracle.ts';
import type { Point } from './points.ts';
import { NOW, runAt } from './programs.ts';

// Crashes at each system call that changes something, of each program of ours that ob starts, by strace(1): the process is
// killed at it, or it fails. What PID 1 does once it is PID 1 is not followed: whoever kills that, kills a subhost.

export const STRACE = '/usr/bin/strace';

/** How the reaper's calls may fail. */
const ALL_ERRORS = ['ENOSPC', 'EBUSY', 'EPERM', 'ENOMEM'];

/** How each most likely fails; of what only tells or opens, that it is killed is enough. */
const ERRORS: Readonly<Record<string, string | undefined>> = {
  capset: 'EPERM',
  clone: 'ENOMEM',
  clone3: 'ENOMEM',
  execve: 'ENOMEM',
  execveat: 'ENOMEM',
  fchmod: 'EPERM',
  fchown: 'EPERM',
  fsconfig: 'EBUSY',
  fsetxattr: 'ENOSPC',
  fsmount: 'ENOMEM',
  fsopen: 'ENOMEM',
  keyctl: 'EPERM',
  mkdirat: 'ENOSPC',
  mknodat: 'ENOSPC',
  mount: 'ENOMEM',
  mount_setattr: 'EPERM',
  move_mount: 'EBUSY',
  open_tree: 'ENOMEM',
  openat2: undefined,
  pidfd_send_signal: 'EPERM',
  pivot_root: 'EBUSY',
  renameat2: 'ENOSPC',
  seccomp: 'EPERM',
  sendto: 'ENOMEM',
  setgroups: 'EPERM',
  sethostname: 'EPERM',
  setns: 'EPERM',
  setresgid: 'EPERM',
  setresuid: 'EPERM',
  symlinkat: 'ENOSPC',
  umount2: 'EBUSY',
  unlinkat: 'EBUSY',
  unshare: 'ENOMEM',
  write: undefined,
};

const NAMES = Object.keys(ERRORS);

/** Words for the wrapper: PID 1 is let go of when it becomes PID 1. */
const traceWords = (more: string): string => `${STRACE} -f -i -qq -b execve ${more}`;

/** All that there are in a scenario; which calls it has is told by a run that nothing happens to. */
export async function syscallPoints(scene: Scene, scenario: Scenario): Promise<Point[]> {
  if (!findProgram(STRACE)) return [];
  await scene.before(scenario);
  const { ran, calls } = await runAt(scene.rig.machine, [OB, ...scenario.command], 0, 'trace', {
    words: traceWords(`-e trace=${NAMES.join()}`),
  });
  assert.equal(ran.code, 0, textOf(ran));
  const traces = await Promise.all(calls.map((_, index) => scene.rig.machine.sh(`cat ${NOW}/trace.${index + 1} 2>/dev/null || :`)));
  await scene.assertNoResidue();
  return calls.flatMap((call, index) => {
    const group = groupOf(call);
    const nth = calls.slice(0, index + 1).filter((one) => groupOf(one) === group).length;
    return [...listCrashes(traces[index] ?? '')].map((crash): Point => {
      const label = `${group} ${nth}, ${crash}`;
      return { level: 'system call', scenario, label, group, inject: (at) => strike(at, scenario, { group, nth, crash }) };
    });
  });
}

/**
 * In the words of strace. At each call the program is killed, and each fails as it most likely does; the first at each place of
 * the program also in every other way. Of calls that one place makes again and again (a mask after a mask): see `markCalls`.
 */
function* listCrashes(trace: string): Generator<string> {
  for (const [call, isFirst] of markCalls(trace)) {
    const [name = '', nth] = call.split(' ');
    const likely = ERRORS[name];
    const others = likely && isFirst ? ALL_ERRORS.filter((error) => error !== likely) : [];
    const errors = [...(likely ? [likely] : []), ...others].map((error) => `error=${error}`);
    for (const what of ['signal=KILL', ...errors]) yield `${name}:${what}:when=${nth}`;
  }
}

/** CRASH=every: each of the calls that one place makes; else the first, the one in the middle and the last. */
const IS_EVERY = process.env['CRASH'] === 'every';

/** `NAME NTH` of calls, counted in each process as strace counts them, and whether it is the first at its place. */
function markCalls(trace: string, isEvery = IS_EVERY): Map<string, boolean> {
  const counts = new Map<string, number>();
  const places = new Map<string, string[]>();
  for (const [, pid, place, name = ''] of withoutStart(trace).matchAll(CALL)) {
    const nth = (counts.get(`${pid} ${name}`) ?? 0) + 1;
    counts.set(`${pid} ${name}`, nth);
    const key = `${pid} ${place} ${name}`;
    places.set(key, [...(places.get(key) ?? []), `${name} ${nth}`]);
  }
  const marked = new Map<string, boolean>();
  for (const calls of places.values()) {
    const some = [0, Math.floor(calls.length / 2), calls.length - 1];
    for (const [index, call] of calls.entries())
      if (isEvery || some.includes(index)) marked.set(call, (marked.get(call) ?? false) || index === 0);
  }
  return marked;
}

/** `PID [PLACE] NAME(`: by -f and -i. */
const CALL = /^(\d+) +\[(\w+)\] (\w+)\(/gm;

/** The execve with which strace starts the program is no call of the program's. */
function withoutStart(trace: string): string {
  return trace.replace(/^\d+ +\[\w+\] execve\(.*\n/, '');
}

/** Calls with which others do what the reaper does with the newer ones above. */
const OLDER = [
  'chmod',
  'chown',
  'fchmodat',
  'fchownat',
  'fork',
  'link',
  'linkat',
  'mkdir',
  'mknod',
  'rename',
  'renameat',
  'rmdir',
  'symlink',
  'unlink',
  'vfork',
];

/** The same for a program of others, which is followed by a strace that it does not wait for. */
export function traceOf(more: string): string {
  return `-f -i -qq -DDD -e trace=${[...NAMES, ...OLDER].join()} ${more}`;
}

/** At each call of a trace by `traceOf`: it is killed there. */
export function killsIn(trace: string): string[] {
  return [...markCalls(trace, true).keys()].map((call) => call.replace(' ', ':signal=KILL:when='));
}

interface Crash {
  /** Of the program, and the how many-th of its group in this run. */
  readonly group: string;
  readonly nth: number;
  readonly crash: string;
}

async function strike(scene: Scene, scenario: Scenario, { group, nth, crash }: Crash): Promise<boolean> {
  const words = traceWords(`-e trace=${NAMES.join()} -e inject=${crash}`);
  const { ran } = await runAt(scene.rig.machine, [OB, ...scenario.command], nth, 'trace', { words, group });
  const trace = await scene.rig.machine.sh(`cat ${NOW}/trace.* 2>/dev/null || :`);
  assert.doesNotMatch(`${ran.stdout}${ran.stderr}`, /bug in ob/);
  // What goes on side by side does not come to the same in each run.
  if (!/\(INJECTED\)|\+\+\+ killed by SIGKILL \+\+\+/.test(trace)) return false;
  if (ran.code === 0) await scene.assertEnded(scenario);
  else assert.equal(ran.code, 1, textOf(ran));
  return true;
}

function groupOf(call = ''): string {
  return call.split(' ').slice(0, 2).join(' ');
}
