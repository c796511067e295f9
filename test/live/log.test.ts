import assert from 'node:assert/strict';
import test from 'node:test';
import { OB, startOb, watch } from '../cli/helpers.ts';
import { createMachine, noLive, type TestMachine } from '../machine.ts';
import { until } from '../reaper/rig.ts';

const HOSTS = 'subhosts: { web: { base: web, start: [/opt/say], log: LOG } }\n';
const USUAL = HOSTS.replace(', log: LOG', '');
const LOG = '/var/log/ob/default/web.log';

/** What a start says is counted inside, so that each part can be told from the others. */
async function createSubhost(t: test.TestContext, hosts: string): Promise<TestMachine> {
  const machine = await createMachine(t);
  await machine.sh(`mkdir -p /mnt/web/root/opt; printf '#!/bin/sh\\n[ "$1" = stop ] || { echo x >>/opt/count; echo start $(wc -l </opt/count); }\\n' >/mnt/web/root/opt/say
    chmod 755 /mnt/web/root/opt/say; echo bait >/mnt/bait`);
  machine.write('/mnt/hosts.yaml', hosts);
  return machine;
}

/** Without the times. */
function partsOf(text: string): string {
  return text.replace(/^== \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z /gm, '== ');
}

const PART = (count: number): string => `== web has started\n[ob] start /opt/say\nstart ${count}\n[ob] /opt/say exit 0\n`;

test('what each start says is kept, and shown of a running subhost and of one that is stopped', { skip: noLive }, async (t) => {
  const machine = await createSubhost(t, USUAL);
  const none = await machine.ob('logs', 'web');
  assert.deepEqual([none.code, none.stdout], [1, '']);
  assert.match(none.stderr, /^ob: no log of web is kept: there is no \/var\/log\/ob\/default\/web\.log\n/);
  assert.equal((await machine.ob('apply')).code, 0);
  assert.equal((await machine.ob('restart', 'web')).code, 0);
  assert.equal(await machine.sh(`stat -c '%a %U' /var/log/ob /var/log/ob/default ${LOG} | xargs`), '750 root 750 root 640 root');
  const boot = await machine.ob('logs', 'web', '--boot');
  assert.deepEqual(boot, { code: 0, stdout: PART(2).replace(/^.*\n/, ''), stderr: '' });

  assert.equal((await machine.ob('stop', 'web')).code, 0);
  const kept = await machine.ob('logs', 'web');
  assert.deepEqual({ ...kept, stdout: partsOf(kept.stdout) }, { code: 0, stdout: PART(1) + PART(2), stderr: '' });
  assert.match((await machine.ob('logs', 'web', '--boot')).stderr, /^ob: no subhost "web" is running/);

  // Without the hosts file, and of two scopes.
  await machine.sh('rm /mnt/hosts.yaml');
  assert.equal((await machine.ob('logs', 'web')).stdout, kept.stdout);
  await machine.sh('mkdir /var/log/ob/demo; echo other >/var/log/ob/demo/web.log');
  const two = await machine.ob('logs', 'web');
  assert.deepEqual(two, { code: 64, stdout: '', stderr: 'ob: web has logs in the scopes default, demo\n    -> --scope default\n' });
  assert.equal((await machine.ob('logs', 'web', '--scope', 'demo')).stdout, 'other\n');
});

test('the log is looked for where the file says, also if a command tells it', { skip: noLive }, async (t) => {
  const machine = await createSubhost(t, HOSTS.replace('LOG', '"!/mnt/where"'));
  await machine.sh(`printf '#!/bin/sh\\necho /var/log/web.log\\n' >/mnt/where; chmod 755 /mnt/where; chown root /mnt /mnt/*`);
  assert.equal((await machine.ob('apply')).code, 0);
  const kept = await machine.ob('logs', 'web');
  assert.deepEqual({ ...kept, stdout: partsOf(kept.stdout) }, { code: 0, stdout: PART(1), stderr: '' });
});

