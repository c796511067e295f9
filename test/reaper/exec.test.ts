import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import { noLive, type Ran, REAPER } from '../machine.ts';
import { createRig, type Place, type Rig, type Up, until } from './rig.ts';

interface Inside {
  readonly rig: Rig;
  readonly place: Place;
  readonly up: Up;
  /** Runs a command inside; what goes wrong before it runs comes on stderr. REDIRECT is the shell's. */
  exec(command: readonly string[], redirect?: string, input?: string): Promise<Ran>;
}

async function createInside(t: test.TestContext): Promise<Inside> {
  const rig = await createRig(t);
  const place = await rig.place();
  const up = await rig.up(place);
  const words = [REAPER, 'exec', String(up.pid), up.ticks, place.cgroup, 'xterm'];
  return {
    rig,
    place,
    up,
    exec: (command, redirect = '', input = '') =>
      rig.machine.run('sh', ['-c', `exec "$@" 3>&2 ${redirect}`, 'sh', ...words, ...command], { input }),
  };
}

test('a command inside gives its exit status and its streams', { skip: noLive }, async (t) => {
  const { exec } = await createInside(t);
  const ran = await exec(['sh', '-c', 'cat; echo oh >&2; hostname; exit 7'], '', 'given\n');
  assert.deepEqual(ran, { code: 7, stdout: 'given\nweb\n', stderr: 'oh\n' });
  assert.equal((await exec(['sh', '-c', 'kill -KILL $$'])).code, 137);
  assert.equal((await exec(['/bin/true'])).code, 0);
  const missing = await exec(['no-such-thing']);
  assert.deepEqual([missing.code, missing.stderr.replace(/^\d+/, 'PID')], [127, 'PID error exec 2 no-such-thing\n']);
  assert.equal((await exec(['/etc/hosts'])).code, 126);
});

test('where its streams cannot be made, it does not get those of the caller', { skip: noLive }, async (t) => {
  const { rig, place, up } = await createInside(t);
  const words = [REAPER, 'exec', String(up.pid), up.ticks, place.cgroup, 'xterm', 'readlink', '/proc/self/fd/0'];
  const ran = await rig.machine.run('sh', ['-c', 'ulimit -n 16; exec "$@" 3>&2 </etc/hostname', 'sh', ...words]);
  assert.deepEqual(ran, { code: 1, stdout: '', stderr: `${up.pid} error dup 22 \n` });
});

test('it is under the same confinement as PID 1, and inherits nothing', { skip: noLive }, async (t) => {
  const { rig, place, up, exec } = await createInside(t);
  const own = (text: string): string => (text.match(/^(Cap|NoNewPrivs|Seccomp)\S*\s.*$/gm) ?? []).join('\n');
  const ran = await exec(['cat', '/proc/self/status'], '7</etc/hostname');
  assert.equal(own(ran.stdout), own(rig.machine.read(`/proc/${up.pid}/status`)));
  assert.match(own(ran.stdout), /CapBnd:\s*00000000a00435fb/);
  const look = 'ls /proc/self/fd | paste -s; pwd; umask; env | grep -v ^_= | sort; cat /proc/self/loginuid /proc/self/cgroup | tail -1';
  assert.deepEqual((await exec(['sh', '-c', look], '7</etc/hostname')).stdout.trimEnd().split('\n').slice(1), [
    '/root',
    '0022',
    'HOME=/root',
    'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
    'PWD=/root',
    'TERM=xterm',
    'container=ob',
    '0::/',
  ]);
  assert.equal((await exec(['sh', '-c', 'ls /proc/self/fd | paste -s'], '7</etc/hostname')).stdout, '0\t1\t2\t3\n');
  const links = 'readlink /proc/self/ns/cgroup /proc/self/ns/ipc /proc/self/ns/mnt /proc/self/ns/net /proc/self/ns/pid /proc/self/ns/uts';
  const seen = await rig.machine.sh(links.replaceAll('/self/', `/${up.pid}/`));
  assert.equal((await exec(['sh', '-c', links])).stdout.trimEnd(), seen);
  const asleep = exec(['sleep', '100']);
  await until('it is in the cgroup', () => rig.machine.read(`${place.cgroup}/cgroup.procs`).trim().split('\n').length === 3);
  await rig.machine.sh(`echo 1 >${place.cgroup}/cgroup.kill`);
  assert.equal((await asleep).code, 137);
});

