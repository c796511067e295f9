import assert from 'node:assert/strict';
import test from 'node:test';
import { noLive, REAPER } from '../machine.ts';
import { argumentsOf, createRig, inside, isAlive, script } from './rig.ts';

test('a failed entry is started again, and only that one', { skip: noLive }, async (t) => {
  const rig = await createRig(t);
  const place = await rig.place();
  await script(rig, place, '/fine', 'echo fine >>/ran');
  await script(rig, place, '/needs', 'echo needs >>/ran; [ -e /needed ] || exit 4');
  const { pid, ticks } = await rig.up(place, { entries: ['/fine', '/needs', 'none?'] });
  const retry = async (index: string): Promise<[number | null, string]> => {
    const ran = await rig.reaper('retry', String(pid), ticks, index, '5000');
    return [ran.code, ran.stdout];
  };
  assert.deepEqual(await retry('1'), [0, `${pid} 004\n`]);
  await rig.machine.sh(`touch ${place.live}/needed`);
  assert.deepEqual(await retry('1'), [0, `${pid} 000\n`]);
  // What has started is not started twice; what was skipped may have come meanwhile.
  assert.deepEqual(await retry('0'), [0, `${pid} 000\n`]);
  assert.deepEqual(await retry('2'), [0, `${pid} skp\n`]);
  assert.equal(rig.machine.read(`${place.upper}/ran`), 'fine\nneeds\nneeds\nneeds\n');
  assert.deepEqual(argumentsOf(rig, pid).slice(5), ['runs:04', '000:/fine', '000:/needs', 'skp:none?']);
  const log = await rig.reaper('log', String(pid), ticks, '10000');
  assert.equal(log.stdout.match(/^\[ob\] start \/needs$/gm)?.length, 3);
});

test('the count of retries goes round', { skip: noLive }, async (t) => {
  const rig = await createRig(t);
  const { pid, ticks } = await rig.up(await rig.place(), { entries: ['/none'] });
  await rig.machine.sh(`for i in $(seq 99); do ${REAPER} retry ${pid} ${ticks} 0 5000 >/dev/null; done`);
  assert.equal(argumentsOf(rig, pid)[5], 'runs:99');
  await rig.reaper('retry', String(pid), ticks, '0', '5000');
  assert.equal(argumentsOf(rig, pid)[5], 'runs:00');
});

test('a retry that takes too long, or of nobody, says so', { skip: noLive }, async (t) => {
  const rig = await createRig(t);
  const place = await rig.place();
  await script(rig, place, '/slow', '[ -e /again ] && sleep 1; touch /again; exit 1');
  const { pid, ticks } = await rig.up(place, { entries: ['/slow'] });
  const retry = async (...words: string[]): Promise<string> => (await rig.reaper('retry', String(pid), ...words)).stdout;
  assert.equal(await retry(ticks, '0', '100'), `${pid} timeout\n`);
  assert.equal(await retry(ticks, '7', '100'), `${pid} other\n`);
  assert.equal(await retry('1', '0', '100'), `${pid} other\n`);
});

test('an order to stop that comes during a retry is obeyed', { skip: noLive }, async (t) => {
  const rig = await createRig(t);
  const place = await rig.place();
  await script(rig, place, '/slow', '[ -e /again ] && sleep 600; touch /again; exit 1');
  const { pid, ticks } = await rig.up(place, { entries: ['/slow'] });
  const asked = rig.reaper('retry', String(pid), ticks, '0', '5000');
  await rig.machine.sh(`until tr '\\0' ' ' </proc/${pid}/cmdline | grep -q '>>>'; do sleep 0.01; done`);
  await rig.reaper('stop', '5000', String(pid), ticks);
  assert.ok(!isAlive(rig, pid));
  assert.match((await asked).stdout, new RegExp(`^${pid} (other|137)\n$`));
});

test('a process inside cannot ask for a retry', { skip: noLive }, async (t) => {
  const rig = await createRig(t);
  const place = await rig.place();
  await script(rig, place, '/fails', 'exit 1');
  const { pid } = await rig.up(place, { entries: ['/fails'] });
  await inside(rig, pid, 'kill -34 1; /bin/kill -q 0 -s 34 1 2>/dev/null || true');
  await new Promise((resolve) => setTimeout(resolve, 100));
  assert.equal(argumentsOf(rig, pid)[5], 'runs:00');
});
