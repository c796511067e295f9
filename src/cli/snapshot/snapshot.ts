import { startupSnapshot } from 'node:v8';
import type { Command } from '../command.ts';
import { main } from '../main.ts';
import { playProgram } from '../rehearsal/cast.ts';
import { rehearse } from '../rehearsal/rehearse.ts';

/** OB_REHEARSAL: `none`, or `strict` for its test. */
const manner = process.env['OB_REHEARSAL'];
/** On another Node something that is played may be waited for in vain. */
const STALLED = 13;

/** What `node --build-snapshot` runs: everything is loaded by then, and what comes out of it begins with the main of COMMANDS. */
export function beSnapshot(commands: readonly Command[]): void {
  let isOver = manner === 'none';
  // While something is rehearsed nobody ends.
  const exit = process.exit.bind(process);
  Object.assign(globalThis, { obPlayProgram: playProgram });
  if (!isOver)
    void rehearse().then((failed) => {
      if (failed.length > 0 && manner === 'strict') throw new Error(failed.join('\n'));
      forgetTimers(() => {
        isOver = true;
      });
    });
  startupSnapshot.addSerializeCallback(() => {
    // What was stubbed for a rehearsal must not be kept; a thrown error would not keep Node from that.
    if (!isOver) exit(STALLED);
    Reflect.deleteProperty(globalThis, 'obPlayProgram');
  });
  startupSnapshot.setDeserializeMainFunction(() => void main(commands));
}

/**
 * Node keeps in mind when the next timer is due, also when that was cleared, and a snapshot keeps it too: what comes out of it would
 * not wait for a timer that is due later. It is found out anew after one that has come to its end.
 */
function forgetTimers(next: () => void): void {
  setTimeout(next, 1);
}
