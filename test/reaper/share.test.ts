import assert from 'node:assert/strict';
import test from 'node:test';
import { noLive } from '../machine.ts';
import { createRig, inside, isAlive, pidOf, toSpec, until } from './rig.ts';

test('what is shared at boot is there before the first start command, and seen from both sides', { skip: noLive }, async (t) => {
  const rig = await createRig(t);
  const place = await rig.place();
  await rig.machine.sh('mkdir -p /mnt/data /mnt/fixed && echo out >/mnt/data/out && echo one >/mnt/file');
  const shares = [
    ['/mnt/data', '/srv/deep/data', 'rw'],
    ['/mnt/fixed', '/srv/fixed', 'ro'],
    ['/mnt/file', '/etc/shared', 'rw'],
  ] as const;
  const { pid, lines } = await rig.up(place, { shares, entries: ['/srv/deep/data/go'] });
  assert.ok(lines.includes(`${place.mark} done /srv/deep/data/go 127`));
  assert.equal(await inside(rig, pid, 'cat /srv/deep/data/out; echo in >/srv/deep/data/in; echo two >>/etc/shared'), 'out');
  assert.equal(await rig.machine.sh('cat /mnt/data/in /mnt/file'), 'in\none\ntwo');
  assert.match(await inside(rig, pid, 'echo x 2>&1 >/srv/fixed/x; :'), /Read-only file system/);
  // A device of the machine's does not work through a share, nor through a node that lies there.
  await rig.machine.sh('mknod /mnt/data/node c 1 3');
  assert.match(await inside(rig, pid, 'cat /srv/deep/data/node 2>&1; :'), /Permission denied/);
});

test('a running subhost gets a share and loses it', { skip: noLive }, async (t) => {
  const rig = await createRig(t);
  const place = await rig.place();
  const { pid, ticks } = await rig.up(place);
  await rig.machine.sh('mkdir /mnt/data && echo out >/mnt/data/out && echo text >/mnt/file');
  const share = async (...words: string[]): Promise<string> => (await rig.reaper('share', String(pid), ticks, ...words)).stdout;
  assert.equal(await share('add', '/mnt/data', '/srv/data', 'ro'), `${pid} ok\n`);
  assert.equal(await share('add', '/mnt/file', '/srv/file', 'rw'), `${pid} ok\n`);
  assert.match(await inside(rig, pid, 'cat /srv/data/out; cat /srv/file; echo x 2>&1 >/srv/data/x; :'), /^out\ntext\n.*Read-only/);
  assert.equal(await share('remove', '/srv/data'), `${pid} ok\n`);
  assert.equal(await share('remove', '/srv/file'), `${pid} ok\n`);
  assert.equal(await inside(rig, pid, 'ls /srv/data; cat /srv/file'), '');
  assert.equal(await rig.machine.sh('cat /mnt/data/out'), 'out');
  assert.match(await share('remove', '/srv/data'), / error umount 22 /);
  assert.match(await share('add', '/mnt/none', '/srv/none', 'rw'), / error share 2 \/mnt\/none/);
  assert.equal((await rig.reaper('share', String(pid), '1', 'remove', '/srv')).stdout, `${pid} error open 3 \n`);
});

test('a link planted on the way to a share is refused, and leads nowhere', { skip: noLive }, async (t) => {
  const rig = await createRig(t);
  const place = await rig.place();
  await rig.machine.sh(`mkdir /mnt/data /mnt/bait && ln -s /mnt/bait ${place.live}/trap`);
  const boot = await rig.boot(toSpec(place, { shares: [['/mnt/data', '/trap/data', 'rw']] }));
  assert.match(await boot.line(`${place.mark} error`), /error share 40 trap/);
  const ended = await pidOf(boot, place);
  await until('it has ended', () => !isAlive(rig, ended));

  const { pid, ticks } = await rig.up(await rig.place('good'));
  await inside(rig, pid, 'ln -s /mnt/bait /trap && ln -s /mnt/bait /last');
  for (const target of ['/trap/data', '/last']) {
    const ran = await rig.reaper('share', String(pid), ticks, 'add', '/mnt/data', target, 'rw');
    assert.match(ran.stdout, / error share 40 /, target);
  }
  assert.equal(await rig.machine.sh('ls -A /mnt/bait'), '');
});
