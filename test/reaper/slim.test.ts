import assert from 'node:assert/strict';
import test from 'node:test';
import { parseMountinfo } from '../../src/resources/linux/mountinfo.ts';
import { noLive } from '../machine.ts';
import { createRig, inside, pidOf, script, toSpec } from './rig.ts';

// From eight on they are started from a mount namespace of next to nothing, and not from copies of the machine's.
const NAMES = Array.from({ length: 9 }, (_, index) => `web${index + 1}`);

test('many that start at once see their own mounts and no others, and the machine sees none of these', { skip: noLive }, async (t) => {
  const rig = await createRig(t);
  const { machine } = rig;
  await machine.sh('mount --make-rshared /; mkdir /mnt/data; touch /mnt/data/file');
  const places = [];
  for (const name of NAMES) places.push(await rig.place(name));
  for (const place of places) await script(rig, place, '/go', 'echo $(hostname) >/went');
  const before = machine.read('/proc/1/mountinfo');
  const boot = await rig.boot(...places.map((place) => toSpec(place, { entries: ['/go'], shares: [['/mnt/data', '/srv/data', 'ro']] })));
  for (const place of places) await boot.line(`${place.mark} ready`);
  assert.equal(machine.read('/proc/1/mountinfo'), before);
  await boot.say(places.map((_, index) => `${index}\n`).join(''));
  assert.equal((await boot.ended).code, 0);
  assert.equal(machine.read('/proc/1/mountinfo'), before);

  const namespaces = new Set<string>();
  for (const place of places) {
    assert.equal(machine.read(`${place.live}/went`), `${place.name}\n`);
    const pid = await pidOf(boot, place);
    namespaces.add(await machine.sh(`readlink /proc/${pid}/ns/mnt`));
    const mounts = parseMountinfo(machine.read(`/proc/${pid}/mountinfo`));
    const others = mounts.filter(({ point }) => !/^\/(proc|sys|dev|run)(\/|$)/.test(point));
    const seen = others.map(({ point, source }) => `${point} ${source}`).sort();
    assert.deepEqual(seen, [`/ ${place.mark}`, `/.reaper ${place.mark}`, '/srv/data tmpfs']);
    assert.equal(await inside(rig, pid, 'ls /srv/data; grep -c " / / " /proc/self/mountinfo'), 'file\n1');
    // Nothing that comes into either of them later shows in the other.
    await inside(rig, pid, 'mount -t tmpfs late /mnt');
  }
  assert.equal(namespaces.size, places.length);
  assert.equal(machine.read('/proc/1/mountinfo'), before);
});
