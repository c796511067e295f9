import assert from 'node:assert/strict';
import test from 'node:test';
import { createMachine, noLive } from '../machine.ts';
import { assertSame } from '../snapshot.ts';
import { asInit, installBoot, LINKS, lacking, linksOf, listEtc, prepare, SCRIPT, UNIT } from './etc.ts';
import { HOSTS, initsOf, linesOf, OB } from './helpers.ts';

/** What each subhost's services say when they start and stop, in the order in which they say it. */
const LOGGING = `#!/bin/sh
echo "$1 $(hostname) $0" >>/run/said
`;

test('with System V init, subhosts come up at boot and go down in order at shutdown', { skip: noLive }, async (t) => {
  const machine = await createMachine(t);
  await prepare(machine, 'sysvinit');
  await machine.sh('mkdir -p /var/lib/ob/web/root/opt');
  for (const name of ['one', 'two']) machine.write(`/var/lib/ob/web/root/opt/${name}`, LOGGING);
  await machine.sh('chmod 755 /var/lib/ob/web/root/opt/*');
  machine.write(
    '/mnt/hosts.yaml',
    HOSTS.replace('base: /var/lib/ob/web,', 'base: /var/lib/ob/web, ram_size: none, start: [/opt/one, /opt/two],'),
  );
  const before = await listEtc(machine);

  const said = await installBoot(machine);
  assert.equal(said, `wrote     ${SCRIPT}\nAt boot: ob apply /mnt/hosts.yaml; at shutdown: ob destroy --scope demo\n`);
  assert.equal(await machine.sh(`stat -c '%a %U %G' ${SCRIPT}`), '755 root root');
  assert.deepEqual(await linksOf(machine), LINKS);
  assert.deepEqual(await initsOf(machine), [], 'nothing is started by installing');

  await t.test('start, as at boot', async () => {
    const ran = await asInit(machine, await machine.sh('ls /etc/rc2.d/S??ob-boot-demo'), 'start');
    assert.deepEqual([ran.code, ran.stderr], [0, '']);
    assert.match(ran.stdout, /^made {5}process\/web( .*)?$/m);
    assert.deepEqual(await initsOf(machine), ['ob:demo/client', 'ob:demo/web']);
    assert.equal((await machine.ob('plan', '--detailed-exitcode')).code, 0);
  });

  await t.test('status: 0 all well, 3 not, 4 cannot be known', async () => {
    const codeOf = async (): Promise<number | null> => (await asInit(machine, SCRIPT, 'status')).code;
    assert.equal(await codeOf(), 0);
    await machine.sh('ip link set web0 down');
    assert.equal(await codeOf(), 3);
    await machine.sh('mv /mnt/hosts.yaml /mnt/away');
    assert.equal(await codeOf(), 4);
    await machine.sh('mv /mnt/away /mnt/hosts.yaml');
  });

  await t.test('reload repairs, restart takes down and brings up', async () => {
    const reloaded = await asInit(machine, SCRIPT, 'reload');
    assert.match(reloaded.stdout, /^changed {2}veth\/web0( .*)?$/m);
    assert.equal((await asInit(machine, SCRIPT, 'force-reload')).code, 0);
    const restarted = await asInit(machine, SCRIPT, 'restart');
    assert.equal(restarted.code, 0, restarted.stderr);
    assert.match(restarted.stdout, /^removed {2}process\/web( .*)?\n(.*\n)*made {5}process\/web( .*)?$/m);
  });

  await t.test('stop, as at shutdown: services in reverse order, and nothing is left, though the file has gone', async () => {
    await machine.sh('rm /mnt/hosts.yaml');
    const ran = await asInit(machine, await machine.sh('ls /etc/rc0.d/K??ob-boot-demo'), 'stop', '0');
    assert.deepEqual([ran.code, ran.stderr], [0, '']);
    const said = linesOf(machine.read('/var/lib/ob/web/root/run/said'));
    assert.deepEqual(said.slice(-4), ['start web /opt/one', 'start web /opt/two', 'stop web /opt/two', 'stop web /opt/one']);
    assert.deepEqual(await initsOf(machine), []);
    assert.equal(await machine.sh('ls /run/netns; grep ob: /proc/mounts; ip -br link | grep -v ^lo || true'), '');
    assert.equal((await asInit(machine, SCRIPT, 'stop', '0')).code, 0, 'already down is fine');
  });

  await t.test('what is in the way of one subhost does not keep the others down', async () => {
    await machine.sh('ip link add own0 type bridge');
    machine.write('/mnt/hosts.yaml', HOSTS.replace('  web:', '  own: { base: /mnt/own, cables: [{}] }\n  web:'));
    const ran = await asInit(machine, SCRIPT, 'start');
    assert.match(ran.stdout, /^in the way: link own0 \(bridge\) exists/m);
    assert.equal(ran.code, 1);
    assert.deepEqual(await initsOf(machine), ['ob:demo/client', 'ob:demo/web']);
    assert.equal((await asInit(machine, SCRIPT, 'stop', '0')).code, 0);
  });

  await t.test('any other word is told what there is', async () => {
    const ran = await asInit(machine, SCRIPT, 'begin');
    assert.deepEqual([ran.code, ran.stdout], [2, '']);
    assert.equal(ran.stderr, `Usage: ${SCRIPT} start|stop|restart|reload|force-reload|status\n`);
  });

  await t.test('remove leaves /etc as it was before', async () => {
    const removed = await machine.ob('boot', 'remove', '--scope', 'demo');
    assert.deepEqual(removed, { code: 0, stdout: `removed   ${SCRIPT}\n`, stderr: '' });
    assertSame(await listEtc(machine), before, '/etc has changed');
    const again = await machine.ob('boot', 'remove', '--scope', 'demo');
    assert.deepEqual(again, { code: 0, stdout: 'Nothing to remove: nothing is installed for that.\n', stderr: '' });
  });
});

