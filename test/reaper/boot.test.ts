import assert from 'node:assert/strict';
import test from 'node:test';
import { noLive } from '../machine.ts';
import { argumentsOf, createRig, isAlive, pidOf, script, toSpec, until } from './rig.ts';

test('a subhost is ready first, and goes when it is told to', { skip: noLive }, async (t) => {
  const rig = await createRig(t);
  const place = await rig.place();
  await script(rig, place, '/go', 'echo gone >/went');
  const boot = await rig.boot(toSpec(place, { entries: ['/go'] }));
  await boot.line(`${place.mark} ready`);
  const pid = await pidOf(boot, place);
  assert.ok(isAlive(rig, pid));
  assert.throws(() => rig.machine.read(`${place.live}/went`), /ENOENT/);

  await boot.say('0\n');
  const ran = await boot.ended;
  assert.equal(ran.code, 0);
  assert.equal(ran.stderr, '');
  const said = boot.lines().filter((line) => line.startsWith(place.mark));
  const wanted = ['pid', 'ready', 'up', 'start /go', 'done /go 000', 'finished'];
  assert.deepEqual(said.toSorted(), wanted.map((word) => `${place.mark} ${word === 'pid' ? `pid ${pid}` : word}`).toSorted());
  assert.deepEqual(
    said.slice(2),
    wanted.slice(2).map((word) => `${place.mark} ${word}`),
  );
  assert.equal(rig.machine.read(`${place.live}/went`), 'gone\n');
  assert.deepEqual(argumentsOf(rig, pid), ['/.reaper', place.mark, 'd1ge57', '5000', '2000', 'runs:00', '000:/go']);
});

test('end-of-file before the commit leaves nothing behind', { skip: noLive }, async (t) => {
  const rig = await createRig(t);
  const place = await rig.place();
  const mounts = rig.machine.read('/proc/1/mounts');
  const boot = await rig.boot(toSpec(place));
  await boot.line(`${place.mark} ready`);
  await boot.hangUp();
  await boot.ended;
  await until('nothing runs', () => rig.machine.read(`${place.cgroup}/cgroup.procs`) === '');
  assert.equal(rig.machine.read('/proc/1/mounts'), mounts);
  assert.equal(await rig.machine.sh(`umount ${place.live} && rmdir ${place.cgroup} && echo free`), 'free');
});

test('a killed helper takes what is not committed with it', { skip: noLive }, async (t) => {
  const rig = await createRig(t);
  const [one, two] = [await rig.place('one'), await rig.place('two')];
  const boot = await rig.boot(toSpec(one), toSpec(two));
  await boot.line(`${one.mark} ready`);
  await boot.line(`${two.mark} ready`);
  await boot.say('1\n');
  await boot.line(`${two.mark} finished`);
  await rig.machine.sh(`kill -KILL ${await boot.helper}`);
  await boot.ended;
  const ended = await pidOf(boot, one);
  await until('the one that waited has ended', () => !isAlive(rig, ended));
  assert.equal(rig.machine.read(`${one.cgroup}/cgroup.procs`), '');
  assert.ok(isAlive(rig, await pidOf(boot, two)));
  assert.equal(await rig.machine.sh(`umount ${one.live} && echo free`), 'free');
});

test('one subhost that cannot be booted does not keep another from it', { skip: noLive }, async (t) => {
  const rig = await createRig(t);
  const [bad, good] = [await rig.place('bad'), await rig.place('good')];
  const boot = await rig.boot(toSpec(bad, { live: '/mnt/nowhere' }), toSpec(good));
  assert.equal(await boot.line(`${bad.mark} error`), 'ob:t/bad error live 2 /mnt/nowhere');
  await boot.line(`${good.mark} ready`);
  await boot.say('1\n');
  await boot.line(`${good.mark} finished`);
  await boot.hangUp();
  await boot.ended;
  assert.ok(isAlive(rig, await pidOf(boot, good)));
  await until('nothing of the other runs', () => rig.machine.read(`${bad.cgroup}/cgroup.procs`) === '');
});

test('each step that fails is named', { skip: noLive }, async (t) => {
  const rig = await createRig(t);
  const place = await rig.place();
  const cases = [
    [{ netns: '/run/netns/none' }, 'netns 2 /run/netns/none'],
    [{ netns: '/etc/passwd' }, 'setns 22 /etc/passwd'],
    [{ cgroup: '/sys/fs/cgroup/none' }, 'cgroup 2 /sys/fs/cgroup/none'],
    [{ cgroup: '/tmp' }, 'clone 9 /tmp'],
    [{ entries: [`/${'x'.repeat(600)}`] }, `entries 7 /${'x'.repeat(600)}`],
  ] as const;
  for (const [options, words] of cases) {
    const boot = await rig.boot(toSpec(place, options));
    assert.equal(await boot.line(`${place.mark} error`), `${place.mark} error ${words}`);
    await boot.hangUp();
    await boot.ended;
    await until('the cgroup is empty', () => rig.machine.read(`${place.cgroup}/cgroup.procs`) === '');
  }
});

test('wrong words are refused before anything is started', { skip: noLive }, async (t) => {
  const rig = await createRig(t);
  const place = await rig.place();
  const good = toSpec(place);
  const wrong = [['nonsense', 'x'], ['end'], ['end', '/mnt/end', 'x'], Array(65).fill(['share', '/mnt', '/srv', 'rw']).flat()];
  const bad = [[], good.slice(0, 8), [...good, '--'], toSpec(place, { runSize: '1m' }), toSpec(place, { startMs: -1 })];
  for (const words of [...bad, ...wrong.map((groups) => toSpec(place, { groups }))]) {
    const ran = await rig.reaper('boot', ...words);
    assert.deepEqual([ran.code, ran.stdout], [64, '']);
  }
});

test('one that ends while others wait is told at once', { skip: noLive }, async (t) => {
  const rig = await createRig(t);
  const [one, two] = [await rig.place('one'), await rig.place('two')];
  await script(rig, one, '/slow', 'sleep 600');
  const boot = await rig.boot(toSpec(one, { entries: ['/slow'] }), toSpec(two));
  await boot.line(`${one.mark} ready`);
  await boot.line(`${two.mark} ready`);
  await boot.say('0\n');
  await boot.line(`${one.mark} start`);
  await rig.machine.sh(`kill -KILL ${await pidOf(boot, one)}`);
  await boot.line(`${one.mark} ended`);
  await boot.say('1\n');
  await boot.line(`${two.mark} finished`);
  assert.equal((await boot.ended).code, 0);
});
