import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

export const PATIENCE_MS = 600_000;

/** Milliseconds that it took. */
export async function until(what: string, isSo: () => boolean): Promise<number> {
  const begin = performance.now();
  while (!isSo()) {
    if (performance.now() - begin > PATIENCE_MS) throw new Error(`${what} does not come about`);
    await sleep(1);
  }
  return performance.now() - begin;
}

const REST_MS = 250;
const LONGEST_MS = 30_000;
const BUSY = 0.05;

/**
 * Until the processors have had nothing to do for a moment: the kernel puts off much of what it has to do for a namespace that
 * comes or goes, and for a thousand is at work for seconds; who runs then waits for it. On a machine that never rests it is given up.
 */
export async function rest(): Promise<void> {
  const begin = performance.now();
  for (let isAtRest = false; !isAtRest && performance.now() - begin < LONGEST_MS; ) {
    const before = readTimes();
    await sleep(REST_MS);
    const after = readTimes();
    isAtRest = (after.busy - before.busy) / (after.all - before.all) < BUSY;
  }
}

/** Of all processors since they were started, in ticks: the first line of proc_stat(5). */
function readTimes(): { readonly busy: number; readonly all: number } {
  const [, ...times] = readFileSync('/proc/stat', 'utf8').split('\n')[0]?.split(/ +/) ?? [];
  const all = times.slice(0, 8).reduce((sum, time) => sum + Number(time), 0);
  const [, , , idle = 0, waiting = 0] = times.map(Number);
  return { busy: all - idle - waiting, all };
}