test('logs -f goes on with what comes, over a new file too', { skip: noLive }, async (t) => {
  const machine = await createSubhost(t, USUAL);
  const following = watch(machine.start('sh', ['-c', 'echo $$; exec "$0" logs web -f', OB], { cwd: '/mnt' }));
  const shown = (): string => partsOf(following.said().replace(/^\d+\n/, ''));
  assert.equal((await machine.ob('apply')).code, 0);
  await until('the first start is shown', () => shown() === PART(1));
  const booting = startOb(machine, 'logs', 'web', '--boot', '--follow');
  await until('the boot log is shown', () => booting.said().includes('exit 0\n'));
  const pid = await machine.sh('head -1 /sys/fs/cgroup/ob/default/web/cgroup.procs');
  await machine.sh(`nsenter -t ${pid} -a sh -c 'echo more >>/run/boot.log'`);
  await until('what came later is shown', () => booting.said().endsWith('exit 0\nmore\n'));

  // Full: it becomes web.log.1, and a new one begins.
  await machine.sh(`(head -c 1048500 /dev/zero | tr '\\0' x; echo) >>${LOG}`);
  assert.equal((await machine.ob('restart', 'web')).code, 0);
  assert.deepEqual([(await booting.ended).code, booting.said().endsWith('exit 0\nmore\n')], [0, true]);
  await until('the second start is shown', () => shown().endsWith(`x\n${PART(2)}`));
  assert.ok(partsOf(machine.read(LOG)) === PART(2));
  assert.equal(machine.read(`${LOG}.1`).length > 1_048_500, true);
  assert.ok(/^== web has started\n(.*\n)+x{1000,}\n== web has started\n/.test(partsOf((await machine.ob('logs', 'web')).stdout)));
  await machine.sh(`kill -INT ${following.said().split('\n')[0]}`);
  assert.notEqual((await following.ended).code, 0);
});

const PLANTED = {
  'a link': ['ln -s /mnt/bait /var/log/here/web.log', 'too many symbolic links'],
  'a hard link': ['cp /mnt/bait /var/log/bait; ln /var/log/bait /var/log/here/web.log', 'it is no file of root alone'],
  'a pipe': ['mkfifo /var/log/here/web.log', 'no such device or address'],
  "somebody else's file": ['touch /var/log/here/web.log; chown 1000 /var/log/here/web.log', 'it is no file of root alone'],
  'a folder that others can change': ['chmod 777 /var/log/here', 'others than root can change /var/log/here'],
  "somebody else's folder": ['chown 1000 /var/log/here', 'others than root can change /var/log/here'],
} as const;

test('what is planted in the place of a log is not written to, and is told', { skip: noLive }, async (t) => {
  const machine = await createSubhost(t, HOSTS.replace('LOG', '/var/log/here/web.log'));
  for (const [what, [script, why]] of Object.entries(PLANTED)) {
    await machine.sh(`rm -rf /var/log/here; mkdir /var/log/here; ${script}`);
    const before = await machine.sh('ls -lR --time-style=+ /var/log/here; cat /mnt/bait');
    const ran = await machine.ob((await machine.ob('stop', 'web')).code === 0 ? 'start' : 'apply', ...(what === 'a link' ? [] : ['web']));
    assert.equal(ran.code, 0, what + ran.stdout + ran.stderr);
    const told = (ran.stdout + ran.stderr).split('\n').find((line) => line.includes('is not kept in /var/log/here/web.log')) ?? '';
    assert.ok(told.includes(why), `${what}: ${ran.stdout}${ran.stderr}`);
    assert.equal(await machine.sh('ls -lR --time-style=+ /var/log/here; cat /mnt/bait'), before, what);
  }
  await machine.sh('rm -rf /var/log/here');
  assert.equal((await machine.ob('restart', 'web')).code, 0);
  assert.match(partsOf(machine.read('/var/log/here/web.log')), /^== web has started\n/);
});
