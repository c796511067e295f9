import assert from 'node:assert/strict';
import test from 'node:test';
import { parseEvery } from '../../src/cli/install/every.ts';
import { createMachine, noLive, type Ran, type TestMachine } from '../machine.ts';
import { until } from '../reaper/rig.ts';
import { assertSame } from '../snapshot.ts';
import { lacking, listEtc, prepare } from './etc.ts';
import { isThere, linesOf, OB, ob } from './helpers.ts';

const TABLE = '/etc/cron.d/ob-cron-demo';
const TIMER = '/etc/systemd/system/ob-cron-demo.timer';
const SERVICE = '/etc/systemd/system/ob-cron-demo.service';

/** A machine with System V init, a cron that is never started, and a sendmail that keeps what it is given. */
async function prepareCron(machine: TestMachine): Promise<void> {
  await prepare(machine, 'sysvinit');
  machine.write('/usr/sbin/sendmail', '#!/bin/sh\ncat >>/mnt/mail\n');
  await machine.sh('chmod 755 /usr/sbin/sendmail; [ -e /usr/sbin/cron ] || ln -s /bin/true /usr/sbin/cron');
}

/** The one job of a table, as crontab(5) reads it: when, who, and what sh(1) is given. */
function jobIn(table: string): { when: string; user: string; command: string } {
  const [line, ...more] = linesOf(table).filter((one) => !one.startsWith('#') && !/^\w+=/.test(one));
  assert.deepEqual(more, []);
  const [, when = '', user = '', command = ''] = /^((?:\S+ ){5})(\S+) (.*)$/.exec(line ?? '') ?? [];
  assert.doesNotMatch(command, /(?<!\\)%/, 'cron ends the command there');
  return { when: when.trim(), user, command: command.replaceAll('\\%', '%') };
}

/** As cron does it, but without the wait before. */
function runJob(machine: TestMachine, table = machine.read(TABLE)): Promise<Ran> {
  const { command } = jobIn(table);
  assert.match(command, /^\/usr\/bin\/sleep \d+; OB_NODE=\S+ exec /);
  const env = { HOME: '/root', LOGNAME: 'root', PATH: '/usr/bin:/bin', SHELL: '/bin/sh' };
  return machine.run('/bin/sh', ['-c', command.replace(/sleep \d+/, 'sleep 0')], { env, cwd: '/' });
}

function refuseWords(ran: Ran): void {
  assert.deepEqual(ran, { code: 0, stdout: '', stderr: '' });
}

test('without systemd, cron repairs every minute, and says nothing when all is well', { skip: noLive }, async (t) => {
  const machine = await createMachine(t);
  await prepareCron(machine);
  const before = await listEtc(machine);
  const installed = await machine.ob('cron', 'install');
  assert.equal(installed.stdout, `wrote     ${TABLE}\nBy cron: ob apply --quiet /mnt/hosts.yaml; what it says is mailed to root\n`);
  assert.deepEqual([installed.code, installed.stderr], [0, '']);
  assert.equal(await machine.sh(`stat -c '%a %U %G' ${TABLE}`), '644 root root');
  const table = machine.read(TABLE);
  assert.match(table, /^MAILTO=root$/m);
  const { when, user } = jobIn(table);
  assert.deepEqual([when, user], ['* * * * *', 'root']);

  assert.equal(linesOf((await runJob(machine)).stdout).length, 9, 'the first run makes all');
  refuseWords(await runJob(machine));
  await machine.sh('ip link set web0 down');
  assert.deepEqual(await runJob(machine), { code: 0, stdout: 'changed   veth/web0  up: false -> true (drift)\n', stderr: '' });
  refuseWords(await runJob(machine));

  await t.test('installing again changes nothing; another --every takes its place', async () => {
    assert.match((await machine.ob('cron', 'install')).stdout, new RegExp(`^unchanged ${TABLE}\n`));
    assert.equal(machine.read(TABLE), table);
    assert.equal((await machine.ob('cron', 'install', '--every', '10m')).code, 0);
    assert.equal(jobIn(machine.read(TABLE)).when, '*/10 * * * *');
  });

  await t.test('--detect-only tells what differs each hour, and changes nothing', async () => {
    const { stdout } = await machine.ob('cron', 'install', '--detect-only');
    assert.match(stdout, /\nBy cron: ob plan --quiet /);
    assert.equal(jobIn(machine.read(TABLE)).when, '0 * * * *');
    refuseWords(await runJob(machine));
    await machine.sh('ip link set web0 down');
    for (const run of ['first', 'second']) {
      const ran = await runJob(machine);
      assert.equal(ran.code, 2, run);
      assert.match(ran.stdout, /^~ {3}veth\/web0\n {6}up: false -> true .*\nPlan: 1 to update; 8 unchanged\.\n$/);
    }
  });

  await t.test('remove leaves /etc as it was, and the subhosts up', async () => {
    assert.deepEqual(await machine.ob('cron', 'remove'), { code: 0, stdout: `removed   ${TABLE}\n`, stderr: '' });
    assertSame(await listEtc(machine), before, '/etc has changed');
    assert.match((await machine.ob('cron', 'remove')).stdout, /^Nothing to remove/);
    assert.equal((await machine.ob('status', '--scope', 'demo', '--json')).stdout.match(/"running"/g)?.length, 2);
  });
});

