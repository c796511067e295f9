import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import test from 'node:test';
import { noLive } from '../machine.ts';
import { argumentsOf, createRig, inside, isAlive, pidOf, script, toSpec, until } from './rig.ts';

const PAGE_KB = Number(execFileSync('getconf', ['PAGESIZE'], { encoding: 'utf8' })) / 1024;

test('each start command runs in order, its status is told and kept', { skip: noLive }, async (t) => {
  const rig = await createRig(t);
  const place = await rig.place();
  await script(rig, place, '/fine', 'echo all is "$1"');
  await script(rig, place, '/fails', 'echo oh no >&2; exit 3');
  await script(rig, place, '/killed', 'kill -KILL $$');
  await rig.machine.sh(`echo >${place.upper}/text`);
  const { pid, lines } = await rig.up(place, { entries: ['/fine', '/fails', '/killed', '/text', '/none', '/fine/none'] });
  const steps = lines.filter((line) => / (start|done|finished)/.test(line)).map((line) => line.slice(place.mark.length + 1));
  const outcomes = { '/fine': '000', '/fails': '003', '/killed': '137', '/text': '126', '/none': '127', '/fine/none': '127' };
  assert.deepEqual(steps, [
    ...Object.entries(outcomes).flatMap(([name, status]) => [`start ${name}`, `done ${name} ${status}`]),
    'finished',
  ]);
  assert.deepEqual(
    argumentsOf(rig, pid).slice(6),
    Object.entries(outcomes).map(([name, status]) => `${status}:${name}`),
  );

  const log = await rig.reaper('log', String(pid), rig.ticks(pid), '10000');
  assert.deepEqual(log.stdout.split('\n').slice(0, 7), [
    '[ob] start /fine',
    'all is start',
    '[ob] /fine exit 0',
    '[ob] start /fails',
    'oh no',
    '[ob] /fails exit 3',
    '[ob] start /killed',
  ]);
});

test('a service is started by service(8), or by its script where there is none', { skip: noLive }, async (t) => {
  const rig = await createRig(t);
  const place = await rig.place();
  await script(rig, place, '/etc/init.d/thing', 'echo thing: $0 $1 >>/said');
  await rig.up(place, { entries: ['thing', 'thing?', 'nothing?', '/nothing?', '/etc/init.d/thing/x?'] });
  assert.equal(rig.machine.read(`${place.upper}/said`), 'thing: /etc/init.d/thing start\n'.repeat(2));

  const bare = await rig.place('bare');
  await script(rig, bare, '/etc/init.d/thing', 'echo thing: $0 $1 >>/said');
  await rig.machine.sh(`rm -f ${bare.live}/usr/sbin/service ${bare.live}/usr/bin/service`);
  const { lines } = await rig.up(bare, { entries: ['thing', 'nothing'] });
  assert.equal(rig.machine.read(`${bare.upper}/said`), 'thing: /etc/init.d/thing start\n');
  assert.ok(lines.includes('ob:t/bare done nothing 127'));
});

test('told to end, PID 1 says so while its services are stopping', { skip: noLive }, async (t) => {
  const rig = await createRig(t);
  const place = await rig.place();
  await script(rig, place, '/slow', '[ "$1" = start ] || while [ ! -e /go ]; do sleep 0.02; done');
  const { pid } = await rig.up(place, { entries: ['/slow'] });
  assert.equal(argumentsOf(rig, pid)[5], 'runs:00');
  await rig.machine.sh(`kill -TERM ${pid}`);
  await until('it says that it stops', () => argumentsOf(rig, pid)[5] === 'stop:00');
  await rig.machine.sh(`touch ${place.live}/go`);
  await until('it has ended', () => !isAlive(rig, pid));
});

test('an optional entry that the subhost does not have is skipped', { skip: noLive }, async (t) => {
  const rig = await createRig(t);
  const place = await rig.place();
  await script(rig, place, '/there', 'exit 0');
  const { pid, lines } = await rig.up(place, { entries: ['nothing?', '/nothing?', '/there/nothing?', '/there?'] });
  const done = lines.filter((line) => / (start|done) /.test(line)).map((line) => line.slice(place.mark.length + 1));
  assert.deepEqual(done, ['done nothing skp', 'done /nothing skp', 'done /there/nothing skp', 'start /there', 'done /there 000']);
  assert.deepEqual(argumentsOf(rig, pid).slice(6), ['skp:nothing?', 'skp:/nothing?', 'skp:/there/nothing?', '000:/there?']);
});

