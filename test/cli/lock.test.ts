import assert from 'node:assert/strict';
import { once } from 'node:events';
import test from 'node:test';
import { BUNDLE, createMachine, noLive, OB } from '../machine.ts';
import { until } from '../reaper/rig.ts';
import { BEGUN, HOSTS, holdApply, initsOf, isThere, letGo, ownersOfLock, startOb } from './helpers.ts';

const BOTH = ['ob:demo/client', 'ob:demo/web'];

test('while one run changes the machine, the next exits 75 and names its pid and command', { skip: noLive }, async (t) => {
  const machine = await createMachine(t);
  const held = await holdApply(machine, 'hosts.yaml', '-j', '2');
  for (const words of [['apply'], ['destroy'], ['destroy', 'web'], ['apply', '--lock-timeout', '0.2']]) {
    const ran = await machine.ob(...words);
    assert.equal(ran.code, 75, words.join(' '));
    assert.equal(
      ran.stderr,
      `ob: another run is under way: process ${held.pid} (ob apply hosts.yaml -j 2)\n    -> wait for it with --lock-timeout SECONDS\n`,
    );
  }
  assert.equal((await machine.ob('plan')).code, 0, 'who only reads needs no lock');
  assert.match((await machine.ob('status')).stdout, /^web +starting /m);

  machine.write('/mnt/bad.yaml', 'subhosts: 7\n');
  assert.equal((await machine.ob('apply', 'bad.yaml')).code, 65, 'a bad file is told without the lock');
  await letGo(machine);
  assert.equal((await held.ended).code, 0);
  assert.equal(isThere(machine, '/run/ob/lock'), false, 'nothing is left of the lock');
});

test('with --lock-timeout it waits, says for whom, and takes the file as it is then', { skip: noLive }, async (t) => {
  const machine = await createMachine(t);
  const held = await holdApply(machine);
  const waiting = startOb(machine, 'apply', '--lock-timeout', '60');
  await until('it waits', () => waiting.said().includes('\n'));
  assert.equal(waiting.said(), `waiting up to 60 s for another run to end: process ${held.pid} (ob apply)\n`);
  machine.write('/mnt/hosts.yaml', HOSTS.replace(/ {2}web: .*\n/, ''));
  await letGo(machine);
  assert.equal((await held.ended).code, 0);
  const { code, stdout } = await waiting.ended;
  assert.equal(code, 0);
  assert.match(stdout, /Plan: 4 to remove; 5 unchanged/);
  assert.deepEqual(await initsOf(machine), ['ob:demo/client']);
});

