import assert from 'node:assert/strict';
import test from 'node:test';
import { createMachine, noLive, OB, type Ran, type TestMachine } from '../machine.ts';
import { HOSTS } from './helpers.ts';

const CHANGED = HOSTS.replace('10.77.0.2/24', '10.77.0.22/24');

/** A machine with both subhosts, and a plan in /mnt/ob.plan that changes the address of one. */
async function withPlan(machine: TestMachine): Promise<string> {
  machine.write('/mnt/hosts.yaml', HOSTS);
  assert.equal((await machine.ob('apply')).code, 0);
  machine.write('/mnt/hosts.yaml', CHANGED);
  const ran = await machine.ob('plan', '-o', 'ob.plan', '--detailed-exitcode');
  assert.deepEqual([ran.code, ran.stderr], [2, '']);
  return ran.stdout;
}

function refused(ran: Ran, reason: RegExp, code = 1): void {
  assert.match(ran.stderr, reason);
  assert.deepEqual([ran.code, ran.stdout], [code, '']);
}

const addressesOf = (machine: TestMachine): Promise<string> => machine.sh(`ip -n web -o -4 address show dev eth0 | awk '{ print $4 }'`);

test('a plan that was kept is JSON that only root reads, shows the same again, and is applied', { skip: noLive }, async (t) => {
  const machine = await createMachine(t);
  const shown = await withPlan(machine);
  assert.equal(await machine.sh('stat -c "%a %U" /mnt/ob.plan; ls -A /mnt'), '600 root\nhosts.yaml\nob.plan');
  const kept = JSON.parse(machine.read('/mnt/ob.plan'));
  assert.deepEqual(Object.keys(kept), ['ob_plan', 'ob', 'made', 'hosts_files', 'scope', 'limit', 'wanted_sha256', 'plan', 'sha256']);
  assert.deepEqual([kept.hosts_files[0].path, kept.scope, kept.limit], ['/mnt/hosts.yaml', 'demo', null]);
  assert.equal(kept.plan[0].fields[0].new[0], '10.77.0.22/24');

  const again = await machine.ob('plan', 'ob.plan', '--detailed-exitcode');
  assert.deepEqual(again, { code: 2, stdout: shown, stderr: '' });
  // By its content: neither its name nor the folder that one is in matters.
  await machine.sh('mv /mnt/ob.plan /mnt/hosts.yml');
  const ran = await machine.run('sh', ['-c', `cd / && exec ${OB} apply /mnt/hosts.yml`]);
  assert.deepEqual([ran.code, ran.stderr], [0, '']);
  assert.ok(ran.stdout.startsWith(shown), ran.stdout);
  assert.equal(await addressesOf(machine), '10.77.0.22/24');
  refused(await machine.ob('apply', 'hosts.yml'), /veth\/web0: then to update \(address: .*, now nothing to do\n/);
});

test('a plan is refused, and says why, when the machine or the file has moved since', { skip: noLive }, async (t) => {
  const machine = await createMachine(t);
  await withPlan(machine);
  const before = await addressesOf(machine);
  const cases: Record<string, { move: string; reason: RegExp; back: string }> = {
    'the field that the plan changes': {
      move: 'ip -n web address add 10.77.0.9/24 dev eth0',
      reason: /^ {4}veth\/web0\.address: then \["10\.77\.0\.2\/24"\] -> .*, now \["10\.77\.0\.2\/24","10\.77\.0\.9\/24"\] -> /m,
      back: 'ip -n web address delete 10.77.0.9/24 dev eth0',
    },
    'another field of it': {
      move: 'ip link set web0 down',
      reason: /^ {4}veth\/web0\.up: then as wanted, now false -> true$/m,
      back: 'ip link set web0 up',
    },
    'another resource': {
      move: 'ip link set client0 nomaster',
      reason: /^ {4}veth\/client0: then nothing to do, now to update \(bridge: none -> ob0\)$/m,
      back: 'ip link set client0 master ob0',
    },
    'what is in the way': {
      move: 'ip link delete client0; ip link add client0 type bridge',
      reason: /^ {4}in the way now: .*client0/m,
      back: `ip link delete client0; cd /mnt && ${OB} apply --limit client >/dev/null`,
    },
    'the hosts file, though it means the same': {
      move: 'echo "# a remark" >>/mnt/hosts.yaml',
      reason: /^ {4}\/mnt\/hosts\.yaml: it was changed$/m,
      back: 'sed -i /remark/d /mnt/hosts.yaml',
    },
  };
  for (const [what, { move, reason, back }] of Object.entries(cases)) {
    await machine.sh(move);
    const ran = await machine.ob('apply', 'ob.plan');
    assert.match(ran.stderr, /^ob: ob\.plan is out of date, and nothing was done:\n/, what);
    refused(ran, reason);
    await machine.sh(back);
  }
  assert.equal(await addressesOf(machine), before);
  const ran = await machine.ob('apply', 'ob.plan');
  assert.deepEqual([ran.code, ran.stderr], [0, ''], 'all is as it was when the plan was read');
});

test('what a plan does not show counts too: where a log is kept, as a command tells', { skip: noLive }, async (t) => {
  const machine = await createMachine(t);
  machine.write('/mnt/tool', '#!/bin/sh\necho /var/log/one\n');
  machine.write('/mnt/hosts.yaml', HOSTS.replace('base: /var/lib/ob/web,', 'base: /var/lib/ob/web, log: "!/mnt/tool",'));
  await machine.sh('chmod 755 /mnt/tool; mkdir -p /var/lib/ob/web');
  const kept = await machine.ob('plan', '-o', 'ob.plan');
  assert.deepEqual([kept.code, kept.stderr], [0, '']);
  machine.write('/mnt/tool', '#!/bin/sh\necho /var/log/other\n');
  assert.equal((await machine.ob('plan')).stdout, kept.stdout);
  refused(await machine.ob('apply', 'ob.plan'), /^ {4}\/mnt\/hosts\.yaml: a value that a command tells, or a path, is another one$/m);
});

test('a plan that others could write, or have written, is refused', { skip: noLive }, async (t) => {
  const machine = await createMachine(t);
  await withPlan(machine);
  await machine.sh('chmod 666 /mnt/ob.plan');
  refused(await machine.ob('apply', 'ob.plan'), /ob\.plan: not applied as root: others than root can change \/mnt\/ob\.plan\n/);
  await machine.sh('chmod 600 /mnt/ob.plan; chown nobody /mnt/ob.plan');
  refused(await machine.ob('apply', 'ob.plan'), /others than root can change/);
  await machine.sh('chown root /mnt/ob.plan; sed s/10.77.0.22/10.77.0.23/ /mnt/ob.plan >/mnt/edited; head -c 500 /mnt/ob.plan >/mnt/half');
  for (const file of ['edited', 'half'])
    refused(await machine.ob('apply', file), /the plan was changed, or cut off, after ob wrote it/, 65);
  refused(await machine.ob('apply', 'ob.plan', '--limit', 'web'), /is a plan, and says itself what it is limited to/, 64);
  assert.match(await addressesOf(machine), /10\.77\.0\.2\//);
});

test('plan -o writes over a plan alone, and not where apply would refuse it', { skip: noLive }, async (t) => {
  const machine = await createMachine(t);
  await withPlan(machine);
  assert.equal((await machine.ob('plan', '-o', 'ob.plan')).code, 0);
  for (const [file, reason] of [
    ['hosts.yaml', /hosts\.yaml is there and is no plan/],
    ['/mnt/open/ob.plan', /others than root can change \/mnt\/open\n/],
    ['/mnt/absent/ob.plan', /there is no folder \/mnt\/absent/],
  ] as const) {
    await machine.sh('mkdir -p -m 777 /mnt/open');
    const ran = await machine.ob('plan', '-o', file);
    assert.match(ran.stderr, reason);
    assert.equal(ran.code, 1);
  }
  assert.equal(machine.read('/mnt/hosts.yaml'), CHANGED);
  await machine.sh('ip link delete client0; ip link add client0 type bridge; rm /mnt/ob.plan');
  const blocked = await machine.ob('plan', '-o', 'ob.plan');
  assert.match(blocked.stderr, /the plan is not kept in ob\.plan: it cannot be applied/);
  assert.equal(await machine.sh('ls /mnt | grep plan || true'), '');
});
