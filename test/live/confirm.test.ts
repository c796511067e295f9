import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import test from 'node:test';
import { createMachine, noLive, OB, type TestMachine } from '../machine.ts';

const HOSTS = `scope: demo
bridges: { ob0: { address: 10.77.0.1/24 } }
defaults: { start: none, ram_size: 10M }
subhosts:
  web: { base: /mnt/web, cables: [{ bridge: ob0, address: 10.77.0.2/24 }] }
  desk: { base: /mnt/desk, cables: [{ bridge: ob0, address: 10.77.0.3/24 }] }
`;
/** Takes the machine's own address, and the cable of the desk, out of the network. */
const CUT = HOSTS.replace('ob0: { address: 10.77.0.1/24 }', 'ob0: {}').replace('[{ bridge: ob0, address: 10.77.0.3/24 }]', '[{}]');

async function createOffice(t: Parameters<typeof createMachine>[0]): Promise<TestMachine> {
  const machine = await createMachine(t);
  machine.write('/mnt/hosts.yaml', HOSTS);
  assert.equal((await machine.ob('apply')).code, 0);
  return machine;
}

async function until(what: string, isSo: () => boolean | Promise<boolean>): Promise<void> {
  for (const deadline = Date.now() + 60_000; !(await isSo()); ) {
    if (Date.now() > deadline) throw new Error(`not within 60 s: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

interface Pending {
  readonly deadline: number;
  readonly watchdog: { readonly pid: number } | null;
}

const PENDING = '/run/ob/back/confirm.json';

function pendingOf(machine: TestMachine): Pending | undefined {
  return existsSync(`/proc/${machine.pid}/root${PENDING}`) ? (JSON.parse(machine.read(PENDING)) as Pending) : undefined;
}

/** Its refusal of a connection is an answer too. */
async function answers(machine: TestMachine): Promise<boolean> {
  const knock = 'exec 3<>/dev/tcp/10.77.0.1/9';
  return (await machine.run('ip', ['netns', 'exec', 'desk', 'timeout', '10', 'bash', '-c', knock])).stderr.includes('Connection refused');
}

const isGone = async (machine: TestMachine): Promise<boolean> => (await machine.run('pgrep', ['-f', 'confirm --watchdog'])).code === 1;

const uptimeMs = async (machine: TestMachine): Promise<number> => Number(await machine.sh('cut -d" " -f1 /proc/uptime')) * 1000;

/** The time of what waits for a confirm. */
async function isOver(machine: TestMachine): Promise<boolean> {
  return (await uptimeMs(machine)) > (pendingOf(machine)?.deadline ?? Number.POSITIVE_INFINITY);
}

/** Kills the watchdog, and lets the time be over in so many seconds. */
async function loseWatchdog(machine: TestMachine, seconds = 0): Promise<void> {
  const pending = pendingOf(machine);
  assert.ok(pending?.watchdog);
  await machine.sh(`kill -9 ${pending.watchdog.pid}`);
  await until('the watchdog is gone', () => isGone(machine));
  machine.write(PENDING, JSON.stringify({ ...pending, deadline: (await uptimeMs(machine)) + seconds * 1000 }));
}

async function isFormer(machine: TestMachine): Promise<void> {
  machine.write('/mnt/former.yaml', HOSTS);
  const ran = await machine.ob('plan', 'former.yaml');
  assert.match(ran.stdout, /^Nothing to do: 9 resources are as wanted\.\n$/, ran.stdout + ran.stderr);
}

interface Entry {
  readonly what: string;
  readonly why?: string;
}

function eventsOf(machine: TestMachine): Entry[] {
  const lines = machine.read('/var/log/ob/events.log').trim().split('\n');
  return lines.map((line) => JSON.parse(line) as Entry).filter(({ what }) => ['confirmed', 'taken-back', 'not-back'].includes(what));
}

test('what nobody confirms is taken back, and not had again by the next run from cron', { skip: noLive }, async (t) => {
  const machine = await createOffice(t);
  machine.write('/mnt/hosts.yaml', CUT);
  const ran = await machine.ob('apply', '--confirm', '3s');
  assert.deepEqual([ran.code, ran.stderr], [0, '']);
  assert.match(ran.stdout, /^The way back is held: without ob confirm within 3 s after this run the former state comes back\.$/m);
  assert.match(ran.stdout, /\nTo be confirmed within 3 s, else the former state comes back\.\n {4}-> ob confirm\n$/);
  await until('the former state is back', () => eventsOf(machine).length > 0);
  assert.deepEqual(
    eventsOf(machine).map(({ what, why }) => [what, why]),
    [['taken-back', 'nobody confirmed it in time: ob apply --confirm 3s']],
  );
  await isFormer(machine);
  assert.ok(await answers(machine));
  await until('the watchdog has ended', () => isGone(machine));

  const refused = /^ob: what the hosts file says was taken back at .* UTC: nobody confirmed it in time\n {4}-> change the file; or/;
  const first = await machine.ob('apply', '--quiet');
  assert.match(first.stderr, refused);
  assert.deepEqual([first.code, first.stdout], [1, '']);
  assert.deepEqual(await machine.ob('apply', '--quiet'), { code: 75, stdout: '', stderr: '' }, 'said once');
  assert.match((await machine.ob('apply')).stderr, refused, 'to a person each time');
  assert.match((await machine.ob('restart', 'web')).stderr, refused);
  assert.match(
    (await machine.ob('status')).stderr,
    /^ob: note: what "ob apply --confirm 3s" did was taken back at .*: nobody confirmed it/,
  );
  const planned = await machine.ob('plan');
  assert.match(
    planned.stderr,
    /^ob: note: apply refuses this: what the hosts file says was taken back at .* UTC: nobody confirmed it in time\n {4}-> /,
  );
  assert.match(planned.stdout, /^Plan: /m, 'what there would be to do is shown all the same');
  await isFormer(machine);

  const late = await machine.ob('confirm');
  assert.equal(late.stderr, 'ob: nothing waits to be confirmed\n    -> what was taken back, and when: ob events\n');
  assert.equal(late.code, 1);
  machine.write('/mnt/hosts.yaml', CUT.replace('web:', 'www:'));
  assert.equal((await machine.ob('apply')).code, 0, 'another file is another matter');
});

test('until it is confirmed nothing else is done; then it is kept, and stays', { skip: noLive }, async (t) => {
  const machine = await createOffice(t);
  machine.write('/mnt/hosts.yaml', HOSTS.replace('10.77.0.2/24', '10.77.0.22/24'));
  assert.equal((await machine.ob('apply', '--confirm', '10m')).code, 0);
  for (const words of ['apply', 'apply --confirm 1m', 'start web', 'restart web', 'stop web', 'destroy web', 'share web /srv']) {
    const ran = await machine.ob(...words.split(' '));
    assert.match(
      ran.stderr,
      /^ob: what "ob apply --confirm 10m" did waits to be confirmed, and is taken back at .* UTC\n {4}-> ob confirm keeps it\n$/,
    );
    assert.deepEqual([ran.code, ran.stdout], [75, ''], words);
  }
  assert.deepEqual(await machine.ob('apply', '--quiet'), { code: 75, stdout: '', stderr: '' });
  const planned = await machine.ob('plan');
  assert.equal(planned.code, 0);
  assert.match(planned.stderr, /^ob: note: apply refuses this: what "ob apply --confirm 10m" did waits .*\n {4}-> ob confirm keeps it\n$/);
  assert.match((await machine.ob('status')).stderr, /^ob: note: what "ob apply --confirm 10m" did waits .* UTC: ob confirm keeps it\n$/);

  const kept = await machine.ob('confirm');
  assert.deepEqual([kept.code, kept.stderr], [0, '']);
  assert.match(
    kept.stdout,
    /^~ {3}veth\/web0\n {6}address: .*\n[\s\S]*\nConfirmed: this is kept, as "ob apply --confirm 10m" left it \d+ s ago\.\n$/,
  );
  await until('the watchdog has ended', () => isGone(machine));
  assert.deepEqual(
    eventsOf(machine).map(({ what }) => what),
    ['confirmed'],
  );
  assert.match((await machine.ob('apply')).stdout, /^Nothing to do/);

  machine.write('/mnt/hosts.yaml', CUT);
  assert.equal((await machine.ob('apply', '--confirm', '10m')).code, 0);
  const pid = String(pendingOf(machine)?.watchdog?.pid);
  assert.deepEqual((await machine.sh(`ps -o sid=,tty= -p ${pid}`)).trim().split(/ +/), [pid, '?'], 'it has a session of its own');
  assert.equal(await machine.sh(`readlink /proc/${pid}/cwd`), '/');
  assert.equal((await machine.ob('destroy')).code, 0, 'as when the machine is shut down');
  await until('the watchdog has ended', () => isGone(machine));
  assert.equal(await machine.sh('ls /run/ob 2>/dev/null || true'), '', 'nothing is left over');
});

test('if the watchdog is killed, the next run after the time goes back', { skip: noLive }, async (t) => {
  const machine = await createOffice(t);
  machine.write('/mnt/hosts.yaml', CUT);
  assert.equal((await machine.ob('apply', '--confirm', '10m')).code, 0);
  await loseWatchdog(machine);
  assert.equal(await answers(machine), false, 'nobody is there who could');
  const ran = await machine.ob('apply', '--quiet');
  assert.match(
    ran.stdout,
    /Nobody confirmed "ob apply --confirm 10m": going back to the former state\.\n[\s\S]*\nThe former state is back\.\n$/,
    ran.stderr,
  );
  assert.match(ran.stderr, /^ob: what the hosts file says was taken back at /);
  assert.equal(ran.code, 1);
  assert.equal(pendingOf(machine), undefined);
  assert.ok(await answers(machine));
  await isFormer(machine);
});

test('a run that is killed half-way is taken back as soon as it is over', { skip: noLive }, async (t) => {
  const machine = await createOffice(t);
  const slow = '#!/bin/sh\n[ "$1" = stop ] || exec sleep 1000\n';
  await machine.sh(`mkdir -p /mnt/web/root/opt; printf '%s' '${slow}' >/mnt/web/root/opt/slow; chmod 755 /mnt/web/root/opt/slow`);
  machine.write('/mnt/hosts.yaml', CUT.replace('base: /mnt/web,', 'base: /mnt/web, start: [/opt/slow],'));
  machine.start(OB, ['apply', '--confirm', '1s'], { cwd: '/mnt' });
  await until('the start command runs', async () => (await machine.run('pgrep', ['-f', 'sleep 1000'])).code === 0);
  await until('the time is over', () => isOver(machine));
  assert.deepEqual([eventsOf(machine).length, await isGone(machine)], [0, false], 'it waits for the end of the run');
  await machine.sh(`kill -9 ${machine.read('/run/ob/lock').split(' ')[0]}`);
  await until('the former state is back', () => eventsOf(machine).length > 0);
  await isFormer(machine);
  assert.ok(await answers(machine));
});

test('ob watch goes back as well, and does not have it again', { skip: noLive }, async (t) => {
  const machine = await createOffice(t);
  machine.write('/mnt/hosts.yaml', CUT);
  assert.equal((await machine.ob('apply', '--confirm', '10m')).code, 0);
  await loseWatchdog(machine, 3);
  const watch = machine.start(OB, ['watch'], { cwd: '/mnt' });
  let said = '';
  watch.stdout?.on('data', (bytes: Buffer) => (said += bytes));
  await until('it says that it leaves things as they are', () => said.includes('was taken back at'));
  assert.deepEqual(
    eventsOf(machine).map(({ what }) => what),
    ['taken-back'],
  );
  await isFormer(machine);
  assert.ok(await answers(machine));
  watch.kill('SIGTERM');
});

test('a limited run is taken back with the bridge that it made, and nothing else is touched', { skip: noLive }, async (t) => {
  const machine = await createOffice(t);
  machine.write(
    '/mnt/hosts.yaml',
    CUT.replace('bridges: {', 'bridges: { ob1: {},').replace('web, cables: [{ bridge: ob0,', 'web, cables: [{ bridge: ob1,'),
  );
  const ran = await machine.ob('apply', '--limit', 'web', '--confirm', '10m');
  assert.equal(ran.code, 0, ran.stderr);
  await machine.sh('ip link show ob1');
  await machine.sh('ip link set desk0 down');
  await loseWatchdog(machine);
  assert.match((await machine.ob('apply', '--limit', 'web')).stdout, /\nThe former state is back\.\n$/);
  assert.equal((await machine.run('ip', ['link', 'show', 'ob1'])).code, 1);
  assert.match(await machine.sh('ip -br link show desk0'), /DOWN/, 'the desk is not in the limit');
  await machine.sh('ip link set desk0 up');
  await isFormer(machine);
});

test('--rollback-on-failure brings the former state back at once, and looks if it is there', { skip: noLive }, async (t) => {
  const machine = await createOffice(t);
  machine.write('/mnt/hosts.yaml', CUT.replace('base: /mnt/web,', 'base: /mnt/web, start: [/bin/false],'));
  const ran = await machine.ob('apply', '--rollback-on-failure');
  assert.equal(ran.code, 1);
  assert.match(
    ran.stdout,
    /^FAILED {3}process\/web: [\s\S]*\nIt failed: going back to the former state\.\n[\s\S]*\nThe former state is back\.\n$/m,
  );
  await isFormer(machine);
  assert.deepEqual(
    eventsOf(machine).map(({ what, why }) => [what, why]),
    [['taken-back', 'it failed: ob apply --rollback-on-failure']],
  );
  assert.match((await machine.ob('apply')).stderr, /was taken back at .* UTC: it failed\n/);

  await machine.ob('hold', 'desk');
  const held = await machine.ob('apply', '--rollback-on-failure');
  assert.match(held.stdout, /going back to the former state\.\nleft alone: desk is held\n/);
  await machine.ob('release', 'desk');
  const both = await machine.ob('apply', '--rollback-on-failure', '--confirm', '10m');
  assert.equal(both.code, 1);
  assert.equal(pendingOf(machine), undefined, 'nothing is left to be confirmed');
  await until('the watchdog has ended', () => isGone(machine));
  await isFormer(machine);
});

test('the first run of all is taken back to nothing; what is not known is no way back', { skip: noLive }, async (t) => {
  const machine = await createMachine(t);
  machine.write('/mnt/hosts.yaml', HOSTS);
  assert.equal((await machine.ob('apply', '--confirm', '1s')).code, 0);
  await until('all is gone', () => eventsOf(machine).length > 0);
  assert.match((await machine.ob('status')).stdout, /^web +absent/m);
  assert.equal(await machine.sh('ip netns'), '');

  machine.write('/mnt/hosts.yaml', `${HOSTS}  # other\n`.replace('10.77.0.3', '10.77.0.4'));
  assert.equal((await machine.ob('apply')).code, 0);
  await machine.sh('find /run/ob -mindepth 1 -maxdepth 1 ! -name hide -exec rm -r {} +');
  machine.write('/mnt/hosts.yaml', CUT);
  for (const words of [['--confirm', '1m'], ['--rollback-on-failure']]) {
    const ran = await machine.ob('apply', ...words);
    assert.match(ran.stderr, /^ob: there is no way back: it is not known what scope "demo" was told to be before\n/);
    assert.deepEqual([ran.code, await answers(machine)], [1, true]);
  }
});

const noSshd =
  noLive ??
  (['/usr/sbin/sshd', '/usr/bin/ssh'].every((path) => existsSync(path)) ? undefined : "needs Debian's openssh-server and -client");

const SSHD = `
  mkdir -p -m 755 /run/sshd
  ssh-keygen -q -t ed25519 -N '' -f /mnt/key
  ssh-keygen -q -t ed25519 -N '' -f /mnt/host
  cp /mnt/key.pub /mnt/keys
  echo "10.77.0.1 $(cut -d' ' -f1-2 /mnt/host.pub)" >/mnt/known
  printf '%s\\n' 'ListenAddress 10.77.0.1' 'HostKey /mnt/host' 'AuthorizedKeysFile /mnt/keys' 'PidFile none' 'UsePAM yes' \\
    'PermitRootLogin yes' 'ClientAliveInterval 1' 'ClientAliveCountMax 1' >/mnt/sshd_config
  /usr/sbin/sshd -f /mnt/sshd_config`;

const SSH = 'ip netns exec desk ssh -tt -i /mnt/key -o BatchMode=yes -o UserKnownHostsFile=/mnt/known -o ConnectTimeout=2 root@10.77.0.1';

test('a session over the very cable that is cut cannot confirm, and gets its network back', { skip: noSshd }, async (t) => {
  const machine = await createOffice(t);
  await machine.sh(SSHD);
  assert.equal(await machine.sh(`${SSH} hostname 2>/dev/null | tr -d '\\r'; true`), await machine.sh('hostname'));
  machine.write('/mnt/hosts.yaml', CUT);
  // At the terminal of that session: the run, and as soon as the cable is cut the confirm, which does not get there.
  const typed = `echo 'cd /mnt; ${OB} apply --confirm 6s'; until [ -e /mnt/cut ]; do sleep 0.1; done; echo '${OB} confirm'; sleep 1000`;
  const session = machine.start('sh', ['-c', `(${typed}) | ${SSH} sh`]);
  await until('the cable is cut', async () => (await machine.sh('ip -br -4 address show ob0')) === '' && pendingOf(machine) !== undefined);
  machine.write('/mnt/cut', '');
  const ran = await machine.run('sh', ['-c', `${SSH} ${OB} confirm`]);
  assert.notEqual(ran.code, 0, 'the confirm does not come through');
  await until('the address answers again', () => answers(machine));
  await until('it is said', () => eventsOf(machine).length > 0);
  assert.deepEqual(
    eventsOf(machine).map(({ what }) => what),
    ['taken-back'],
  );
  await isFormer(machine);
  session.kill('SIGKILL');
  assert.equal(await machine.sh(`${SSH} hostname 2>/dev/null | tr -d '\\r'; true`), await machine.sh('hostname'));
});
