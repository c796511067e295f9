import assert from 'node:assert/strict';
import test from 'node:test';
import { noLive } from '../machine.ts';
import { createRig, inside, type Place, type Rig } from './rig.ts';

const TEXT = 'auto lo\niface lo inet loopback\n';
const FILE = 'etc/network/interfaces';

/** Boots a subhost for which this has been prepared in its upper directory, with a bait beside it. */
async function bootWith(rig: Rig, name: string, script: string): Promise<{ place: Place; pid: number }> {
  const place = await rig.place(name);
  await rig.machine.sh(`umount ${place.live}; mkdir -p /mnt/bait /mnt/lower/etc/network; echo bait >/mnt/bait/file; cd ${place.upper}; ${script}
    echo "of the machine" >/mnt/lower/${FILE}
    mount -t overlay -o lowerdir=/mnt/lower:/,upperdir=${place.upper},workdir=/mnt/${name}/work ${place.mark} ${place.live}`);
  const { pid } = await rig.up(place, { interfaces: TEXT });
  return { place, pid };
}

test("a subhost without an own file gets one, in place of the machine's, and keeps it", { skip: noLive }, async (t) => {
  const rig = await createRig(t);
  const { place, pid } = await bootWith(rig, 'web', ':');
  assert.equal(
    await inside(rig, pid, `cat /${FILE}; ls -A /etc/network; stat -c '%a %u %F' /${FILE}`),
    `${TEXT}interfaces\n644 0 regular file`,
  );
  assert.equal(await rig.machine.sh(`cat /mnt/lower/${FILE}`), 'of the machine');
  await inside(rig, pid, `echo changed >/${FILE}`);
  const again = await rig.up(place, { interfaces: TEXT });
  assert.equal(await inside(rig, again.pid, `cat /${FILE}`), 'changed');
  // What is removed inside stays removed.
  await inside(rig, again.pid, `rm /${FILE}`);
  const last = await rig.up(place, { interfaces: TEXT });
  assert.equal(await inside(rig, last.pid, 'ls -A /etc/network'), '');
});

const OWN = {
  'an own file': [`mkdir -p etc/network; echo own >${FILE}`, 'own'],
  'a link that leads nowhere': [`mkdir -p etc/network; ln -s /nowhere ${FILE}`, ''],
  'a link in place of the file': [`mkdir -p etc/network; ln -s /mnt/bait/file ${FILE}`, ''],
  'a link in place of the folder': ['mkdir etc; ln -s /mnt/bait etc/network', ''],
  'a link in place of /etc': ['ln -s /mnt/bait etc', ''],
  'a file in place of the folder': ['mkdir etc; touch etc/network', ''],
} as const;

test('what a subhost has of its own is left alone, and links lead nowhere', { skip: noLive }, async (t) => {
  const rig = await createRig(t);
  for (const [index, [what, [script, text]]] of Object.entries(OWN).entries()) {
    const { place, pid } = await bootWith(rig, `web${index}`, script);
    const listed = `cd ${place.upper}; find etc -printf '%p %y %s %l\\n' | sort`;
    const before = await rig.machine.sh(
      `mkdir /mnt/again${index}; cd /mnt/again${index}; ${script}; find etc -printf '%p %y %s %l\\n' | sort`,
    );
    assert.equal((await rig.machine.sh(listed)).replace(/ d \d+/g, ' d'), before.replace(/ d \d+/g, ' d'), what);
    assert.equal(await inside(rig, pid, `cat /${FILE} 2>/dev/null; :`), text, what);
  }
  assert.equal(await rig.machine.sh('ls -A /mnt/bait; cat /mnt/bait/file'), 'file\nbait');
});

test('what is planted where the new file is written is not followed, and is told', { skip: noLive }, async (t) => {
  const rig = await createRig(t);
  const link = await bootWith(rig, 'link', 'mkdir -p etc/network; ln -s /mnt/bait/file etc/network/.new.ob');
  assert.equal(await inside(rig, link.pid, `cat /${FILE}; ls -A /etc/network`), `${TEXT}interfaces`);
  const folder = await bootWith(rig, 'folder', 'mkdir -p etc/network/.new.ob');
  assert.equal(
    await inside(rig, folder.pid, `cat /${FILE}; cat /run/boot.log`),
    'of the machine\n[ob] error interfaces 17 /etc/network/interfaces',
  );
  assert.equal(await rig.machine.sh('cat /mnt/bait/file'), 'bait');
});
