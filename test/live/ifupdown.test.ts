import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { noLive } from '../machine.ts';
import { giveIfupdown, giveIfupdownTo } from './ifupdown.ts';
import { fetchPackages } from './packages.ts';
import { createRig, type Rig } from './rig.ts';

// Debian's own ifupdown, on both sides of a cable.

const HOSTS = `scope: demo
bridges: { ob0: { address: 10.77.0.1/24 } }
subhosts:
  web:
    base: /mnt/web
    start: [networking]
    cables:
      - { bridge: ob0, address: [10.77.0.2/24, "fd00::2/64"], gateway: [10.77.0.1, "fd00::1"] }
      - { bridge: ob0 }
  own:
    base: /mnt/own
    start: [networking]
    cables: ["="]
`;

/** The one of an administrator, in an upper directory before the first start. */
const OWN = `auto lo
iface lo inet loopback

auto eth0
iface eth0 inet static
  address 10.78.0.2/24
  gateway 10.78.0.1
  mtu 1400
`;

const MACHINE = 'iface own0 inet static\n  address 10.78.0.1/24\n  up echo $IFACE >>/mnt/ups\n  down echo $IFACE >>/mnt/downs\n';

const NETWORK =
  "ip -br address show up | grep -v ^lo | tr -s ' ' | sed 's/@[^ ]*//; s/fe80[^ ]* //'; ip route show default; ip -6 route show default | cut -d' ' -f1-5";

async function createBoth(t: TestContext): Promise<Rig | undefined> {
  const packages = fetchPackages('ifupdown', ['ifupdown']);
  if ('lacking' in packages) {
    t.skip(packages.lacking);
    return undefined;
  }
  const rig = await createRig(t);
  await giveIfupdown(rig.machine, packages, MACHINE);
  await giveIfupdownTo(rig.machine, '/mnt/web/root');
  await giveIfupdownTo(rig.machine, '/mnt/own/root', OWN);
  rig.hosts(HOSTS);
  return rig;
}

test('the ifupdown of a subhost takes the file that was generated, and obeys one of its own', { skip: noLive }, async (t) => {
  const rig = await createBoth(t);
  if (!rig) return;
  await rig.apply();
  await rig.settled();
  const up = await rig.inside('web', NETWORK);
  assert.match(
    up,
    /^eth0 UP 10\.77\.0\.2\/24 fd00::2\/64 ?\neth1 UP ?\ndefault via 10\.77\.0\.1 dev eth0 .*\ndefault via fd00::1 dev eth0/,
  );
  assert.equal(await rig.inside('web', 'ifquery --state | sort'), 'eth0=eth0\neth1=eth1\nlo=lo');

  await t.test('it brings back all that it has taken down', async () => {
    await rig.inside('web', 'ifdown eth0 eth1');
    assert.equal(await rig.inside('web', NETWORK), '');
    await rig.inside('web', 'service networking start');
    assert.equal(await rig.inside('web', NETWORK), up);
    await rig.settled();
  });

  await t.test('a static address of its own, with gateway and mtu', async () => {
    assert.match(await rig.inside('own', NETWORK), /^eth0 UP 10\.78\.0\.2\/24 ?\ndefault via 10\.78\.0\.1 dev eth0/);
    assert.match(await rig.inside('own', 'ip link show eth0'), / mtu 1400 /);
    assert.equal(await rig.inside('own', 'cat /etc/network/interfaces'), OWN.trimEnd());
  });
});

test('the ifupdown of the machine configures a cable without a bridge each time that it is made', { skip: noLive }, async (t) => {
  const rig = await createBoth(t);
  if (!rig) return;
  const { machine } = rig;
  assert.doesNotMatch(await rig.apply(), /note:/);
  assert.equal(await machine.sh("ip -br -4 address show own0 | tr -s ' ' | cut -d' ' -f2-3"), 'UP 10.78.0.1/24');
  // Nobody listens there: only who is reached says so.
  assert.match(await machine.sh("timeout 10 bash -c 'echo >/dev/tcp/10.78.0.2/9' 2>&1 || true"), /Connection refused/);

  await t.test('also when one of its name was lost', async () => {
    await machine.sh('ip link delete own0');
    assert.doesNotMatch(await rig.apply(), /note:/);
    assert.equal(await machine.sh("ip -br -4 address show own0 | tr -s ' ' | cut -d' ' -f2-3"), 'UP 10.78.0.1/24');
    assert.equal(await machine.sh('cat /mnt/ups /mnt/downs'), 'own0\nown0\nown0');
  });

  await t.test('not while it is plugged into a bridge', async () => {
    rig.hosts(HOSTS.replace('["="]', '["ob0="]'));
    await rig.apply();
    assert.equal(await machine.sh('ip -br -4 address show own0 | wc -w; ifquery --state | grep -c own0 || true'), '0\n0');
    rig.hosts(HOSTS);
    await rig.apply();
    assert.equal(await machine.sh("ip -br -4 address show own0 | tr -s ' ' | cut -d' ' -f2-3"), 'UP 10.78.0.1/24');
  });

  await t.test('and nothing of it when it is gone', async () => {
    assert.equal((await machine.ob('destroy')).code, 0);
    assert.equal(await machine.sh('ifquery --state; wc -l </mnt/ups; wc -l </mnt/downs'), '3\n3');
  });

  await t.test('what it says when it fails is a note', async () => {
    machine.write('/etc/network/interfaces', '');
    assert.match(await rig.apply(), /note: ifup own0: .*unknown interface own0/);
  });
});