test('a start command that takes too long is killed with its group', { skip: noLive }, async (t) => {
  const rig = await createRig(t);
  const place = await rig.place();
  await script(rig, place, '/slow', 'sleep 777 & sleep 777');
  const begin = Date.now();
  const { pid, lines } = await rig.up(place, { entries: ['/slow'], startMs: 150 });
  assert.ok(Date.now() - begin < 2000);
  assert.ok(lines.includes(`${place.mark} done /slow 124`));
  await until('both are gone', () => childrenOf(rig, pid).length === 1);
  assert.equal(await inside(rig, pid, 'cat /proc/[0-9]*/comm | grep -c sleep || true'), '0');
});

test('a daemon outlives its start command, and its end is the end of PID 1', { skip: noLive }, async (t) => {
  const rig = await createRig(t);
  const place = await rig.place();
  await script(rig, place, '/daemon', 'setsid sh -c "echo \\$\\$ >/pid; sleep 0.3; exit 5" >/dev/null 2>&1 &');
  const { pid } = await rig.up(place, { entries: ['/daemon'], startMs: 100 });
  assert.ok(isAlive(rig, pid));
  assert.equal(childrenOf(rig, pid).length, 1);
  await until('PID 1 ends with its last child', () => !isAlive(rig, pid));
});

test('orphans are reaped', { skip: noLive }, async (t) => {
  const rig = await createRig(t);
  const place = await rig.place();
  await script(rig, place, '/orphans', 'setsid sleep 60 & for i in 1 2 3 4 5 6 7 8 9; do (setsid sleep 0.$i &) ; done');
  const { pid } = await rig.up(place, { entries: ['/orphans'] });
  await until('one is left', () => childrenOf(rig, pid).length === 1);
  assert.equal(await inside(rig, pid, 'grep -l "State:.Z" /proc/[0-9]*/status || true'), '');
});

test('with nothing to start, dummy_service keeps PID 1 until a signal ends it', { skip: noLive }, async (t) => {
  const rig = await createRig(t);
  const { pid } = await rig.up(await rig.place());
  const [dummy = 0] = childrenOf(rig, pid);
  assert.deepEqual(argumentsOf(rig, dummy), ['dummy_service']);
  assert.equal(rig.machine.read(`/proc/${dummy}/comm`), 'dummy_service\n');
  await rig.machine.sh(`kill ${dummy}`);
  await until('PID 1 ends', () => !isAlive(rig, pid));
});

test('a write to /run/dummy_service ends it too', { skip: noLive }, async (t) => {
  const rig = await createRig(t);
  for (const name of ['web', 'db']) {
    const { pid } = await rig.up(await rig.place(name), { runSize: name === 'web' ? '65536' : 'none', entries: ['/none'] });
    await rig.machine.sh(`timeout 2 sh -c 'echo >/proc/${pid}/root/run/dummy_service'`);
    await until('PID 1 ends', () => !isAlive(rig, pid));
  }
});

test('the log gives as much of its end as is asked for', { skip: noLive }, async (t) => {
  const rig = await createRig(t);
  const place = await rig.place();
  await script(rig, place, '/loud', 'seq 3000');
  const { pid, ticks } = await rig.up(place, { entries: ['/loud'] });
  const all = (await rig.reaper('log', String(pid), ticks, '100000')).stdout;
  assert.equal(all, `[ob] start /loud\n${Array.from({ length: 3000 }, (_, index) => `${index + 1}\n`).join('')}[ob] /loud exit 0\n`);
  assert.equal((await rig.reaper('log', String(pid), ticks, '9000')).stdout, all.slice(-9000));
  const other = await rig.reaper('log', String(pid), '1', '9000');
  assert.deepEqual([other.code, other.stdout], [1, `${pid} other\n`]);
});

