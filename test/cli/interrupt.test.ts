import assert from 'node:assert/strict';
import test from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { createMachine, noLive, type TestMachine } from '../machine.ts';
import { until } from '../reaper/rig.ts';
import { HOSTS, holdApply, initsOf, isThere, letGo, OB, startHeld, startOb, writeSlow } from './helpers.ts';
import { createTerminal, visible } from './terminal.ts';

async function signal(machine: TestMachine, name: string, target: number | string): Promise<void> {
  await machine.sh(`kill -s ${name} -- ${target}`);
}

const BOTH = ['client', 'web'];

/** With -j 1 one start list runs and the other waits for it; which, is left open. */
function assertEnded(text: string): void {
  const ran = /made +process\/(\w+)/.exec(text)?.[1] ?? assert.fail(`what ran has not come to its end:\n${text}`);
  const other = BOTH.find((name) => name !== ran);
  assert.match(text, new RegExp(`skipped +process/${other} {2}\\(interrupted\\)`));
  assert.match(text, /\n\d+\.\d s +ok +changed +failed +skipped\n/);
  assert.match(text, new RegExp(`\\n${ran} +0 +4 +0 +0\\n`));
  assert.match(text, new RegExp(`\\n${other} +0 +3 +0 +1\\n`));
  assert.doesNotMatch(text, /FAILED|differs/);
}

for (const name of ['INT', 'TERM'])
  test(`at SIG${name} what runs comes to its end, nothing new begins, exit 130; the next apply goes on`, { skip: noLive }, async (t) => {
    const machine = await createMachine(t);
    const held = await startHeld(machine, () => startOb(machine, 'apply', '-j', '1'), BOTH);
    await signal(machine, name, held.pid);
    await until('it says so', () => held.said().includes('interrupted'));
    await letGo(machine, BOTH);
    const { code, stdout, stderr } = await held.ended;
    assert.deepEqual([code, stderr], [130, '']);
    assert.match(stdout, /^interrupted: stopping when what runs has ended; once more: at once$/m);
    assertEnded(stdout);
    assert.equal(isThere(machine, '/run/ob/lock'), false);
    assert.equal((await machine.ob('apply')).code, 0);
    assert.deepEqual(await initsOf(machine), ['ob:demo/client', 'ob:demo/web']);
    assert.equal((await machine.ob('plan', '--detailed-exitcode')).code, 0);
  });

test('a signal that comes twice at once, as npx and sudo pass it on, counts once', { skip: noLive }, async (t) => {
  const machine = await createMachine(t);
  const held = await holdApply(machine);
  await machine.sh(`kill -s INT ${held.pid}; kill -s TERM ${held.pid}; kill -s INT ${held.pid}`);
  await until('it says so', () => held.said().includes('interrupted'));
  await letGo(machine);
  const { code, stdout } = await held.ended;
  assert.equal(code, 130);
  assert.match(stdout, /^made {5}process\/web( .*)?$/m);
});

test('the second Ctrl-C ends at once; what ran goes on, and the next apply finds all well', { skip: noLive }, async (t) => {
  const machine = await createMachine(t);
  const held = await holdApply(machine);
  await signal(machine, 'INT', held.pid);
  await until('it says so', () => held.said().includes('interrupted'));
  // As long as one press and what repeats it are taken for one.
  await sleep(350);
  await signal(machine, 'INT', held.pid);
  const { code, stdout } = await held.ended;
  assert.equal(code, 130);
  assert.doesNotMatch(stdout, /process\/web$/m);
  await letGo(machine);
  assert.equal((await machine.ob('apply')).code, 0);
  assert.deepEqual(await initsOf(machine), ['ob:demo/client', 'ob:demo/web']);
});

