import { START_LIMIT_MS } from './boot.ts';
import { type Init, serviceOf } from './linux/init.ts';
import type { LiveInit } from './machine.ts';
import type { Ran } from './ran.ts';
import { run } from './run.ts';

const STATUS_LIMIT_MS = 10_000;

/** Exit statuses of `status` that say that it does not run, as LSB has them; any other says nothing of that. */
const DEAD: readonly string[] = ['1', '2', '3'];

/** Which of the services that were started say themselves that they do not run. Paths are no services: they know no `status`. */
export async function findDeadServices(reaper: string, cgroup: string, init: LiveInit): Promise<string[]> {
  const started = init.entries.filter(({ name, state }) => state === '000' && !name.startsWith('/')).map(serviceOf);
  const dead = await Promise.all(started.map(async (name) => ((await isDead(reaper, cgroup, init, name)) ? [name] : [])));
  return dead.flat().sort();
}

async function isDead(reaper: string, cgroup: string, init: LiveInit, name: string): Promise<boolean> {
  const ran = await runScript(reaper, cgroup, init, { name, script: STATUS, timeLimitMs: STATUS_LIMIT_MS });
  return DEAD.includes(ran.output);
}

/** Runs the start command of a service; gives its exit status, or what kept it from being run. What it says goes where PID 1 has it. */
export async function startService(reaper: string, cgroup: string, init: Init, name: string): Promise<string> {
  const ran = await runScript(reaper, cgroup, init, { name, script: START, timeLimitMs: START_LIMIT_MS });
  return /^\d+$/.test(ran.output) ? ran.output : ran.words;
}

// The exit status is said, not given: so it cannot be taken for that of a script that could not be run.
const STATUS = '"$0" status >/dev/null 2>&1; echo $?';
/** A daemon that keeps our streams would keep us. */
const START = `
  log=/run/boot.log; [ -f $log ] || log=/dev/null
  echo "[ob] start $1" >>$log; "$0" start >>$log 2>&1 </dev/null; status=$?
  echo "[ob] $1 exit $status" >>$log; echo $status`;

interface Script {
  readonly name: string;
  readonly script: string;
  readonly timeLimitMs: number;
}

/** Inside, with no more privileges than the service has, and as much time: its shell is the subhost's own, and may say and start anything. */
function runScript(reaper: string, cgroup: string, { pid, ticks }: Init, { name, script, timeLimitMs }: Script): Promise<Ran> {
  const words = ['exec', String(pid), String(ticks), cgroup, 'linux', '/bin/sh', '-c', script, `/etc/init.d/${name}`, name];
  return run(reaper, words, { timeLimitMs, isUnknown: true });
}