test('machines wait for different seconds, one machine always for the same', { skip: noLive }, async (t) => {
  const machine = await createMachine(t);
  await prepareCron(machine);
  const splayAs = async (id: string, ...words: string[]): Promise<number> => {
    machine.write('/etc/machine-id', `${id}\n`);
    assert.equal((await machine.ob('cron', 'install', ...words)).code, 0);
    return Number(/sleep (\d+);/.exec(machine.read(TABLE))?.[1]);
  };
  const ids = ['a', 'b', 'c', 'd'].map((letter) => letter.repeat(32));
  const splays: number[] = [];
  for (const id of ids) splays.push(await splayAs(id));
  assert.ok(new Set(splays).size > 1, `all wait ${splays}`);
  for (const splay of splays) assert.ok(splay >= 0 && splay < 30, `${splay} s of one minute`);
  assert.equal(await splayAs(ids[0] ?? ''), splays[0]);
  assert.ok((await splayAs(ids[1] ?? '', '--every', '1h')) < 300);
});

test('a path may hold a percent sign and quotes', { skip: noLive }, async (t) => {
  const machine = await createMachine(t);
  await prepareCron(machine);
  await machine.sh(`mkdir "/mnt/100% it's" && cp /mnt/hosts.yaml "/mnt/100% it's/hosts.yaml"`);
  assert.equal((await machine.ob('cron', 'install', '--file', `/mnt/100% it's/hosts.yaml`)).code, 0);
  assert.equal(linesOf((await runJob(machine)).stdout).length, 9);
});

test('without cron, or a way to send mail, that is said', { skip: noLive }, async (t) => {
  const machine = await createMachine(t);
  await prepareCron(machine);
  await machine.sh('rm /usr/sbin/sendmail');
  const unheard = await machine.ob('cron', 'install');
  assert.equal(unheard.code, 0);
  assert.equal(unheard.stderr, 'ob: warning: this machine sends no mail (no sendmail), so that cron throws away what ob says\n');
  assert.equal((await machine.ob('cron', 'remove')).code, 0);
  await machine.sh('rm -f /usr/sbin/cron');
  const before = await listEtc(machine);
  const ran = await machine.ob('cron', 'install');
  assert.deepEqual([ran.code, ran.stdout], [1, '']);
  assert.match(ran.stderr, /^ob: this machine has neither systemd nor a cron that reads \/etc\/cron\.d\n {4}-> apt-get install cron, or /);
  assertSame(await listEtc(machine), before, '/etc has changed');
});

test('with systemd there is a timer, and systemd finds nothing wrong with it', { skip: noLive ?? lacking('/bin/systemctl') }, async (t) => {
  const machine = await createMachine(t);
  await prepareCron(machine);
  const before = await listEtc(machine);
  assert.equal((await machine.ob('cron', 'install')).code, 0);
  await machine.sh('ln -sf /lib/systemd/systemd /usr/sbin/init');
  const installed = await machine.ob('cron', 'install', '--every', '5m');
  assert.deepEqual(linesOf(installed.stdout), [
    `wrote     ${SERVICE}`,
    `wrote     ${TIMER}`,
    `removed   ${TABLE}`,
    'By systemd: ob apply --quiet /mnt/hosts.yaml; what it says: journalctl -u ob-cron-demo',
  ]);
  assert.equal((await machine.ob('boot', 'install')).code, 0, 'the units name each other');
  const units = [TIMER, SERVICE, '/etc/systemd/system/ob-boot-demo.service'];
  assert.deepEqual(await machine.run('systemd-analyze', ['verify', '--man=no', ...units]), { code: 0, stdout: '', stderr: '' });
  assert.equal(await machine.sh('readlink /etc/systemd/system/timers.target.wants/ob-cron-demo.timer'), TIMER);
  const settings = linesOf(machine.read(TIMER) + machine.read(SERVICE)).filter((line) =>
    /^(On|Random|Fixed|Type|Env|Exec|Success|Kill)/.test(line),
  );
  assert.deepEqual(settings, [
    'OnCalendar=*-*-* *:00/5:00',
    'RandomizedDelaySec=150',
    'FixedRandomDelay=yes',
    'Type=oneshot',
    `Environment="OB_NODE=${process.execPath}"`,
    `ExecStart="${OB}" "apply" "--quiet" "/mnt/hosts.yaml"`,
    'SuccessExitStatus=75',
    'KillMode=mixed',
  ]);
  assert.equal((await machine.ob('boot', 'remove')).code, 0);
  assert.deepEqual(linesOf((await machine.ob('cron', 'remove')).stdout), [`removed   ${SERVICE}`, `removed   ${TIMER}`]);
  assertSame(await listEtc(machine), before, '/etc has changed');
});

