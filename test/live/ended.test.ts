import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import test from 'node:test';
import { noLive, OB } from '../machine.ts';
import { until } from '../reaper/rig.ts';
import { createRig, type Rig } from './rig.ts';
import { startWatching } from './watching.ts';

/** Each ends when /go is there, with the exit status in it. */
const SERVE = `#!/bin/sh
if [ "$1" = stop ]; then touch /stopping; while [ -e /hold ]; do sleep 0.02; done; exit; fi
echo begun
setsid sh -c 'until [ -e /go ]; do sleep 0.02; done; echo bye from $(hostname); exit $(cat /go)' &
`;

const POLICIES = ['always', 'failed', 'never'];

const HOSTS = `scope: demo
defaults: { start: [/srv/serve], ram_size: 10M }
subhosts:
  always: { base: /mnt/always }
  failed: { base: /mnt/failed, restart: on-failure }
  never: { base: /mnt/never, restart: never }
`;

async function createSubhosts(rig: Rig): Promise<void> {
  for (const name of POLICIES) {
    await rig.machine.sh(`mkdir -p /mnt/${name}/root/srv`);
    rig.machine.write(`/mnt/${name}/root/srv/serve`, SERVE);
    await rig.machine.sh(`chmod 755 /mnt/${name}/root/srv/serve`);
  }
  rig.hosts(HOSTS);
  await rig.apply();
}

/** All of them end by themselves, with an exit status or by the signal KILL. */
async function end(rig: Rig, how: number | 'killed'): Promise<void> {
  for (const name of POLICIES) {
    if (how === 'killed') await rig.machine.sh(`kill -KILL ${rig.pid1(name)}`);
    else await rig.machine.sh(`echo ${how} >/mnt/${name}/live/go.new; mv /mnt/${name}/live/go.new /mnt/${name}/live/go`);
    await rig.machine.sh(`while grep -q 'populated 1' /sys/fs/cgroup/ob/demo/${name}/cgroup.events; do sleep 0.01; done`);
    await rig.machine.sh(`rm -f /mnt/${name}/live/go`);
  }
}

const running = async (rig: Rig): Promise<string[]> => (await rig.status()).filter(({ pid1 }) => pid1 !== null).map(({ name }) => name);

interface Ended {
  readonly how: string;
  readonly status: number | null;
  readonly at: string | null;
  readonly rests: boolean;
  readonly words: readonly string[];
}

async function ended(rig: Rig, name: string): Promise<Ended | null> {
  const ran = await rig.machine.ob('status', '-o', 'json');
  const all = JSON.parse(ran.stdout) as { name: string; ended: Ended | null }[];
  return all.find((one) => one.name === name)?.ended ?? null;
}

test('what has ended by itself is started again as its file wants', { skip: noLive }, async (t) => {
  const rig = await createRig(t);
  await createSubhosts(rig);
  assert.deepEqual([await running(rig), await ended(rig, 'never')], [POLICIES, null]);

  await end(rig, 0);
  const { at, ...rest } = (await ended(rig, 'never')) ?? {};
  assert.deepEqual(rest, {
    how: 'ended',
    status: 0,
    message: 'all that ran in it has ended, the last with exit status 0',
    rests: true,
    words: ['[ob] start /srv/serve', 'begun', '[ob] /srv/serve exit 0', 'bye from never'],
  });
  assert.ok(Math.abs(Date.now() - Date.parse(String(at))) < 60_000, String(at));
  const plan = await rig.plan();
  assert.match(plan, /left alone: never has ended by itself, and is left so \(restart: never\)/);
  assert.match(plan, /left alone: failed has ended by itself, and is left so \(restart: on-failure\)/);
  await rig.apply();
  assert.deepEqual(await running(rig), ['always']);
  assert.equal((await rig.machine.ob('status')).code, 0, 'what has done its work is well');
  const quiet = await rig.machine.ob('apply', '--quiet');
  assert.deepEqual([quiet.code, quiet.stdout, quiet.stderr], [0, '', ''], 'cron sends no mail');

  const log = (await rig.machine.ob('logs', 'always')).stdout.replace(/^== \S+/gm, '== TIME');
  const start = '[ob] start /srv/serve\nbegun\n[ob] /srv/serve exit 0\n';
  assert.equal(
    log.replace(/\n+/g, '\n'),
    `== TIME always has started\n${start}` +
      '== TIME always has ended by itself: all that ran in it has ended, the last with exit status 0\n' +
      `${start}bye from always\n== TIME always has started\n${start}`,
  );

  assert.equal((await rig.machine.ob('start', 'never', 'failed')).code, 0);
  assert.deepEqual([await running(rig), await ended(rig, 'never')], [POLICIES, null]);

  await end(rig, 3);
  await rig.apply();
  assert.deepEqual(await running(rig), ['always', 'failed']);
  const bad = await rig.machine.ob('status');
  assert.equal(bad.code, 1, 'it is left so, but it has complained');
  assert.match(bad.stdout, /never: all that ran in it has ended, the last with exit status 3/);
  assert.equal((await rig.machine.ob('restart', 'never')).code, 0);

  await end(rig, 'killed');
  assert.equal((await ended(rig, 'never'))?.how, 'killed');
  const repaired = await rig.machine.ob('apply', '--quiet');
  assert.equal(
    repaired.stdout.replaceAll(' (drift)', ''),
    ['always', 'failed']
      .map((name) => `restarted process/${name}  running: no -> yes; ${name} had ended by itself: its PID 1 was killed\n`)
      .join(''),
  );
  assert.deepEqual(await running(rig), ['always', 'failed']);

  assert.equal((await rig.machine.ob('destroy')).code, 0);
  assert.equal(await rig.machine.sh('find /run -path "/run/ob/*" ! -name lock'), '', 'nothing is left over');
});

