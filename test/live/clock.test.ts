import assert from 'node:assert/strict';
import { dirname } from 'node:path';
import test from 'node:test';
import { collect, noLive, OB, type Ran } from '../machine.ts';
import { createRig, textOf } from './rig.ts';

/** A wall clock that is a day ahead, and then a day behind, each time that it is asked. */
const JUMPS = 'data:text/javascript,const now=Date.now;let day=864e5;Date.now=()=>now()+(day=-day)';

const HOSTS = `scope: demo
bridges: { ob0: { address: 10.77.0.1/24 } }
subhosts:
  web: { base: /mnt/web, cables: [{ bridge: ob0, address: 10.77.0.2/24 }], start: none }
  old: { base: /mnt/old, start: none }
`;

test('a wall clock that jumps about ends no wait early and holds none up', { skip: noLive }, async (t) => {
  const rig = await createRig(t);
  const { machine } = rig;
  const ob = (...words: string[]): Promise<Ran> =>
    machine.run(process.execPath, ['--import', JUMPS, `${dirname(OB)}/ob.js`, ...words], { cwd: '/mnt' });
  const must = async (...words: string[]): Promise<void> => {
    const ran = await ob(...words);
    assert.equal(ran.code, 0, `${words}: ${textOf(ran)}`);
  };
  rig.hosts(HOSTS);
  const nothing = await rig.snapshot();
  await must('apply');
  await rig.settled();
  await must('restart', 'web');
  await must('hold', 'web', '--for', '1h');
  assert.match((await ob('status')).stdout, /held/i);
  await must('release', 'web');

  await t.test('nor the wait for another run', async () => {
    const other = machine.start('flock', ['/run/ob/lock', '-c', 'echo held; sleep 1'], {});
    const ended = collect(other);
    await new Promise((resolve) => other.stdout?.once('data', resolve));
    await must('apply', '--lock-timeout', '60');
    assert.equal((await ended).code, 0);
  });
  await must('destroy');
  assert.deepEqual(await rig.snapshot(), nothing);
});
