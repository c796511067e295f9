import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import type { TestContext } from 'node:test';
import { OB } from '../machine.ts';
import { until } from '../reaper/rig.ts';
import type { Rig } from './rig.ts';

interface Line {
  readonly type: string;
  readonly time?: string;
  readonly address?: string;
  readonly action?: string;
  readonly message?: string;
  readonly error?: string;
}

/** `ob watch` in a machine of a test. */
export interface Watching {
  /** Its PID, as seen from here. */
  readonly pid: number;
  /** All that it has said. */
  lines(): readonly Line[];
  /** Waits until it has said a line that is like this, and gives it. */
  line(what: string, isIt: (line: Line) => boolean): Promise<Line>;
  /** Runs SCRIPT; what was said since. A line like it has to be among it. */
  after(script: string, isIt: (line: Line) => boolean): Promise<readonly Line[]>;
  /** Waits until nothing has moved for a while: it sleeps, and what it has done itself has been looked at. */
  idle(): Promise<void>;
  signal(signal: NodeJS.Signals): void;
  /** How it ended, and what it said on stderr. */
  readonly ended: Promise<{ code: number | null; stderr: string }>;
}

export async function startWatching(t: TestContext, rig: Rig, ...words: string[]): Promise<Watching> {
  const child = rig.machine.start(OB, ['watch', ...words], { cwd: '/mnt' });
  const said: Line[] = [];
  let stderr = '';
  let isOver = false;
  createInterface({ input: child.stdout ?? process.stdin }).on('line', (line) => said.push(JSON.parse(line) as Line));
  child.stderr?.setEncoding('utf8').on('data', (text) => (stderr += text));
  const ended = once(child, 'close').then(([code]) => {
    isOver = true;
    return { code: code as number | null, stderr };
  });
  const find = async (what: string, isIt: (line: Line) => boolean, from: number): Promise<Line> => {
    const found = (): Line | undefined => said.slice(from).find(isIt);
    await until(`ob watch says ${what}`, () => isOver || found() !== undefined, 30);
    return found() ?? assert.fail(`it never said ${what}, but:\n${JSON.stringify(said.slice(from), null, 1)}\n${stderr}`);
  };
  await find('that it begins', ({ type }) => type === 'watching', 0);
  // What was started here joins the machine, and starts ob in its pid namespace.
  const [pid = 0] = readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8').trim().split(' ').map(Number);
  // It ends with its machine, at the latest.
  t.after(() => ended);
  return {
    pid,
    ended,
    lines: () => said,
    line: (what, isIt) => find(what, isIt, 0),
    async after(script, isIt) {
      const from = said.length;
      await rig.machine.sh(script);
      await find(`something after: ${script}`, isIt, from);
      return said.slice(from);
    },
    idle: () => untilIdle(pid),
    signal: (signal) => void process.kill(pid, signal),
  };
}

const REST_MS = 1200;

/** Rest: no time of a processor was used for longer than any of its own short waits lasts. */
async function untilIdle(pid: number): Promise<void> {
  let last = ticksOf(pid);
  let since = Date.now();
  await until(
    'ob watch rests',
    () => {
      const now = ticksOf(pid);
      if (now !== last) since = Date.now();
      last = now;
      return Date.now() - since > REST_MS;
    },
    120,
  );
}

/** Own time and that of children that have ended, in ticks: utime, stime, cutime, cstime of proc_pid_stat(5). */
function ticksOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  return stat
    .slice(stat.lastIndexOf(')') + 2)
    .split(' ')
    .slice(11, 15)
    .reduce((sum, ticks) => sum + Number(ticks), 0);
}
