import assert from 'node:assert/strict';
import test from 'node:test';
import { noLive } from '../machine.ts';
import { assertSame } from '../snapshot.ts';
import { createRig, type Rig } from './rig.ts';
import { noVlan } from './vlans.ts';

const HOSTS = `scope: demo
bridges: { ob0: { address: 10.77.0.1/24 }, ob1: { address: 10.30.2.1/24 }, ob2: { address: 10.30.3.1/24 } }
subhosts:
  web:
    base: /mnt/web
    cables:
      - { bridge: ob0, address: 10.77.0.2/24 }
      - { vlan: 302, bridge: ob1, address: 10.30.2.2/24 }
    start: none
`;

const NUMBER = HOSTS.replace('vlan: 302', 'vlan: 303');
const ELSEWHERE = HOSTS.replace('bridge: ob1, address: 10.30.2.2/24', 'bridge: ob2, address: 10.30.3.2/24');

async function pings(rig: Rig, address: string): Promise<void> {
  await rig.machine.sh(`ip netns exec web /bin/busybox ping -c 1 -W 10 ${address}`);
}

test('a VLAN carries traffic, changes while its subhost runs, and goes with it', { skip: noVlan }, async (t) => {
  const rig = await createRig(t);
  const nothing = await rig.snapshot();
  rig.hosts(HOSTS);
  await rig.apply();
  await rig.settled();
  const pid = rig.pid1('web');
  assert.match(await rig.machine.sh('ip -d link show web0.302'), /web0\.302@web0: .* master ob1[\s\S]* vlan protocol 802\.1Q id 302/);
  assert.match(await rig.inside('web', 'ip -d link show eth0.302'), /eth0\.302@eth0: [\s\S]* vlan protocol 802\.1Q id 302/);
  await pings(rig, '10.30.2.1');
  await pings(rig, '10.77.0.1');

  for (const [hosts, address] of [
    [NUMBER, '10.30.2.1'],
    [ELSEWHERE, '10.30.3.1'],
    [HOSTS, '10.30.2.1'],
  ] as const) {
    rig.hosts(hosts);
    await rig.apply();
    await rig.settled();
    await pings(rig, address);
  }
  for (const damage of ['ip link delete web0.302', 'ip -n web link delete eth0.302', 'ip link delete web0']) {
    await rig.machine.sh(damage);
    await rig.plan();
    await rig.apply();
    await rig.settled();
    await pings(rig, '10.30.2.1');
  }
  assert.equal(rig.pid1('web'), pid, 'it was restarted');
  rig.hosts(HOSTS.replace(/ {6}- { vlan.*\n/, ''));
  await rig.apply();
  assert.equal(await rig.inside('web', 'ip -br link show type vlan'), '');
  rig.hosts(HOSTS);
  await rig.apply();
  assert.equal((await rig.machine.ob('destroy')).code, 0);
  assertSame(await rig.snapshot(), nothing, 'something is left');
});

const cannot = noLive ?? (noVlan ? undefined : 'this kernel has VLANs');

test('where the kernel has no VLANs, what it lacks is named before anything is touched', { skip: cannot }, async (t) => {
  const rig = await createRig(t);
  const nothing = await rig.snapshot();
  rig.hosts(HOSTS);
  const ran = await rig.machine.ob('apply');
  assert.equal(ran.code, 1);
  assert.equal(
    ran.stderr,
    "ob: this kernel has no VLANs (802.1Q)\n    -> its module 8021q is needed: Debian's own kernels have it (CONFIG_VLAN_8021Q)\n",
  );
  assertSame(await rig.snapshot(), nothing, 'something was touched');
});

test('ip takes the words that make a VLAN, whether its kernel does or not', { skip: noLive }, async (t) => {
  const rig = await createRig(t);
  await rig.machine.sh('ip link add web0 up type veth peer name eth0; ip link set eth0 up');
  for (const words of [
    'link add dev web0.302 link web0 mtu 1400 up group 28514 type vlan id 302',
    'link add dev eth0.302 link eth0 type vlan id 302',
  ]) {
    const ran = await rig.machine.run('ip', ['-oneline', '-force', '-batch', '-'], { input: `${words}\n` });
    assert.match(ran.stderr, /^$|^Error: Unknown device type\.\nCommand failed -:1\n$/);
  }
});
