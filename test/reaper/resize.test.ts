import assert from 'node:assert/strict';
import test from 'node:test';
import { noLive } from '../machine.ts';
import { createRig, inside, type Rig } from './rig.ts';

const SIZE = "stat -f -c '%b %S' /run | (read b s; echo $((b * s)))";

function resize(rig: Rig, pid: number, ticks: string, bytes: number): Promise<string> {
  return rig.reaper('resize', String(pid), ticks, String(bytes)).then((ran) => ran.stdout);
}

test('/run of a running subhost gets another size, and keeps all else', { skip: noLive }, async (t) => {
  const rig = await createRig(t);
  const { pid, ticks } = await rig.up(await rig.place());
  await inside(rig, pid, 'head -c 300000 /dev/zero >/run/zeros');
  const options = await inside(rig, pid, "grep ' /run ' /proc/self/mountinfo | cut -d' ' -f5-6,9-");
  assert.equal(await resize(rig, pid, ticks, 2 ** 21), `${pid} ok\n`);
  assert.equal(await inside(rig, pid, SIZE), String(2 ** 21));
  assert.equal(
    await inside(rig, pid, "grep ' /run ' /proc/self/mountinfo | cut -d' ' -f5-6,9-"),
    options.replace('size=1024k', 'size=2048k'),
  );
  assert.equal(await inside(rig, pid, 'stat -c %s /run/zeros'), '300000');
  // Smaller than what is in it: refused, and nothing is lost.
  assert.match(await resize(rig, pid, ticks, 4096), new RegExp(`^${pid} error resize 22 .*[Tt]oo small`));
  assert.equal(await inside(rig, pid, `${SIZE}; stat -c %s /run/zeros`), `${2 ** 21}\n300000`);
  assert.equal(await resize(rig, pid, '1', 2 ** 20), `${pid} error open 3 \n`);
});

test('a /run that is not mounted, or a link, is left alone', { skip: noLive }, async (t) => {
  const rig = await createRig(t);
  const place = await rig.place();
  const { pid, ticks } = await rig.up(place, { runSize: 'none' });
  const mounts = await rig.machine.sh('cat /proc/self/mountinfo');
  assert.match(await resize(rig, pid, ticks, 2 ** 21), / error resize 22 \/run/);
  await inside(rig, pid, 'mv /run /was && ln -s /dev/shm /run');
  assert.match(await resize(rig, pid, ticks, 2 ** 21), / error resize 40 \/run/);
  assert.equal(await rig.machine.sh('cat /proc/self/mountinfo'), mounts);
});
