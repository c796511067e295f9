import assert from 'node:assert/strict';
import test from 'node:test';
import { driftHosts, lackingFor, prepareDrifts, SORTS } from './drift-hosts.ts';
import { type Drift, driftsOf, scriptOf } from './drifts.ts';
import { createRig, type Rig } from './rig.ts';
import { startWatching, type Watching } from './watching.ts';

/** A name may end in a digit, as the names of its cables do. */
const NAMES = ['web4', 'client'] as const;

for (const sort of SORTS)
  test(`${sort}: ob watch is woken by every drift, and repairs it`, { skip: lackingFor(sort) }, async (t) => {
    const rig = await createRig(t, { limits: sort === 'limited' || sort === 'v1' });
    await rig.machine.sh(prepareDrifts(NAMES));
    rig.hosts(driftHosts(NAMES, () => sort));
    const watching = await startWatching(t, rig);
    await watching.line('that all is made', ({ address }) => address === `process/${NAMES[0]}`);
    await watching.line('that all is made', ({ address }) => address === `process/${NAMES[1]}`);
    for (const drift of driftsOf(sort))
      await t.test(drift.what, async () => {
        // What comes back again and again is repaired later each time: here each is the first.
        await rig.machine.sh('rm -rf /run/ob/record');
        if (drift.undo) await isTold(rig, watching, drift, drift.undo);
        // Its slow timer, once a minute, would be too late for nearly all of them.
        else await watching.after(scriptOf(drift, ...NAMES), ({ type }) => type === 'repair');
        await untilSettled(rig);
      });
  });

/** What nothing may be done about is said, and what it keeps from being repaired is repaired once it is gone. */
async function isTold(rig: Rig, watching: Watching, { inject, isSilent }: Drift, undo: string): Promise<void> {
  const before = rig.pid1(NAMES[0]);
  const wake = (): void => (isSilent ? watching.signal('SIGHUP') : undefined);
  const told = watching.after(scriptOf({ inject }, ...NAMES), ({ type }) => type === 'blocked');
  await rig.machine.sh(`until [ -e /mnt/m-${NAMES[0]} ]; do sleep 0.01; done`);
  const timer = setInterval(wake, 500);
  await told.finally(() => clearInterval(timer));
  await rig.machine.sh(scriptOf({ inject: undo }, ...NAMES));
  assert.equal(rig.pid1(NAMES[0]), before);
}

async function untilSettled(rig: Rig): Promise<void> {
  let isSettled = false;
  for (const deadline = Date.now() + 30_000; !isSettled; ) {
    const ran = await rig.machine.ob('plan', '--detailed-exitcode');
    isSettled = ran.code === 0;
    if (!isSettled && Date.now() > deadline) throw new Error(`still to do:\n${ran.stdout}${ran.stderr}`);
  }
}
