import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import test from 'node:test';
import { noLive, REAPER } from '../machine.ts';
import { createRig, isAlive, pidOf, type Rig, script, toSpec, until } from './rig.ts';

const END = '/run/end';

/** How PID 1 has ended, and the last words; `+`: it has begun, and not said more. */
function read(rig: Rig): { how: string; words: string } {
  const text = rig.machine.read(END);
  const [how = ''] = text.slice(0, 64).split('\0');
  const [words = ''] = text.slice(64).split('\0');
  return { how: how.replace(/ \d+$/, ' MS'), words };
}

const MAKE = `rm -f ${END}; (umask 077; head -c 4096 /dev/zero >${END})`;

const ended = (rig: Rig, pid: number): Promise<void> => until('PID 1 has ended', () => !isAlive(rig, pid));

test('PID 1 says that all has ended, with the last exit status, the time and the last words', { skip: noLive }, async (t) => {
  const rig = await createRig(t);
  const place = await rig.place();
  await script(rig, place, '/serve', 'echo has begun; setsid sh -c "until [ -e /go ]; do sleep 0.02; done; echo it is broken; exit 3" &');
  await rig.machine.sh(MAKE);
  const { pid } = await rig.up(place, { entries: ['/serve'], end: END });
  assert.deepEqual(read(rig), { how: '+', words: '' });
  await rig.machine.sh(`touch ${place.live}/go`);
  await ended(rig, pid);
  assert.deepEqual(read(rig), { how: 'ended 3 MS', words: '[ob] start /serve\nhas begun\n[ob] /serve exit 0\nit is broken\n' });
  const at = Number(rig.machine.read(END).split('\0')[0]?.split(' ')[2]);
  const now = Number(process.hrtime.bigint() / 1_000_000n);
  assert.ok(at <= now && at > now - 60_000, 'by the clock that cannot be set');
});

test('of a long log it keeps the end', { skip: noLive }, async (t) => {
  const rig = await createRig(t);
  const place = await rig.place();
  await script(rig, place, '/serve', 'setsid sh -c "until [ -e /go ]; do sleep 0.02; done; seq 10000" &');
  await rig.machine.sh(MAKE);
  const { pid } = await rig.up(place, { entries: ['/serve'], end: END });
  await rig.machine.sh(`touch ${place.live}/go`);
  await ended(rig, pid);
  const { how, words } = read(rig);
  assert.deepEqual([how, words.length, words.slice(-11)], ['ended 0 MS', 2048, '9999\n10000\n']);
  assert.equal(rig.machine.read(END).length, 4096);
});

test('PID 1 says that it was told to stop; killed, it says nothing', { skip: noLive }, async (t) => {
  const rig = await createRig(t);
  const place = await rig.place();
  await script(rig, place, '/serve', '[ "$1" = stop ] && echo good bye; setsid sleep 1000 >/dev/null 2>&1 &');
  await rig.machine.sh(MAKE);
  const first = await rig.up(place, { entries: ['/serve'], end: END });
  await rig.machine.sh(`kill -TERM ${first.pid}`);
  await ended(rig, first.pid);
  const words = '[ob] start /serve\n[ob] /serve exit 0\n[ob] stop /serve\ngood bye\n[ob] /serve stop exit 0\n';
  assert.deepEqual(read(rig), { how: 'stopped 0 MS', words });

  await rig.machine.sh(MAKE);
  const second = await rig.up(place, { entries: ['/serve'], end: END });
  await rig.machine.sh(`kill -KILL ${second.pid}`);
  await ended(rig, second.pid);
  assert.deepEqual(read(rig), { how: '+', words: '' });
});

test('without the file the boot fails; a link in its place is not followed', { skip: noLive }, async (t) => {
  const rig = await createRig(t);
  const place = await rig.place();
  for (const [make, errno] of [
    ['true', 2],
    [`echo old >/mnt/old; ln -s /mnt/old ${END}`, 40],
  ] as const) {
    await rig.machine.sh(make);
    const boot = await rig.boot(toSpec(place, { end: END }));
    assert.equal(await boot.line('ob:t/web error'), `ob:t/web error end ${errno} ${END}`);
    await boot.hangUp();
  }
});

test('nobody inside can reach the file, not even root, also while a command starts', { skip: noLive }, async (t) => {
  const rig = await createRig(t);
  const place = await rig.place();
  const slow = '[ "$1" = start ] || exit 0; ls -l /proc/self/fd >/fds; setsid sleep 1000 & until [ -e /go ]; do sleep 0.02; done';
  await script(rig, place, '/slow', slow);
  await rig.machine.sh(MAKE);
  const boot = await rig.boot(toSpec(place, { entries: ['/slow'], end: END, startMs: 60_000 }));
  const pid = await pidOf(boot, place);
  await boot.line(`${place.mark} ready`);
  await boot.say('0\n');
  await boot.line(`${place.mark} start /slow`);
  const exec = async (text: string): Promise<string> => {
    const ran = await rig.machine.run('sh', [
      '-c',
      'exec "$@" 3>&2',
      'sh',
      ...[REAPER, 'exec', String(pid), rig.ticks(pid), place.cgroup, 'xterm', 'sh', '-c', text],
    ]);
    return ran.stdout + ran.stderr;
  };
  await until('the command has listed its descriptors', () => existsSync(`/proc/${rig.machine.pid}/root${place.upper}/fds`));
  // A process that has ended meanwhile is no matter.
  assert.equal(await exec('find /proc/[0-9]*/fd -lname "*/end*" 2>/dev/null; grep /end /fds'), '');
  // By one of them all subhosts of a batch are heard: whoever had it could speak for the others.
  for (const look of ['ls -l /proc/1/fd/3', 'cat /proc/1/maps', 'echo x >/proc/1/fd/3'])
    assert.match(await exec(look), /Permission denied/, look);
  await rig.machine.sh(`touch ${place.live}/go`);
  await boot.ended;
  assert.match(await exec('ls /proc/1/fd'), /^0\n1\n2\n/, 'later it may look');
  const mapped = await exec('grep /end /proc/1/maps');
  assert.match(mapped, / rw-s .*\/end$/m);
  const range = mapped.split(' ')[0]?.replace(/\b0+/g, '');
  assert.match(await exec(`echo x >/proc/1/map_files/${range}`), /Operation not permitted/);
  assert.deepEqual(read(rig), { how: '+', words: '' });
});
