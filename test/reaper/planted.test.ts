import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import test from 'node:test';
import { mendInside } from '../../src/resources/mender.ts';
import { noLive, REAPER } from '../machine.ts';
import { createRig, isAlive, pidOf, toSpec, until } from './rig.ts';

/** The machine's own folder that each planted link would lead to. */
const BAIT = '/mnt/bait';

for (const name of ['dev', 'proc', 'sys', 'run'])
  test(`a link planted as /${name} is refused, and leads nowhere`, { skip: noLive }, async (t) => {
    const rig = await createRig(t);
    const [bad, good] = [await rig.place('bad'), await rig.place('good')];
    await rig.machine.sh(
      `mkdir ${BAIT} && ln -sT ${BAIT} ${bad.live}/link && rm -rf ${bad.live}/${name} && mv -T ${bad.live}/link ${bad.live}/${name}`,
    );
    const boot = await rig.boot(toSpec(bad), toSpec(good));
    assert.match(await boot.line(`${bad.mark} error`), /error target 40 /);
    await boot.line(`${good.mark} ready`);
    await boot.say('1\n');
    await boot.line(`${good.mark} finished`);
    await until('nothing of the bad one runs', () => rig.machine.read(`${bad.cgroup}/cgroup.procs`) === '');
    assert.equal(await rig.machine.sh(`ls -A ${BAIT}`), '');
    assert.ok(isAlive(rig, await pidOf(boot, good)));
  });

test('a link planted as /.reaper is replaced, what it leads to stays', { skip: noLive }, async (t) => {
  const rig = await createRig(t);
  const place = await rig.place();
  await rig.machine.sh(`echo bait >${BAIT} && ln -s ${BAIT} ${place.upper}/.reaper`);
  const { pid } = await rig.up(place);
  assert.equal(rig.machine.read(BAIT), 'bait\n');
  assert.equal(
    await rig.machine.sh(`stat -c %F ${place.upper}/.reaper; cmp /proc/${pid}/exe /proc/${pid}/root/.reaper && echo same`),
    'regular empty file\nsame',
  );
});

test('a program planted as /.reaper is covered, not run', { skip: noLive }, async (t) => {
  const rig = await createRig(t);
  const place = await rig.place();
  await rig.machine.sh(`cp /bin/true ${place.upper}/.reaper`);
  const { pid } = await rig.up(place);
  assert.equal(
    await rig.machine.sh(`cmp ${place.upper}/.reaper /bin/true && cmp /proc/${pid}/exe /proc/${pid}/root/.reaper && echo same`),
    'same',
  );
});

test('a folder planted as /.reaper is refused', { skip: noLive }, async (t) => {
  const rig = await createRig(t);
  const place = await rig.place();
  await rig.machine.sh(`mkdir ${place.upper}/.reaper`);
  const boot = await rig.boot(toSpec(place));
  assert.equal(await boot.line(`${place.mark} error`), `${place.mark} error target 21 .reaper`);
});

for (const [what, plant] of [
  ['link', `ln -s ${BAIT}`],
  ['pipe', 'mkfifo'],
  ['device', 'sh -c \'mknod "$0" c 1 3\''],
])
  test(`a ${what} planted as the boot log is not written to`, { skip: noLive }, async (t) => {
    const rig = await createRig(t);
    const place = await rig.place();
    await rig.machine.sh(`echo bait >${BAIT} && mkdir -p ${place.upper}/run && ${plant} ${place.upper}/run/boot.log`);
    const { pid, ticks } = await rig.up(place, { runSize: 'none', entries: ['/bin/echo'] });
    assert.equal(rig.machine.read(BAIT), 'bait\n');
    assert.equal(await rig.machine.sh(`readlink /proc/${pid}/fd/1`), '/dev/null');
    const ran = await rig.reaper('log', String(pid), ticks, '1000');
    assert.equal(ran.code, 1);
    assert.match(ran.stdout, /error open (13|22|40) /);
  });

test('a link that is /dev by the time that its nodes are made anew leads nowhere', { skip: noLive }, async (t) => {
  const bait = mkdtempSync(`${tmpdir()}/ob-bait-`);
  t.after(() => rmSync(bait, { recursive: true }));
  writeFileSync(`${bait}/null`, '');
  const rig = await createRig(t);
  const place = await rig.place();
  const { ticks } = await rig.up(place);
  await rig.machine.sh(`rm -rf ${place.live}/dev && ln -s ${bait} ${place.live}/dev`);
  const [pid] = rig.machine.read(`${place.cgroup}/cgroup.procs`).split('\n');
  const mending = { mark: place.mark, hostname: place.name, points: [], nodes: ['null'] };
  const error = await mendInside(REAPER, { pid: Number(pid), ticks: Number(ticks) }, mending);
  assert.match(String(error?.message), /^open \/dev: it is a symbolic link/);
  assert.deepEqual(readdirSync(bait), ['null']);
});