test('the script works under insserv, and where there is none', { skip: noLive ?? lacking('/sbin/insserv') }, async (t) => {
  const machine = await createMachine(t);
  await prepare(machine, 'sysvinit');
  await installBoot(machine);
  assert.deepEqual(await linksOf(machine), LINKS);
  assert.equal(await machine.sh('insserv --dryrun ob-boot-demo 2>&1 | grep ob-boot || true'), '', 'insserv has nothing to say about it');
  const order = await machine.sh('cd /etc/rc2.d && ls | sed "s/^S..//" | grep -x "cron\\|ob-boot-demo"');
  if (order.includes('cron')) assert.equal(order, 'ob-boot-demo\ncron', 'cron starts no run while the machine boots');
  assert.equal((await machine.ob('boot', 'remove')).code, 0);
  assert.deepEqual(await linksOf(machine), []);

  await t.test('insserv alone, without update-rc.d', async () => {
    // What else is in this folder may need scripts that only a machine with System V init has.
    await machine.sh('rm /usr/sbin/update-rc.d /etc/init.d/*');
    await installBoot(machine);
    assert.deepEqual(await linksOf(machine), LINKS);
    assert.equal((await machine.ob('boot', 'remove')).code, 0);
    assert.deepEqual(await linksOf(machine), []);
  });

  await t.test('neither of them', async () => {
    await machine.sh('rm /usr/sbin/insserv');
    const ran = await machine.ob('boot', 'install');
    assert.deepEqual([ran.code, ran.stdout], [1, '']);
    assert.match(
      ran.stderr,
      /^ob: this machine has neither systemd nor System V init scripts\n {4}-> let whatever boots it run: \S+ apply \/mnt\/hosts\.yaml\n$/,
    );
  });
});

test('with systemd, a unit is written that systemd finds nothing wrong with', { skip: noLive ?? lacking('/bin/systemctl') }, async (t) => {
  const machine = await createMachine(t);
  await prepare(machine, 'systemd');
  const before = await listEtc(machine);
  assert.match(await installBoot(machine), new RegExp(`^wrote {5}${UNIT}\n`));
  assert.equal(await machine.sh(`stat -c '%a %U %G' ${UNIT}`), '644 root root');
  assert.equal(await machine.sh(`readlink /etc/systemd/system/multi-user.target.wants/ob-boot-demo.service`), UNIT);
  const verified = await machine.run('systemd-analyze', ['verify', '--man=no', UNIT]);
  assert.deepEqual(verified, { code: 0, stdout: '', stderr: '' });
  const command = (words: string): string => `"${OB}" ${words}`;
  const settings = linesOf(machine.read(UNIT)).filter((line) => /^(Type|Remain|Env|Exec|After|Timeout|KillMode)/.test(line));
  assert.deepEqual(settings, [
    'After=network.target local-fs.target remote-fs.target',
    'Type=oneshot',
    'RemainAfterExit=yes',
    `Environment="OB_NODE=${process.execPath}"`,
    `ExecStart=-${command('"apply" "--lock-timeout" "600" "/mnt/hosts.yaml"')}`,
    `ExecStart=-${command('"apply" "--lock-timeout" "600" "--quiet" "/mnt/hosts.yaml"')}`,
    `ExecReload=${command('"apply" "--lock-timeout" "600" "/mnt/hosts.yaml"')}`,
    `ExecStop=${command('"destroy" "--lock-timeout" "120" "--scope" "demo" "--held"')}`,
    'TimeoutStartSec=infinity',
    'TimeoutStopSec=15min',
    'KillMode=mixed',
  ]);
  assert.equal((await machine.ob('boot', 'remove')).stdout, `removed   ${UNIT}\n`);
  assertSame(await listEtc(machine), before, '/etc has changed');
});
