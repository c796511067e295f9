import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { hasCode } from '../../src/resources/error.ts';
import { OB } from '../machine.ts';
import { readText } from '../snapshot.ts';
import type { Rig } from './rig.ts';

/** A moment of a run: the event TYPE of an address, so many milliseconds later. */
export type Moment = `${'start' | 'done' | 'planned' | 'say' | 'reset'} ${string}+${number}`;

/**
 * Kills ob itself, and nothing that it has started. False: it had come to its end before, as nothing in it takes long, and who
 * is to kill it hears of the moment late on a machine that has much to do.
 */
export async function killAt(rig: Rig, command: string, moment: Moment): Promise<boolean> {
  const [event = '', delay] = moment.split('+');
  const isThere = (): boolean => child.exitCode === null && child.signalCode === null;
  const child = rig.machine.start(OB, [...command.split(' '), '--json'], { cwd: '/mnt' });
  let said = '';
  createInterface({ input: child.stdout ?? process.stdin }).on('line', (line) => {
    const { type, address = '' } = JSON.parse(line) as { type: string; address?: string };
    if (said || `${type} ${address}` !== event) return;
    said = event;
    // What was started here joins the machine, and starts ob in its pid namespace.
    const [pid] = childrenOf(child.pid);
    setTimeout(() => pid && isThere() && kill(Number(pid)), Number(delay));
  });
  const [code, signal] = await once(child, 'exit');
  assert.equal(said, event, `${command} never said it`);
  if (code === 0) return false;
  assert.equal(code ?? signal, 'SIGKILL', `${command}, to be killed at ${moment}`);
  return true;
}

/** Of nsenter(1); none where it has ended. */
function childrenOf(pid: number | undefined): string[] {
  return readText(`/proc/${pid}/task/${pid}/children`).split(' ').filter(Boolean);
}

/** It may have ended, and nsenter(1) not yet said so. */
export function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    assert.ok(hasCode(error, 'ESRCH'));
  }
}
