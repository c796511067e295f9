import assert from 'node:assert/strict';
import test from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { createMachine, noLive, type TestMachine } from '../machine.ts';
import { until } from '../reaper/rig.ts';
import { HOSTS, holdApply, letGo, linesOf, OB, startHeld } from './helpers.ts';
import { createTerminal, screenOf, visible } from './terminal.ts';

/** Order and times differ from run to run. */
function stable(lines: readonly string[]): string[] {
  return lines.map((line) => line.replace(/\d+\.\d s/, 'TIME').replace(/ +/g, ' ')).sort();
}

async function applyAnew(machine: TestMachine): Promise<string[]> {
  machine.write('/mnt/hosts.yaml', HOSTS);
  const { stdout } = await machine.ob('apply');
  assert.equal((await machine.ob('destroy')).code, 0);
  return stdout.split('\n');
}

test('in a pipe there is no escape byte, and a line for each step as it ends', { skip: noLive }, async (t) => {
  const machine = await createMachine(t);
  const held = await holdApply(machine);
  await until('client is up', () => held.said().includes('process/client\n'));
  const before = linesOf(held.said()).filter((line) => line.startsWith('made'));
  assert.equal(before.length, 8, 'all but the one that is held');
  await letGo(machine);
  const { stdout, stderr } = await held.ended;
  assert.deepEqual([visible(stdout).includes('^['), stderr], [false, '']);
  assert.equal(linesOf(stdout).filter((line) => line.startsWith('made')).length, 9);
  for (const words of [['plan'], ['status'], ['plan', '--json'], ['validate'], ['--help']]) {
    const ran = await machine.run(OB, words, { cwd: '/mnt', env: { TERM: 'xterm-256color', FORCE_COLOR: '1' } });
    assert.deepEqual([visible(ran.stdout).includes('^['), ran.stderr], [false, ''], words.join(' '));
  }
});

test('on a terminal what runs stands below what has ended; in the end the screen is as in a pipe', { skip: noLive }, async (t) => {
  const machine = await createMachine(t);
  const inPipe = await applyAnew(machine);
  const terminal = await createTerminal(machine);
  const held = await startHeld(machine, () => terminal.start('apply'));
  const running = /^ +\d+\.\d s +process\/web +starting \/opt\/slow$/;
  await until('it shows what runs', () => screenOf(held.said()).some((line) => running.test(line)));
  const sum = /^ *\d+\.\d s: 8 of 9 steps \w+, 1 running, 0 waiting$/;
  await until('only web is left', () => sum.test(screenOf(held.said()).filter(Boolean).at(-1) ?? ''));
  await letGo(machine);
  const { code, stdout } = await held.ended;
  assert.equal(code, 0);
  assert.ok(visible(stdout).includes('^['));
  const screen = screenOf(stdout);
  assert.deepEqual(
    stable(screen).map((line) => line.replace('/opt/slow', 'nothing')),
    stable(inPipe),
  );
  assert.equal(screen.at(-1), '', 'the cursor stands below all that was said');
});

test('what ends at once, by a second Ctrl-C, leaves the terminal clean too', { skip: noLive }, async (t) => {
  const machine = await createMachine(t);
  const terminal = await createTerminal(machine);
  const held = await startHeld(machine, () => terminal.start('apply'));
  // Not typed: the terminal would throw away what it has not shown yet.
  await machine.sh(`kill -s INT ${held.pid}`);
  await until('it says so', () => held.said().includes('interrupted'));
  // As long as one press and what repeats it are taken for one.
  await sleep(350);
  await machine.sh(`kill -s INT ${held.pid}`);
  const { code, stdout } = await held.ended;
  assert.equal(code, 130);
  const screen = screenOf(stdout);
  assert.ok(!screen.some((line) => /steps|starting \/opt/.test(line)), screen.join('\n'));
});

test('no line of the display in place is wider than the terminal', { skip: noLive }, async (t) => {
  const machine = await createMachine(t);
  const terminal = await createTerminal(machine);
  const held = await startHeld(machine, () => terminal.start('apply', { columns: 30 }));
  await until('it shows what runs', () => held.said().includes('process/web'));
  await letGo(machine);
  const { stdout } = await held.ended;
  const dim = [...visible(stdout).matchAll(/\^\[\[2m([^^]*)\^\[\[22m\n/g)]
    .map(([, line = '']) => line)
    .filter((line) => / s[: ]/.test(line));
  assert.ok(dim.length > 0);
  for (const line of dim) assert.ok(line.length < 30, line);
});

test('colours obey NO_COLOR and TERM=dumb; on a dumb terminal nothing is drawn in place', { skip: noLive }, async (t) => {
  const machine = await createMachine(t);
  machine.write('/mnt/hosts.yaml', HOSTS);
  const terminal = await createTerminal(machine);
  const plan = async (env: Record<string, string>): Promise<string> => visible((await terminal.start('plan', { env }).ended).stdout);
  assert.match(await plan({}), /\^\[\[32m\+/);
  assert.doesNotMatch(await plan({ NO_COLOR: '1' }), /\^\[\[\d+m/);
  assert.match(await plan({ NO_COLOR: '' }), /\^\[\[32m\+/, 'empty is as good as unset');
  assert.equal((await plan({ TERM: 'dumb' })).includes('^['), false);

  const quiet = await terminal.start('apply', { env: { TERM: 'dumb' } }).ended;
  assert.deepEqual([quiet.code, visible(quiet.stdout).includes('^[')], [0, false]);
  const plain = await terminal.start('destroy', { env: { NO_COLOR: '1' } }).ended;
  assert.equal(plain.code, 0);
  assert.doesNotMatch(visible(plain.stdout), /\^\[\[\d+m/);
});

test('as cron starts it, with no environment, no terminal and a closed stdin, it works', { skip: noLive }, async (t) => {
  const machine = await createMachine(t);
  machine.write('/mnt/hosts.yaml', HOSTS);
  const ob = `env -i ${OB}`;
  const said = await machine.sh(
    `cd / && ${ob} apply /mnt/hosts.yaml 2>&1 <&- && ${ob} status /mnt/hosts.yaml <&- && ${ob} apply /mnt/hosts.yaml <&-`,
  );
  assert.match(said, /^made {5}process\/web( .*)?$/m);
  assert.match(said, /^Nothing to do: 9 resources are as wanted\.$/m);
  await machine.sh(`cd / && ${ob} destroy /mnt/hosts.yaml <&- >&- 2>&-`);
  assert.equal((await machine.ob('plan', '--json')).stdout.includes('"create":9'), true);
});
