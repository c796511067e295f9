import test from 'node:test';
import { noLive } from '../machine.ts';
import { DRIFTS, driftHosts, prepareDrifts, scriptOf } from './drifts.ts';
import { createRig } from './rig.ts';
import { startWatching } from './watching.ts';

/** A name may end in a digit, as the names of its cables do. */
const NAMES = ['web4', 'client'] as const;

test('ob watch is woken by every drift, and repairs it', { skip: noLive }, async (t) => {
  const rig = await createRig(t);
  await rig.machine.sh(prepareDrifts(NAMES));
  rig.hosts(driftHosts(NAMES));
  const watching = await startWatching(t, rig);
  await watching.line('that all is made', ({ address }) => address === `process/${NAMES[0]}`);
  for (const drift of DRIFTS)
    await t.test(drift.what, async () => {
      // What comes back again and again is repaired later each time: here each is the first.
      await rig.machine.sh('rm -rf /run/ob/record');
      // Its slow timer, once a minute, would be too late for nearly all of them.
      await watching.after(scriptOf(drift, ...NAMES), ({ type }) => type === 'repair');
      await untilSettled();
    });

  async function untilSettled(): Promise<void> {
    let isSettled = false;
    for (const deadline = Date.now() + 30_000; !isSettled; ) {
      const ran = await rig.machine.ob('plan', '--detailed-exitcode');
      isSettled = ran.code === 0;
      if (!isSettled && Date.now() > deadline) throw new Error(`still to do:\n${ran.stdout}${ran.stderr}`);
    }
  }
});
