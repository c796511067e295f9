import assert from 'node:assert/strict';
import test from 'node:test';
import { noLive } from '../machine.ts';
import { createRig } from './rig.ts';

test('a namespace carries its mark from the start, with lo up', { skip: noLive }, async (t) => {
  const rig = await createRig(t);
  const ran = await rig.reaper('netns', 'a', 'ob:t/a', '0', 'b', 'ob:t/b', '0');
  assert.deepEqual([ran.code, ran.stdout], [0, 'a ok\nb ok\n']);
  for (const name of ['a', 'b']) {
    const [lo] = JSON.parse(await rig.machine.sh(`ip -j -n ${name} link`));
    assert.deepEqual([lo.ifalias, lo.flags.includes('UP')], [`ob:t/${name}`, true]);
  }
  const inodes = await rig.machine.sh('stat -L -c %i /run/netns/a /run/netns/b /proc/self/ns/net');
  assert.equal(new Set(inodes.split('\n')).size, 3);
});

test('what is there already stays, the others are made', { skip: noLive }, async (t) => {
  const rig = await createRig(t);
  await rig.machine.sh('mkdir /run/netns && echo mine >/run/netns/a && ln -s /tmp/elsewhere /run/netns/b');
  const ran = await rig.reaper('netns', 'a', 'ob:t/a', '0', 'b', 'ob:t/b', '0', 'c', 'ob:t/c', '0');
  assert.deepEqual([ran.code, ran.stdout], [1, 'a error open 17 /run/netns/a\nb error open 17 /run/netns/b\nc ok\n']);
  assert.equal(await rig.machine.sh('cat /run/netns/a; ls /tmp/elsewhere 2>/dev/null || echo none'), 'mine\nnone');
});

test('names and marks that cannot be are refused', { skip: noLive }, async (t) => {
  const rig = await createRig(t);
  for (const words of [[], ['a', 'x'], ['../a', 'ob:t/a', '0'], ['a', 'x', '0', '..', 'x', '0'], ['', 'x', '0'], ['a', 'x', '-1']]) {
    const ran = await rig.reaper('netns', ...words);
    assert.deepEqual([ran.code, ran.stdout], [64, ''], words.join(' '));
  }
  const long = await rig.reaper('netns', 'a', 'x'.repeat(256), '0', 'b', 'x'.repeat(255), '0');
  assert.deepEqual([long.code, long.stdout], [1, 'a error mark 36 /run/netns/a\nb ok\n']);
  assert.equal(await rig.machine.sh('ls /run/netns'), 'b');
});

test('a name goes with all that is mounted on it, also beneath another mount of the folder', { skip: noLive }, async (t) => {
  const rig = await createRig(t);
  assert.equal((await rig.reaper('netns', 'a', 'ob:t/a', '0', 'b', 'ob:t/b', '0')).code, 0);
  // As `ip netns add` does it.
  await rig.machine.sh('mount --rbind /run/netns /run/netns; mount --make-shared /run/netns; mount --bind /run/netns/b /run/netns/a');
  assert.equal(
    await rig.machine.sh('umount /run/netns/a; umount /run/netns/a; rm /run/netns/a 2>&1 || true'),
    "rm: cannot remove '/run/netns/a': Device or resource busy",
  );
  const ran = await rig.reaper('unname', 'a', 'none');
  assert.deepEqual([ran.code, ran.stdout], [0, 'a ok\nnone ok\n']);
  assert.equal(await rig.machine.sh('ls /run/netns; grep -c " /run/netns/a " /proc/self/mountinfo || true'), 'b\n0');
  assert.match(await rig.machine.sh('ip -n b link show lo'), /alias ob:t\/b/, 'the other names stay');
  for (const words of [[], ['../a'], ['a', '..']]) assert.equal((await rig.reaper('unname', ...words)).code, 64);
});

test('names of one scope are dropped, and what is not plainly its own is left', { skip: noLive }, async (t) => {
  const rig = await createRig(t);
  const made = ['a', 'b', 'c', 'd'].flatMap((name) => [name, `ob:t/${name}`, '0']);
  assert.equal((await rig.reaper('netns', ...made, 'e', 'ob:tt/e', '0', 'f', 'ob:t', '0', 'foreign', 'x', '0')).code, 0);
  // A cable's end beside lo; another namespace mounted over one; marks that are none of this scope; a file; another kind of namespace.
  await rig.machine.sh(`ip -n a link add x type bridge; mount --bind /run/netns/foreign /run/netns/c
    mount --bind /run/netns/a /run/netns/d; touch /run/netns/file /run/netns/uts; mount --bind /proc/self/ns/uts /run/netns/uts
    ln -s a /run/netns/link`);
  assert.equal((await rig.reaper('drop-netns', 'tt', 'a')).stdout, 'a other\n');
  const names = ['a', 'b', 'c', 'd', 'e', 'f', 'foreign', 'file', 'uts', 'link', 'none'];
  const ran = await rig.reaper('drop-netns', 't', ...names);
  const fine = ran.stdout.split('\n').flatMap((line) => (line.endsWith(' ok') ? line.slice(0, -3) : []));
  assert.deepEqual([ran.code, fine.sort()], [1, ['a', 'b', 'none']]);
  assert.equal(ran.stdout.match(/ other$/gm)?.length, names.length - 3);
  assert.equal(await rig.machine.sh('echo $(ls /run/netns)'), 'c d e f file foreign link uts');
  assert.match(await rig.machine.sh('ip -n d link show lo'), /alias ob:t\/d/, 'only what was looked at is unmounted');
  for (const words of [['t'], ['t', '../a'], ['t', 'a', '.']]) assert.equal((await rig.reaper('drop-netns', ...words)).code, 64);
});

test('a namespace can belong to ids of its own, and tells which', { skip: noLive }, async (t) => {
  const rig = await createRig(t);
  const ran = await rig.reaper('netns', 'a', 'ob:t/a', '0', 'b', 'ob:t/b', '589824');
  assert.deepEqual([ran.code, ran.stdout], [0, 'a ok\nb ok\n']);
  await rig.machine.sh(`touch /run/netns/c; unshare -Urn sh -c 'echo; exec sleep 1000' >/mnt/ready 2>&1 &
    until [ -s /mnt/ready ]; do sleep 0.01; done; mount --bind /proc/$!/ns/net /run/netns/c; kill $!`);
  const seen = (await rig.reaper('look', 'a', 'b', 'c')).stdout.split('\n').filter((line) => line.startsWith('{'));
  assert.deepEqual(
    seen.map((line) => JSON.parse(line).first),
    [0, 589824, 1],
  );
  assert.equal(await rig.machine.sh('lsns -n -t user -o PID | wc -l'), '1', 'whoever made it is gone');
});