const EVERY: readonly (readonly [text: string, seconds: number, cron: string])[] = [
  ['1m', 60, '* * * * *'],
  ['5m', 300, '*/5 * * * *'],
  ['30m', 1800, '*/30 * * * *'],
  ['1h', 3600, '0 * * * *'],
  ['6h', 21_600, '0 */6 * * *'],
  ['12h', 43_200, '0 */12 * * *'],
  ['1d', 86_400, '0 0 * * *'],
];

test('--every means the same to cron and to systemd', () => {
  for (const [text, seconds, cron] of EVERY) {
    const every = parseEvery(text);
    assert.deepEqual([every.seconds, every.cron], [seconds, cron]);
  }
});

test('systemd wakes as far apart as --every says', { skip: noLive ?? lacking('/bin/systemd-analyze') }, async (t) => {
  const machine = await createMachine(t);
  for (const [text, seconds] of EVERY) {
    const told = await machine.sh(`TZ=UTC systemd-analyze calendar --iterations=4 '${parseEvery(text).calendar}'`);
    const times = [...told.matchAll(/\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC/g)].map(([time]) => Date.parse(time.replace(' UTC', 'Z')) / 1000);
    assert.equal(times.length, 4, told);
    assert.deepEqual(new Set(times.slice(1).map((time, index) => time - (times[index] ?? 0))), new Set([seconds]), told);
  }
});

for (const text of ['7m', '60m', '0m', '90s', '24h', '2d', '1', 'hourly'])
  test(`--every ${text} is refused: cron has no word for it`, { skip: noLive }, async () => {
    const ran = await ob(['cron', 'install', '--every', text]);
    assert.deepEqual([ran.code, ran.stdout], [64, '']);
    assert.match(
      ran.stderr,
      new RegExp(`^ob: --every wants 1m to 30m, 1h to 12h or 1d, and "${text}" is none.*\n    -> ob cron --help\n$`),
    );
  });

test('the real cron runs it: what was repaired is mailed to root', { skip: noLive ?? lacking('/usr/sbin/cron') }, async (t) => {
  const machine = await createMachine(t);
  await prepareCron(machine);
  assert.equal((await machine.ob('apply')).code, 0);
  // Whatever else this machine's cron would do has no place in a test.
  await machine.sh(
    'rm -rf /etc/crontab /etc/cron.d/* /etc/cron.*ly/*; mount -t tmpfs tmpfs /var/spool/cron && mkdir /var/spool/cron/crontabs',
  );
  assert.equal((await machine.ob('cron', 'install')).code, 0);
  // No wait beyond that for the next minute.
  await machine.sh(`sed -i 's/sleep [0-9]*/sleep 0/' ${TABLE}; ip link set web0 down`);
  assert.equal(await machine.sh('find /etc/cron* -type f ! -name .placeholder'), TABLE);
  const cron = machine.start('/usr/sbin/cron', ['-f'], { env: {}, cwd: '/' });
  t.after(() => cron.kill());
  await until('mail has come', () => isThere(machine, '/mnt/mail') && machine.read('/mnt/mail').includes('veth'), 90);
  const [head = '', body] = machine.read('/mnt/mail').split('\n\n');
  assert.match(head, /^To: root$/m);
  assert.equal(body, 'changed   veth/web0  up: false -> true (drift)\n');
  assert.equal((await machine.ob('plan', '--detailed-exitcode')).code, 0);
});