test('what ob has stopped itself, or never came up, is started, whatever the file says', { skip: noLive }, async (t) => {
  const rig = await createRig(t);
  await createSubhosts(rig);
  assert.equal((await rig.machine.ob('stop', ...POLICIES)).code, 0);
  await rig.apply();
  await rig.machine.sh('rm -f /mnt/never/live/stopping');
  assert.deepEqual(await running(rig), POLICIES);
  // A run is killed while it stops one: its end is no news then.
  await rig.machine.sh('touch /mnt/never/live/hold');
  const stop = rig.machine.start(OB, ['restart', 'never'], { cwd: '/mnt' });
  const killed = once(stop, 'close');
  await until('it stops', () => existsSync(`/proc/${rig.machine.pid}/root/mnt/never/live/stopping`));
  await rig.machine.sh(`kill -KILL ${rig.machine.read('/run/ob/lock').split(' ')[0]}; rm /mnt/never/live/hold`);
  await killed;
  await rig.machine.sh(`while grep -q 'populated 1' /sys/fs/cgroup/ob/demo/never/cgroup.events; do sleep 0.01; done`);
  assert.equal(await ended(rig, 'never'), null);
  await rig.apply();
  assert.deepEqual(await running(rig), POLICIES);
});

test('what ends by itself while others are started has been started', { skip: noLive }, async (t) => {
  const rig = await createRig(t);
  await createSubhosts(rig);
  assert.equal((await rig.machine.ob('stop', ...POLICIES)).code, 0);
  const wait = `while grep -q 'populated 1' /sys/fs/cgroup/ob/demo/never/cgroup.events; do sleep 0.02; done`;
  rig.machine.write('/mnt/always/root/srv/serve', SERVE.replace('echo begun', 'sleep 2; echo begun'));
  const started = rig.machine.ob('start', ...POLICIES);
  await until('never runs', () => existsSync(`/proc/${rig.machine.pid}/root/sys/fs/cgroup/ob/demo/never/cgroup.events`));
  await rig.machine.sh(
    `until grep -q 'populated 1' /sys/fs/cgroup/ob/demo/never/cgroup.events; do sleep 0.02; done; echo 0 >/mnt/never/root/go.new; mv /mnt/never/root/go.new /mnt/never/live/go; ${wait}`,
  );
  const ran = await started;
  assert.equal(ran.code, 0, ran.stdout + ran.stderr);
});

test('ob watch starts again what it is to, and leaves the rest', { skip: noLive }, async (t) => {
  const rig = await createRig(t);
  await createSubhosts(rig);
  const watching = await startWatching(t, rig);
  await watching.idle();
  await end(rig, 0);
  await watching.line(
    'always is started',
    ({ type, address, action }) => type === 'repair' && address === 'process/always' && action === 'restart',
  );
  await watching.idle();
  assert.deepEqual(await running(rig), ['always']);
  assert.deepEqual([(await ended(rig, 'never'))?.rests, (await ended(rig, 'failed'))?.rests], [true, true]);
  assert.equal((await rig.machine.ob('start', 'failed')).code, 0);
  await watching.idle();
  await rig.machine.sh(`kill -KILL ${rig.pid1('failed')}`);
  await watching.line(
    'failed is started',
    ({ type, address, action }) => type === 'repair' && address === 'process/failed' && action === 'restart',
  );
});