test('a log that does not fit is cut, and stops nothing', { skip: noLive }, async (t) => {
  const rig = await createRig(t);
  const place = await rig.place();
  await script(rig, place, '/loud', 'seq 100000; exit 0');
  await script(rig, place, '/next', 'exit 0');
  const { lines } = await rig.up(place, { entries: ['/loud', '/next'], runSize: '65536' });
  assert.ok(lines.includes(`${place.mark} done /next 000`));
});

test('PID 1 sleeps while nothing happens, and is small', { skip: noLive }, async (t) => {
  const rig = await createRig(t);
  const { pid } = await rig.up(await rig.place());
  const switches = (): string[] =>
    rig.machine
      .read(`/proc/${pid}/status`)
      .split('\n')
      .filter((line) => line.includes('ctxt_switches'));
  await until('it has come to rest', () => rig.machine.read(`/proc/${pid}/wchan`).length > 0);
  await new Promise((resolve) => setTimeout(resolve, 100));
  const before = switches();
  await new Promise((resolve) => setTimeout(resolve, 1000));
  assert.deepEqual(switches(), before);
  for (const one of [pid, ...childrenOf(rig, pid)]) {
    const figures = rig.machine.read(`/proc/${one}/status`) + rig.machine.read(`/proc/${one}/smaps_rollup`);
    const value = (name: string): number => Number(new RegExp(`^${name}:\\s*(\\d+)`, 'm').exec(figures)?.[1]);
    t.diagnostic(`Rss ${value('Rss')} kB, Pss ${value('Pss')} kB, page tables ${value('VmPTE')} kB`);
    // Its program and its stack; a page more of the latter where addresses cannot be kept from being random.
    assert.ok(value('Rss') <= 3 * PAGE_KB, figures);
  }
});

test('what a subhost runs has its addresses at random', { skip: noLive }, async (t) => {
  const rig = await createRig(t);
  const { pid } = await rig.up(await rig.place(), { entries: ['/none'] });
  for (const one of [pid, ...childrenOf(rig, pid)])
    assert.equal(rig.machine.read(`/proc/${one}/personality`).trim(), await rig.machine.sh('cat /proc/self/personality'));
});

test('dummy_service holds nothing of PID 1 that it has no use for', { skip: noLive }, async (t) => {
  const rig = await createRig(t);
  const end = '/run/end';
  await rig.machine.sh(`head -c 4096 /dev/zero >${end}`);
  const { pid } = await rig.up(await rig.place(), { entries: ['/none'], end });
  const [dummy = 0] = childrenOf(rig, pid);
  assert.match(rig.machine.read(`/proc/${pid}/maps`), /\/end\n/);
  assert.doesNotMatch(rig.machine.read(`/proc/${dummy}/maps`), /\/end\n/);
  const fds = await rig.machine.sh(`for fd in /proc/${dummy}/fd/*; do readlink $fd; done`);
  // The pipe is opened once somebody writes to it.
  assert.deepEqual(fds.split('\n'), ['/dev/null', '/run/boot.log', '/run/boot.log']);
});

test('PID 1 is nothing to be run inside', { skip: noLive }, async (t) => {
  const rig = await createRig(t);
  const { pid } = await rig.up(await rig.place());
  assert.equal(await inside(rig, pid, '/.reaper; echo $?'), '64');
});

test('a subhost whose starter goes away meanwhile still goes through its list', { skip: noLive }, async (t) => {
  const rig = await createRig(t);
  const place = await rig.place();
  await script(rig, place, '/slow', 'sleep 0.3; echo x >/went');
  const boot = await rig.boot(toSpec(place, { entries: ['/slow', '/slow'] }));
  await boot.line(`${place.mark} ready`);
  await boot.say('0\n');
  await boot.line(`${place.mark} start`);
  const pid = await pidOf(boot, place);
  await rig.machine.sh(`kill -KILL ${await boot.helper} 2>/dev/null || true`);
  await until('both have run', () => argumentsOf(rig, pid).slice(6).join() === '000:/slow,000:/slow');
  assert.ok(isAlive(rig, pid));
});

function childrenOf(rig: Awaited<ReturnType<typeof createRig>>, pid: number): number[] {
  return rig.machine.read(`/proc/${pid}/task/${pid}/children`).trim().split(' ').filter(Boolean).map(Number);
}
