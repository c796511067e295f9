import assert from 'node:assert/strict';
import test from 'node:test';
import { noLive } from '../machine.ts';
import { createRig, inside, isAlive, type Place, pidOf, type Rig, script, toSpec, until } from './rig.ts';

/** A service that keeps a process, and says when it is started and stopped. */
async function service(rig: Rig, place: Place, name: string, onStop = ''): Promise<void> {
  await script(rig, place, `/${name}`, `echo $1 ${name} >>/order; [ $1 = start ] && setsid sleep 600 >/dev/null 2>&1 & ${onStop}`);
}

test('services are stopped in reverse order, then everything ends', { skip: noLive }, async (t) => {
  const rig = await createRig(t);
  const place = await rig.place();
  for (const name of ['a', 'b', 'c']) await service(rig, place, name);
  await script(rig, place, '/fails', 'echo $1 fails >>/order; exit 1');
  const { pid, ticks } = await rig.up(place, { entries: ['/a', '/fails', '/b', '/none?', '/c?'] });
  const ran = await rig.reaper('stop', '5000', String(pid), ticks);
  assert.deepEqual([ran.code, ran.stdout], [0, `${pid} gone\n`]);
  const order = 'start a,start fails,start b,start c,stop c,stop b,stop a';
  assert.equal(rig.machine.read(`${place.upper}/order`).trimEnd().replaceAll('\n', ','), order);
  assert.equal(rig.machine.read(`${place.cgroup}/cgroup.procs`), '');
  assert.equal(await rig.machine.sh(`umount ${place.live} && echo free`), 'free');
});

test('a stop command has its time, and what ignores TERM too', { skip: noLive }, async (t) => {
  const rig = await createRig(t);
  const place = await rig.place();
  await service(rig, place, 'first');
  await script(rig, place, '/stubborn', 'echo $1 >>/order; [ $1 = stop ] && sleep 600; (trap "" TERM; exec setsid sleep 600) & exit 0');
  const { pid, ticks } = await rig.up(place, { entries: ['/first', '/stubborn'], stopMs: 200 });
  const begin = Date.now();
  const ran = await rig.reaper('stop', '5000', String(pid), ticks);
  const took = Date.now() - begin;
  assert.equal(ran.stdout, `${pid} gone\n`);
  assert.ok(took >= 390 && took < 1500, `${took} ms`);
  assert.equal(rig.machine.read(`${place.upper}/order`).trimEnd().split('\n').at(-1), 'stop first');
});

test('what is stopped by a signal ends all the same', { skip: noLive }, async (t) => {
  const rig = await createRig(t);
  const place = await rig.place();
  await script(rig, place, '/paused', 'setsid sh -c "kill -STOP \\$\\$; sleep 600" >/dev/null 2>&1 &');
  const { pid, ticks } = await rig.up(place, { entries: ['/paused'], stopMs: 4000 });
  const begin = Date.now();
  await rig.reaper('stop', '5000', String(pid), ticks);
  assert.ok(!isAlive(rig, pid));
  assert.ok(Date.now() - begin < 1000);
});

test('what does not end in time is named', { skip: noLive }, async (t) => {
  const rig = await createRig(t);
  const place = await rig.place();
  await script(rig, place, '/stubborn', '[ $1 = stop ] && sleep 600; setsid sleep 600 & exit 0');
  const { pid, ticks } = await rig.up(place, { entries: ['/stubborn'], stopMs: 3000 });
  const ran = await rig.reaper('stop', '100', String(pid), ticks);
  assert.deepEqual([ran.code, ran.stdout], [1, `${pid} timeout\n`]);
});

test('many are stopped at once, and none that is somebody else', { skip: noLive }, async (t) => {
  const rig = await createRig(t);
  const one = await rig.up(await rig.place('one'));
  const two = await rig.up(await rig.place('two'));
  const words = [one, two].flatMap(({ pid, ticks }) => [String(pid), pid === one.pid ? `${ticks}1` : ticks]);
  const ran = await rig.reaper('stop', '5000', ...words, '999999', '1', 'x', '1');
  assert.deepEqual([ran.code, ran.stdout.trimEnd().split('\n')], [0, [`${one.pid} other`, '999999 other', 'x other', `${two.pid} gone`]]);
  assert.ok(isAlive(rig, one.pid));
});

test('an order to stop ends the start list: the running command first', { skip: noLive }, async (t) => {
  const rig = await createRig(t);
  const place = await rig.place();
  await service(rig, place, 'first');
  await script(rig, place, '/slow', 'echo $1 slow >>/order; sleep 600');
  await service(rig, place, 'never');
  const boot = await rig.boot(toSpec(place, { entries: ['/first', '/slow', '/never'] }));
  await boot.line(`${place.mark} ready`);
  await boot.say('0\n');
  await boot.line(`${place.mark} start /slow`);
  const pid = await pidOf(boot, place);
  await rig.reaper('stop', '5000', String(pid), rig.ticks(pid));
  assert.equal(rig.machine.read(`${place.upper}/order`).replace(/^start slow\n/m, ''), 'start first\nstop first\n');
  await boot.ended;
  assert.ok(!boot.lines().includes(`${place.mark} finished`));
  assert.ok(boot.lines().includes(`${place.mark} done /slow 137`));
});

test('an order to stop that comes before the commit is kept', { skip: noLive }, async (t) => {
  const rig = await createRig(t);
  const place = await rig.place();
  const boot = await rig.boot(toSpec(place, { entries: ['/bin/true'] }));
  await boot.line(`${place.mark} ready`);
  const pid = await pidOf(boot, place);
  await rig.machine.sh(`kill ${pid}`);
  await boot.say('0\n');
  await until('it ends', () => !isAlive(rig, pid));
});

test('other signals, from inside and outside, do nothing to PID 1', { skip: noLive }, async (t) => {
  const rig = await createRig(t);
  const { pid } = await rig.up(await rig.place());
  await rig.machine.sh(`for s in HUP USR1 USR2 PIPE ALRM SEGV 33 34 35 64; do kill -$s ${pid}; done`);
  await inside(rig, pid, 'for s in HUP KILL STOP USR1 34; do kill -$s 1; done; kill -CHLD 1');
  await new Promise((resolve) => setTimeout(resolve, 100));
  assert.ok(isAlive(rig, pid));
  // Who sends it is inside, and ends with PID 1.
  await rig.machine.run('nsenter', ['-t', String(pid), '-a', 'kill', '-TERM', '1']);
  await until('it ends on TERM', () => !isAlive(rig, pid));
});
