import assert from 'node:assert/strict';
import { findProgram } from '../../src/resources/programs.ts';
import { textOf } from '../live/rig.ts';
import type { Scenario, Scene } from './oracle.ts';
import type { Point } from './points.ts';
import { NOW, runAt } from './programs.ts';

// Crashes at each system call that changes something, of each program of ours that ob starts, by strace(1): the process is
// killed at it, or it fails. What PID 1 does once it is PID 1 is not followed: whoever kills that, kills a subhost.

const STRACE = '/usr/bin/strace';

/** How each may fail; of what only tells or opens, that it is killed is enough. */
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
  sethostname: 'EPERM',
  setns: 'EPERM',
  symlinkat: 'ENOSPC',
  umount2: 'EBUSY',
  unlinkat: 'EBUSY',
  unshare: 'ENOMEM',
  write: undefined,
};

const NAMES = Object.keys(ERRORS);

/** Words for the wrapper: PID 1 is let go of when it becomes PID 1. */
const traceWords = (more: string): string => `${STRACE} -f -qq -b execve ${more}`;

/** All that there are in a scenario; which calls it has is told by a run that nothing happens to. */
export async function syscallPoints(scene: Scene, scenario: Scenario): Promise<Point[]> {
  if (!findProgram(STRACE)) return [];
  await scene.before(scenario);
  const { ran, calls } = await runAt(scene, scenario, 0, 'trace', { words: traceWords(`-e trace=${NAMES.join()}`) });
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

/** In the words of strace. */
function* listCrashes(trace: string): Generator<string> {
  for (const [name, most] of countCalls(trace))
    for (let nth = 1; nth <= most; nth++)
      for (const what of ['signal=KILL', ...(ERRORS[name] ? [`error=${ERRORS[name]}`] : [])]) yield `${name}:${what}:when=${nth}`;
}

/** How often the process that calls it most calls each: strace counts them for each process. */
function countCalls(trace: string): Map<string, number> {
  const most = new Map<string, number>();
  const each = new Map<string, number>();
  for (const [, pid, name = ''] of trace.matchAll(/^(\d+) +(\w+)\(/gm)) {
    const key = `${pid} ${name}`;
    each.set(key, (each.get(key) ?? 0) + 1);
    most.set(name, Math.max(most.get(name) ?? 0, each.get(key) ?? 0));
  }
  // The one with which strace starts the program is no call of the program's.
  const own = (most.get('execve') ?? 1) - 1;
  if (own > 0) most.set('execve', own);
  else most.delete('execve');
  return most;
}

interface Crash {
  /** Of the program, and the how many-th of its group in this run. */
  readonly group: string;
  readonly nth: number;
  readonly crash: string;
}

async function strike(scene: Scene, scenario: Scenario, { group, nth, crash }: Crash): Promise<boolean> {
  const words = traceWords(`-e trace=${NAMES.join()} -e inject=${crash}`);
  const { ran } = await runAt(scene, scenario, nth, 'trace', { words, group });
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