test('kill -9 frees the lock, whatever runs on: no subhost and nothing that waits for one has the descriptor', {
  skip: noLive,
}, async (t) => {
  const machine = await createMachine(t);
  const held = await holdApply(machine);
  const owners = (await ownersOfLock(machine)).map((pid) =>
    machine.read(`/proc/${pid}/cmdline`).split('\0').slice(-3, -1).join(' ').replace(/.*\//, ''),
  );
  assert.deepEqual(owners.sort(), ['ob apply', 'early all'].sort(), 'ob, and what starts programs for it');
  await machine.sh(`kill -9 ${held.pid}`);
  await held.ended;
  assert.ok(isThere(machine, '/run/ob/lock'), 'the file is left over');
  assert.deepEqual(await initsOf(machine), BOTH, 'both subhosts live on');
  await letGo(machine);
  assert.equal((await machine.ob('apply')).code, 0);
  assert.deepEqual(await ownersOfLock(machine), []);
  assert.equal(isThere(machine, '/run/ob/lock'), false);
});

test('runs that wait get the lock one after the other, also when the one before removes the file', { skip: noLive }, async (t) => {
  const machine = await createMachine(t);
  const held = await holdApply(machine);
  const waiting = [1, 2, 3].map(() => startOb(machine, 'apply', '--lock-timeout', '60'));
  await until('all wait', () => waiting.every(({ said }) => said().includes('waiting')));
  await machine.sh('rm /run/ob/lock');
  await letGo(machine);
  const ended = await Promise.all([held.ended, ...waiting.map((one) => one.ended)]);
  assert.deepEqual(
    ended.map(({ code }) => code),
    [0, 0, 0, 0],
    ended.map(({ stderr }) => stderr).join(''),
  );
  assert.equal(isThere(machine, '/run/ob/lock'), false);
});

test('who was waiting keeps others out as well, though its file is not the one it waited at', { skip: noLive }, async (t) => {
  const machine = await createMachine(t);
  const held = await holdApply(machine);
  const waiting = startOb(machine, 'apply', '--lock-timeout', '60');
  await until('it waits', () => waiting.said().includes('waiting'));
  machine.write('/mnt/hosts.yaml', machine.read('/mnt/hosts.yaml').replace('ram_size: 10M', 'ram_size: none'));
  await letGo(machine);
  assert.equal((await held.ended).code, 0);
  await until('web is starting again', () => waiting.said().includes('stopped  process/web') && isThere(machine, BEGUN));
  const third = await machine.ob('apply');
  assert.equal(third.code, 75, third.stdout);
  await letGo(machine);
  assert.equal((await waiting.ended).code, 0);
});

test('a link or a folder that others may write to in the place of the lock is refused, not followed', { skip: noLive }, async (t) => {
  const machine = await createMachine(t);
  machine.write('/mnt/hosts.yaml', HOSTS);
  const planted: Readonly<Record<string, string>> = {
    '/run/ob': 'mkdir /mnt/else && ln -s /mnt/else /run/ob',
    '/run/ob ': 'touch /run/ob',
    '/run/ob  ': 'mkdir -m 777 /run/ob',
    '/run/ob   ': 'mkdir -m 700 /run/ob && chown nobody /run/ob',
    '/run/ob/lock': 'mkdir -m 700 /run/ob && ln -s /mnt/victim /run/ob/lock',
    '/run/ob/lock ': 'mkdir -pm 700 /run/ob/lock',
    '/run/ob/lock  ': 'mkdir -m 700 /run/ob && ln -s /mnt/absent /run/ob/lock',
  };
  machine.write('/mnt/victim', 'precious');
  for (const [path, plant] of Object.entries(planted)) {
    await machine.sh(plant);
    const before = await machine.sh('ls -lR /run /mnt');
    const ran = await machine.ob('apply');
    assert.deepEqual([ran.code, ran.stdout], [1, ''], plant);
    const at = path.trim();
    assert.equal(ran.stderr, `ob: ${at} was not made by ob, or others may write to it\n    -> look at it (ls -ld ${at}), then remove it\n`);
    assert.equal(await machine.sh('ls -lR /run /mnt'), before, plant);
    assert.equal(machine.read('/mnt/victim'), 'precious');
    await machine.sh('rm -rf /run/ob /mnt/else');
  }
});

test('of eight applies at once each ends well or exits 75, and each subhost has one PID 1', { skip: noLive }, async (t) => {
  const machine = await createMachine(t);
  machine.write('/mnt/hosts.yaml', HOSTS);
  for (let round = 0; round < 2; round++) {
    const runs = await Promise.all(Array.from({ length: 8 }, () => machine.ob('apply')));
    const codes = runs.map(({ code }) => code);
    assert.ok(codes.includes(0), codes.join());
    for (const { code, stderr } of runs) assert.ok(code === 0 || code === 75, `exit ${code}: ${stderr}`);
    assert.deepEqual(await initsOf(machine), BOTH);
  }
  assert.equal((await machine.ob('plan', '--detailed-exitcode')).code, 0);
  assert.equal(isThere(machine, '/run/ob/lock'), false);
});

test('the lock is taken before Node has started; where that cannot be, when it has', { skip: noLive }, async (t) => {
  const machine = await createMachine(t);
  machine.write('/mnt/hosts.yaml', 'scope: demo\nbridges: { ob0: {} }\nsubhosts: {}\n');
  const trace = async (...words: string[]): Promise<string> => {
    const ran = await machine.run('strace', ['-f', '-qq', '-e', 'trace=execve,flock', '-e', 'signal=none', ...words], { cwd: '/mnt' });
    assert.equal(ran.code, 0, ran.stderr);
    assert.equal(isThere(machine, '/run/ob/lock'), false);
    return ran.stderr;
  };
  const early = await trace(OB, 'apply', '-q');
  assert.match(early, /\["reaper", "serve", "early", "all"\].*flock\(3, LOCK_EX\|LOCK_NB\) += 0/s);
  assert.doesNotMatch(early, /"serve", "lock"/);
  for (const words of [
    [process.execPath, BUNDLE, 'destroy'],
    [OB, 'apply', '-j', '2'],
  ]) {
    const late = await trace(...words);
    assert.match(late, /"serve", "lock"\].*flock\(3, LOCK_EX\|LOCK_NB\) += 0/s);
    assert.doesNotMatch(late, /"early"/);
  }
});

test('who was started before Node may die with the lock in its hands', { skip: noLive }, async (t) => {
  const machine = await createMachine(t);
  machine.write('/mnt/hosts.yaml', 'scope: demo\nbridges: { ob0: {} }\nsubhosts: {}\n');
  const taken = 'mkdir -m 700 /run/ob; exec 5<>/run/ob/lock; flock 5';
  await machine.sh(`cd /mnt; ${taken}; OB_HELPER=0.5 exec ${process.execPath} ${BUNDLE} apply </dev/null`);
  assert.equal(isThere(machine, '/run/ob/lock'), false);
});

test('of a lock that was taken for nothing, nothing is left', { skip: noLive }, async (t) => {
  const machine = await createMachine(t);
  const isGone = (): Promise<void> => until('its folder is gone', () => !isThere(machine, '/run/ob'));
  for (const words of [['no-such-file'], ['one', 'two', 'three'], ['-q', 'no-such-file']]) {
    const ran = await machine.ob('destroy', ...words);
    assert.notEqual(ran.code, 0);
    assert.equal(isThere(machine, '/run/ob'), false, words.join(' '));
  }
  machine.write('/mnt/node', '#!/bin/sh\nls /run/ob\nexec sleep 60\n');
  await machine.sh('chmod 755 /mnt/node');
  const started = machine.start(OB, ['apply'], { env: { ...process.env, OB_NODE: '/mnt/node' } });
  await once(started.stdout ?? started, 'data');
  await machine.sh("pkill -KILL -x 'sleep|node'");
  await isGone();
});

test('it does not matter to who starts programs how ob was started', { skip: noLive }, async (t) => {
  const machine = await createMachine(t);
  machine.write('/mnt/hosts.yaml', HOSTS);
  // dash(1) does not ignore the first of them, whatever it is told.
  const ran = await machine.run('bash', ['-c', `trap '' CHLD PIPE HUP; exec ${OB} apply`], { cwd: '/mnt' });
  assert.equal(ran.code, 0, ran.stderr);
  await machine.sh(`cd /mnt; ulimit -Sn 64; exec ${OB} destroy -j 30`);
  // 0 is no socket here, and what is no number is nothing.
  for (const said of ['0', '77', 'x', '', '0.1', '77.78']) await machine.sh(`cd /mnt; OB_HELPER=${said} node ${BUNDLE} apply </dev/null`);
  assert.deepEqual(await initsOf(machine), BOTH);
});