test('Ctrl-C at a terminal ends an apply as the signal alone does', { skip: noLive }, async (t) => {
  const machine = await createMachine(t);
  const terminal = await createTerminal(machine);
  const held = await startHeld(machine, () => terminal.start('apply -j 1', { env: { NO_COLOR: '1' } }), BOTH);
  terminal.type('\u0003');
  await until('it says so', () => held.said().includes('interrupted'));
  await letGo(machine, BOTH);
  const { code, stdout } = await held.ended;
  assert.equal(code, 130);
  assertEnded(visible(stdout));
});

const STOPS_SLOWLY = `#!/bin/sh
[ "$1" = stop ] || exit 0
echo begun >/opt/stopping
until [ -e /opt/go ]; do sleep 0.05; done
echo so >/opt/stopped
`;

test('Ctrl-C at a terminal is for ob alone: what it runs is not cut short', { skip: noLive }, async (t) => {
  const machine = await createMachine(t);
  const terminal = await createTerminal(machine);
  await writeSlow(machine, STOPS_SLOWLY);
  assert.equal((await machine.ob('apply')).code, 0);
  const destroy = terminal.start('destroy');
  await until('web is stopping', () => isThere(machine, '/var/lib/ob/web/live/opt/stopping'));
  terminal.type('\u0003');
  await until('it says so', () => destroy.said().includes('interrupted'));
  await letGo(machine);
  const { code, stdout } = await destroy.ended;
  assert.equal(code, 130);
  assert.match(stdout, /removed \S* process\/web/);
  assert.ok(isThere(machine, '/var/lib/ob/web/root/opt/stopped'), 'the service was killed while it stopped');
  assert.equal((await machine.ob('destroy')).code, 0);
});

test('a terminal that closes stops nothing', { skip: noLive }, async (t) => {
  const machine = await createMachine(t);
  const held = await holdApply(machine);
  await signal(machine, 'HUP', held.pid);
  await letGo(machine);
  const { code, stdout } = await held.ended;
  assert.equal(code, 0, stdout);
  assert.match(stdout, /^made {5}process\/web( .*)?$/m);
});

test('who waits for the lock can be interrupted at once', { skip: noLive }, async (t) => {
  const machine = await createMachine(t);
  const held = await holdApply(machine);
  const waiting = startOb(machine, 'apply', '--lock-timeout', '600', '--json');
  await until('it waits', () => waiting.said().includes('"waiting"'));
  const pid = await machine.sh('pgrep -f "[l]ock-timeout 600"');
  await signal(machine, 'TERM', pid);
  const { code, stderr } = await waiting.ended;
  assert.deepEqual([code, stderr], [130, 'ob: interrupted before anything was done\n']);
  await letGo(machine);
  assert.equal((await held.ended).code, 0);
});

test('a reader that goes away does not stop an apply half-way', { skip: noLive }, async (t) => {
  const machine = await createMachine(t);
  machine.write('/mnt/hosts.yaml', HOSTS);
  assert.equal(await machine.sh(`cd /mnt && { ${OB} apply; echo $? >/mnt/code; } | head -n 1`), '+   bridge/ob0  10.77.0.1/24');
  assert.equal(machine.read('/mnt/code'), '0\n');
  assert.deepEqual(await initsOf(machine), ['ob:demo/client', 'ob:demo/web']);
  assert.equal((await machine.ob('plan', '--detailed-exitcode')).code, 0);
  await machine.sh(`cd /mnt && ${OB} destroy >&- 2>&-`);
  assert.deepEqual(await initsOf(machine), []);
});

test('output that is lost for want of space is no success', { skip: noLive }, async (t) => {
  const machine = await createMachine(t);
  machine.write('/mnt/hosts.yaml', HOSTS);
  const said = await machine.sh(
    `cd /mnt && for words in plan 'plan --json' 'status --json' validate schema; do ${OB} $words 2>&1 >/dev/full; echo $?; done`,
  );
  const each = 'ob: not all could be written: ENOSPC: no space left on device, write\n1';
  assert.equal(said, Array(5).fill(each).join('\n'));
});