test('much goes through files and pipes unharmed', { skip: noLive }, async (t) => {
  const { rig, place, up, exec } = await createInside(t);
  await rig.machine.sh('seq 400000 >/mnt/in');
  const wanted = createHash('md5').update(rig.machine.read('/mnt/in')).digest('hex');
  assert.equal((await exec(['cat'], '</mnt/in >/mnt/out')).code, 0);
  assert.equal(await rig.machine.sh('md5sum </mnt/out'), `${wanted}  -`);
  assert.equal((await exec(['md5sum'], '', rig.machine.read('/mnt/in'))).stdout, `${wanted}  -\n`);
  // A reader that stops early ends it, as it does outside.
  const cut = await rig.machine.run('sh', ['-c', `${REAPER} exec ${up.pid} ${up.ticks} ${place.cgroup} xterm yes 3>&2 | head -1`]);
  assert.equal(cut.stdout, 'y\n');
});

test('a file of the machine that is its stdin cannot be written to', { skip: noLive }, async (t) => {
  const { rig, exec } = await createInside(t);
  await rig.machine.sh('echo mine >/mnt/file');
  await exec(['sh', '-c', 'cat; echo theirs >/proc/self/fd/0; echo theirs >>/dev/stdin'], '</mnt/file');
  assert.equal(rig.machine.read('/mnt/file'), 'mine\n');
});

test('signals reach the command', { skip: noLive }, async (t) => {
  const { rig, place, up, exec } = await createInside(t);
  for (const signal of ['INT', 'TERM', 'HUP', 'QUIT', 'USR1']) {
    const running = exec(['sh', '-c', `trap 'exit 9' ${signal}; echo >/ready; while :; do sleep 0.05; done`]);
    await until('the trap is set', () => exists(rig, `${place.live}/ready`));
    const relay = await rig.machine.sh(
      `for p in /proc/[0-9]*; do tr '\\0' ' ' <$p/cmdline | grep -q '^reaper-exec ${up.pid} ' && basename $p; done; :`,
    );
    await rig.machine.sh(`rm ${place.live}/ready; kill -${signal} ${relay}`);
    assert.equal((await running).code, 9, signal);
  }
});

test('three terminals become one of the subhost, and the caller gets his back as it was', { skip: noLive }, async (t) => {
  const { rig, place, up } = await createInside(t);
  const words = `${REAPER} exec ${up.pid} ${up.ticks} ${place.cgroup} xterm`;
  const inside = 'tty; stty size; stty -a >/settings; stty raw -echo; kill -KILL \\$\\$';
  const script = `stty rows 33 cols 77; stty -g; ${words} sh -c "${inside}" 3>&2; echo "exit $?"; stty -g`;
  const ran = await rig.machine.run('script', ['-qec', script, '/dev/null']);
  // script(1) passes the end of its own input on as a key.
  const lines = ran.stdout.replaceAll('\r', '').replaceAll('^@', '').trimEnd().split('\n');
  assert.deepEqual(lines.slice(1, 4), ['/dev/pts/0', '33 77', 'exit 137']);
  assert.equal(lines[0], lines[4]);
  assert.match(rig.machine.read(`${place.upper}/settings`), /^isig icanon /m);
});

test('what is typed goes through, and its end too', { skip: noLive }, async (t) => {
  const { rig, place, up } = await createInside(t);
  const words = `${REAPER} exec ${up.pid} ${up.ticks} ${place.cgroup} xterm`;
  const ran = await rig.machine.run(
    'script',
    ['-qec', `${words} sh -c 'read line; echo "got \\$line"' 3>&2`.replaceAll('\\$', '$'), '/dev/null'],
    {
      input: 'hello\n',
    },
  );
  assert.match(ran.stdout, /got hello/);
});

test('a PID that is somebody else by now is not entered', { skip: noLive }, async (t) => {
  const { rig, place, up } = await createInside(t);
  const ran = await rig.machine.run('sh', ['-c', `${REAPER} exec ${up.pid} 1 ${place.cgroup} xterm touch /entered 3>&2`]);
  assert.deepEqual([ran.code, ran.stderr], [1, `${up.pid} error open 3 \n`]);
  assert.ok(!exists(rig, `${place.upper}/entered`));
});

test("the machine's own copy cannot be overwritten through /proc/PID/exe", { skip: noLive }, async (t) => {
  const { exec } = await createInside(t);
  const before = readFileSync(REAPER);
  const attack =
    'end=$(($(date +%s) + 2)); while [ $(date +%s) -lt $end ]; do for p in /proc/[0-9]*; do echo x >>$p/exe; done; done 2>/dev/null; :';
  const attacker = exec(['sh', '-c', attack]);
  const victims: Promise<Ran>[] = [];
  for (let count = 0; count < 40; count++) victims.push(exec(['true']));
  assert.deepEqual(
    (await Promise.all(victims)).map((ran) => ran.code),
    Array(40).fill(0),
  );
  await attacker;
  assert.ok(before.equals(readFileSync(REAPER)));
});

function exists(rig: Rig, path: string): boolean {
  try {
    rig.machine.read(path);
    return true;
  } catch {
    return false;
  }
}
