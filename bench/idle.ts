// npm run bench:watch: what `ob watch` takes while nothing happens. COUNT subhosts (10), MINUTES (10).
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { driftHosts, prepareDrifts } from '../test/live/drift-hosts.ts';
import { createRig } from '../test/live/rig.ts';
import { startWatching } from '../test/live/watching.ts';
import { noLive } from '../test/machine.ts';

const count = Number(process.env['COUNT'] ?? 10);
const minutes = Number(process.env['MINUTES'] ?? 10);
const TICK_MS = 10;

if (noLive) throw new Error('needs root');

/** What has to be undone: the machine, and all in it. */
const last: (() => unknown)[] = [];
const context = { after: (undo: () => unknown) => void last.push(undo) };

try {
  await measure();
} finally {
  for (const undo of last) await undo();
}

async function measure(): Promise<void> {
  const names = Array.from({ length: count }, (_, index) => `s${index}`);
  const rig = await createRig(context as never);
  await rig.machine.sh(prepareDrifts(names));
  rig.hosts(driftHosts(names));
  const watching = await startWatching(context as never, rig);
  await watching.line('that all is made', ({ address }) => address === `process/${names.at(-1)}`);
  await watching.idle();
  const said = watching.lines().length;
  // A watcher whose place another has taken is among the children that have ended.
  const total = (): number => cpuMs(watching.pid) + cpuMs(watcherOf(watching.pid));
  const before = total();
  await sleep(minutes * 60_000);
  const used = total() - before;
  const share = ((100 * used) / (minutes * 60_000)).toFixed(3);
  process.stdout.write(`${count} subhosts, ${minutes} minutes, ${watching.lines().length - said} lines said\n`);
  process.stdout.write(`CPU: ${used} ms with all programs started, ${share} % of one processor\n`);
  process.stdout.write(`memory of node: ${memory(watching.pid)}\nmemory of the watcher: ${memory(watcherOf(watching.pid))}\n`);
}

/** The one child that it has while it rests. */
function watcherOf(pid: number): number {
  return Number(readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim());
}

/** Own time and that of children that have ended: utime, stime, cutime, cstime of proc_pid_stat(5). */
function cpuMs(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return fields.slice(11, 15).reduce((sum, ticks) => sum + Number(ticks), 0) * TICK_MS;
}

function memory(pid: number): string {
  const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
  const of = (name: string): number => Number(new RegExp(`^${name}:\\s*(\\d+)`, 'm').exec(rollup)?.[1] ?? 0);
  return `${of('Rss')} kB resident, ${of('Private_Clean') + of('Private_Dirty')} kB of its own`;
}
