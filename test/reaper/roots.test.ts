import assert from 'node:assert/strict';
import test from 'node:test';
import { createMachine, noLive, REAPER, type TestMachine } from '../machine.ts';

const FOLDERS = 'cd /mnt; mkdir -p a/upper a/work a/live b/upper b/live';
const OVERLAY = ['overlay', 'a', 'ob:t/a', '/mnt/a/live', '/', '/mnt/a/upper', '/mnt/a/work'];
const BIND = ['bind', 'b', 'ob:t/b', '/mnt/b/live', '/mnt/b/upper'];

/** Source, point, type and first option of what is mounted below /mnt, in the order of /proc/mounts. */
async function mountsOf(machine: TestMachine): Promise<string[]> {
  const lines = (await machine.sh("grep ' /mnt/[ab]/' /proc/mounts || :")).split('\n').filter(Boolean);
  return lines.map((line) => line.split(' ').slice(0, 4).join(' ').replace(/,.*/, ''));
}

test('an overlay and a bind mount carry their mark', { skip: noLive }, async (t) => {
  const machine = await createMachine(t);
  await machine.sh(FOLDERS);
  const made = await machine.run(REAPER, ['mount', ...OVERLAY, ...BIND]);
  assert.deepEqual([made.code, made.stdout], [0, 'a ok\nb ok\n']);
  assert.deepEqual(await mountsOf(machine), ['ob:t/a /mnt/a/live overlay rw', 'ob:t/b /mnt/b/live tmpfs ro', 'tmpfs /mnt/b/live tmpfs rw']);
  assert.equal(
    await machine.sh('touch /mnt/a/live/new /mnt/b/live/new; ls /mnt/a/upper /mnt/b/upper | xargs'),
    '/mnt/a/upper: new /mnt/b/upper: new',
  );
  const gone = await machine.run(REAPER, ['umount', 'one', '/mnt/a/live', '1', 'two', '/mnt/b/live', '2']);
  assert.deepEqual([gone.code, gone.stdout], [0, 'one ok\ntwo ok\n']);
  assert.deepEqual(await mountsOf(machine), []);
});

test('one that fails says why, leaves nothing, and does not stop the others', { skip: noLive }, async (t) => {
  const machine = await createMachine(t);
  await machine.sh(`${FOLDERS}; mkdir c; mount -t tmpfs t c; mkdir c/work`);
  const bad = [
    ['overlay', 'elsewhere', 'ob:t/x', '/mnt/a/live', '/', '/mnt/a/upper', '/mnt/c/work'],
    ['overlay', 'no-live', 'ob:t/x', '/mnt/none', '/', '/mnt/a/upper', '/mnt/a/work'],
    ['overlay', 'no-lower', 'ob:t/x', '/mnt/a/live', '/none', '/mnt/a/upper', '/mnt/a/work'],
    ['bind', 'no-upper', 'ob:t/x', '/mnt/b/live', '/none'],
  ];
  const ran = await machine.run(REAPER, ['mount', ...bad.flat(), ...BIND]);
  assert.equal(ran.code, 1);
  assert.deepEqual(
    ran.stdout
      .trimEnd()
      .split('\n')
      .map((line) => line.replace(/(error \S+ \d+).*/, '$1')),
    ['elsewhere error mount 22', 'no-live error live 2', 'no-lower error lowerdir 2', 'no-upper error open_tree 2', 'b ok'],
  );
  assert.deepEqual(await mountsOf(machine), ['ob:t/b /mnt/b/live tmpfs ro', 'tmpfs /mnt/b/live tmpfs rw']);
});

test('an overlay that would come up read-only, as nothing can be made in its work directory, is none', { skip: noLive }, async (t) => {
  const machine = await createMachine(t);
  await machine.sh('cd /mnt; mkdir a; mount -t tmpfs -o nr_inodes=5 few a; mkdir a/upper a/work a/live; : >a/last');
  const full = await machine.run(REAPER, ['mount', ...OVERLAY]);
  assert.deepEqual([full.code, full.stdout], [1, 'a error work 28 \n']);
  assert.equal(await machine.sh("grep -c ' /mnt/a/live ' /proc/mounts || :"), '0');
  await machine.sh('mount -o remount,nr_inodes=9 /mnt/a');
  assert.equal((await machine.run(REAPER, ['mount', ...OVERLAY])).stdout, 'a ok\n');
});

test('what is in use stays, and what lies above goes first', { skip: noLive }, async (t) => {
  const machine = await createMachine(t);
  await machine.sh(FOLDERS);
  await machine.run(REAPER, ['mount', ...OVERLAY]);
  await machine.sh('mount -t tmpfs above /mnt/a/live; cd /mnt/a/live; sleep 600 >/dev/null 2>&1 & :');
  const busy = await machine.run(REAPER, ['umount', 'a', '/mnt/a/live', '2']);
  assert.deepEqual([busy.code, busy.stdout], [1, 'a error umount 16 \n']);
  assert.equal((await mountsOf(machine)).length, 2);
});

test('of many that are unmounted at the same time, one in use is told of and stays, and what is in another goes before it', {
  skip: noLive,
}, async (t) => {
  const machine = await createMachine(t);
  const names = Array.from({ length: 30 }, (_, index) => `r${index + 1}`);
  await machine.sh(`cd /mnt; for name in ${names.join(' ')}; do mkdir $name; mount -t tmpfs $name $name; done`);
  await machine.sh('cd /mnt/r7; sleep 600 >/dev/null 2>&1 & :');
  const words = (some: readonly string[]): string[] => some.flatMap((name) => [name, `/mnt/${name}`, '1']);
  const busy = await machine.run(REAPER, ['umount', ...words(names)]);
  const said = names.map((name) => (name === 'r7' ? 'r7 error umount 16 ' : `${name} ok`));
  assert.deepEqual([busy.code, busy.stdout.split('\n').filter(Boolean).sort()], [1, said.sort()]);
  assert.equal(await machine.sh('grep -o " /mnt/r[0-9]* " /proc/mounts | xargs'), '/mnt/r7');

  const others = names.filter((name) => name !== 'r7');
  await machine.sh(`cd /mnt; for name in ${others.join(' ')}; do mount -t tmpfs $name $name; done; mkdir r1/in r1/in/er`);
  await machine.sh('mount -t tmpfs in /mnt/r1/in; mkdir /mnt/r1/in/er; mount -t tmpfs er /mnt/r1/in/er');
  const nested = await machine.run(REAPER, ['umount', ...words(['r1/in/er', 'r1/in', ...others])]);
  assert.deepEqual([nested.code, nested.stdout], [0, ['r1/in/er', 'r1/in', ...others].map((name) => `${name} ok\n`).join('')]);
});
