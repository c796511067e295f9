import assert from 'node:assert/strict';
import test from 'node:test';
import { noLive } from '../machine.ts';
import { type Change, checkChanges } from './fields.ts';
import { createRig, textOf } from './rig.ts';

const HOSTS = `scope: demo
bridges:
  ob0: { address: 10.77.0.1/24 }
subhosts:
  web:
    base: /mnt/web
    start: none
    cables:
      - { bridge: ob0, mac: "02:00:00:00:00:01", address: 10.77.0.2/24, gateway: 10.77.0.1 }
      - { bridge: br0, mac: "02:00:00:00:00:02", address: [10.78.0.2/24, "2001:db8::2/64"], gateway: "2001:db8::1" }
      - { bridge: ob0, mac: "02:00:00:00:00:03" }
  client:
    base: /mnt/client
    start: none
    cables:
      - { bridge: ob0, address: 10.77.0.3/24, mtu: 1400 }
`;
const PREPARE = 'ip link add br0 up type bridge; ip link add br1 up type bridge';

const ADDRESS_OF = (link: string, netns = 'web'): string =>
  `ip -n ${netns} -o address show dev ${link} scope global | awk '{ print $4 }' | paste -sd' '`;
const BRIDGE_ADDRESS = `ip -o address show dev ob0 scope global | awk '{ print $4 }' | paste -sd' '`;
const LINKS = `ip -j link | grep -o '"ifname":"[^"]*"' | cut -d'"' -f4 | grep -v '^lo$' | sort | paste -sd' '`;
const MASTER_OF = (link: string): string => `ip -j link show ${link} | grep -o '"master":"[^"]*"' | cut -d'"' -f4`;
const MTU_OF = (words: string): string => `ip ${words} | grep -o 'mtu [0-9]*'`;
const MAC_OF = (link: string): string => `ip -n web -j link show ${link} | grep -o '"address":"[^"]*"' | cut -d'"' -f4`;

const BRIDGES: readonly Change[] = [
  {
    what: 'an address of a bridge is changed',
    edits: [['ob0: { address: 10.77.0.1/24 }', 'ob0: { address: 10.77.0.254/24 }']],
    see: BRIDGE_ADDRESS,
    before: '10.77.0.1/24',
    after: '10.77.0.254/24',
  },
  {
    what: 'an address of a bridge is added',
    edits: [['ob0: { address: 10.77.0.1/24 }', 'ob0: { address: [10.77.0.1/24, "2001:db8:1::1/64"] }']],
    see: BRIDGE_ADDRESS,
    before: '10.77.0.1/24',
    after: '10.77.0.1/24 2001:db8:1::1/64',
  },
  {
    what: 'a bridge keeps no address',
    edits: [['ob0: { address: 10.77.0.1/24 }', 'ob0: {}']],
    see: BRIDGE_ADDRESS,
    before: '10.77.0.1/24',
    after: '',
  },
  {
    what: 'a bridge is added',
    edits: [['subhosts:', '  ob1: {}\nsubhosts:']],
    see: LINKS,
    before: 'br0 br1 client0 ob0 web0 web1 web2',
    after: 'br0 br1 client0 ob0 ob1 web0 web1 web2',
  },
  {
    what: "the file's bridge is renamed",
    edits: [
      ['  ob0: {', '  ob1: {'],
      ['bridge: ob0, mac: "02:00:00:00:00:01"', 'bridge: ob1, mac: "02:00:00:00:00:01"'],
      ['bridge: ob0, mac: "02:00:00:00:00:03"', 'bridge: ob1, mac: "02:00:00:00:00:03"'],
      ['bridge: ob0, address: 10.77.0.3', 'bridge: ob1, address: 10.77.0.3'],
    ],
    see: `${MASTER_OF('web0')}; ${MASTER_OF('client0')}; ${LINKS}`,
    before: 'ob0\nob0\nbr0 br1 client0 ob0 web0 web1 web2',
    after: 'ob1\nob1\nbr0 br1 client0 ob1 web0 web1 web2',
  },
  {
    what: "the file's bridge goes, its cables move to the administrator's",
    edits: [
      ['  ob0: { address: 10.77.0.1/24 }', '  {}'],
      ['bridge: ob0, mac: "02:00:00:00:00:01"', 'bridge: br0, mac: "02:00:00:00:00:01"'],
      ['bridge: ob0, mac: "02:00:00:00:00:03"', 'bridge: br0, mac: "02:00:00:00:00:03"'],
      ['bridge: ob0, address: 10.77.0.3', 'bridge: br1, address: 10.77.0.3'],
    ],
    see: `${MASTER_OF('web0')}; ${MASTER_OF('client0')}; ${LINKS}`,
    before: 'ob0\nob0\nbr0 br1 client0 ob0 web0 web1 web2',
    after: 'br0\nbr1\nbr0 br1 client0 web0 web1 web2',
  },
];

const CABLES: readonly Change[] = [
  {
    what: 'the MTU of both ends is changed, and what is on them stays',
    edits: [['mtu: 1400', 'mtu: 9000']],
    see: `${MTU_OF('link show client0')}; ${MTU_OF('-n client link show eth0')}; ${ADDRESS_OF('eth0', 'client')}`,
    before: 'mtu 1400\nmtu 1400\n10.77.0.3/24',
    after: 'mtu 9000\nmtu 9000\n10.77.0.3/24',
  },
  {
    what: 'a MAC is changed',
    edits: [['02:00:00:00:00:01', '02:00:00:00:00:11']],
    see: MAC_OF('eth0'),
    before: '02:00:00:00:00:01',
    after: '02:00:00:00:00:11',
  },
  {
    what: 'an IPv4 address is changed, and the default route over it stays',
    edits: [['address: 10.77.0.2/24', 'address: 10.77.0.22/24']],
    see: `${ADDRESS_OF('eth0')}; ip -n web route show default | cut -d' ' -f1-5`,
    before: '10.77.0.2/24\ndefault via 10.77.0.1 dev eth0',
    after: '10.77.0.22/24\ndefault via 10.77.0.1 dev eth0',
  },
  {
    what: 'a prefix length is changed',
    edits: [['address: 10.77.0.2/24', 'address: 10.77.0.2/16']],
    see: ADDRESS_OF('eth0'),
    before: '10.77.0.2/24',
    after: '10.77.0.2/16',
  },
  {
    what: 'one IPv6 address of several is changed, and the default route over it stays',
    edits: [['"2001:db8::2/64"', '"2001:db8::22/64"']],
    see: `${ADDRESS_OF('eth1')}; ip -n web -6 route show default | cut -d' ' -f1-5`,
    before: '10.78.0.2/24 2001:db8::2/64\ndefault via 2001:db8::1 dev eth1',
    after: '10.78.0.2/24 2001:db8::22/64\ndefault via 2001:db8::1 dev eth1',
  },
  {
    what: 'one address of several goes, another one comes',
    edits: [['[10.78.0.2/24, "2001:db8::2/64"]', '["2001:db8::2/64", 10.79.0.2/24, 10.79.0.3/24]']],
    see: ADDRESS_OF('eth1'),
    before: '10.78.0.2/24 2001:db8::2/64',
    after: '10.79.0.2/24 10.79.0.3/24 2001:db8::2/64',
  },
  {
    what: 'a gateway is changed',
    edits: [['gateway: 10.77.0.1', 'gateway: 10.77.0.9']],
    see: "ip -n web route show default | cut -d' ' -f1-5",
    before: 'default via 10.77.0.1 dev eth0',
    after: 'default via 10.77.0.9 dev eth0',
  },
  {
    what: 'an IPv6 gateway is changed',
    edits: [['gateway: "2001:db8::1"', 'gateway: "fe80::1"']],
    see: "ip -n web -6 route show default | cut -d' ' -f1-5",
    before: 'default via 2001:db8::1 dev eth1',
    after: 'default via fe80::1 dev eth1',
  },
  {
    what: 'a gateway is added',
    edits: [['address: 10.77.0.3/24', 'address: 10.77.0.3/24, gateway: 10.77.0.1']],
    see: "ip -n client route show default | cut -d' ' -f1-5",
    before: '',
    after: 'default via 10.77.0.1 dev eth0',
  },
  {
    what: 'a gateway goes',
    edits: [['gateway: 10.77.0.1 }', '}']],
    see: 'ip -n web route show default',
    before: 'default via 10.77.0.1 dev eth0',
    after: '',
  },
  {
    what: "a cable moves from the file's bridge to the administrator's",
    edits: [['bridge: ob0, mac: "02:00:00:00:00:01"', 'bridge: br1, mac: "02:00:00:00:00:01"']],
    see: MASTER_OF('web0'),
    before: 'ob0',
    after: 'br1',
  },
  {
    what: "a cable is pulled out of the file's bridge",
    edits: [['bridge: ob0, mac: "02:00:00:00:00:03"', 'mac: "02:00:00:00:00:03"']],
    see: MASTER_OF('web2'),
    before: 'ob0',
    after: '',
  },
  {
    what: 'a cable is added at the end',
    edits: [['mac: "02:00:00:00:00:03" }', 'mac: "02:00:00:00:00:03" }\n      - "ob0=02:00:00:00:00:04"']],
    see: `${LINKS}; ip -n web -o link show | grep -o '02:00:00:00:00:04' || true`,
    before: 'br0 br1 client0 ob0 web0 web1 web2',
    after: 'br0 br1 client0 ob0 web0 web1 web2 web3\n02:00:00:00:00:04',
  },
  {
    what: 'a cable in the middle is removed',
    edits: [['      - { bridge: br0, mac: "02:00:00:00:00:02", address: [10.78.0.2/24, "2001:db8::2/64"], gateway: "2001:db8::1" }\n', '']],
    see: `${LINKS}; ${MAC_OF('eth1')}; ${MASTER_OF('web1')}`,
    before: 'br0 br1 client0 ob0 web0 web1 web2\n02:00:00:00:00:02\nbr0',
    after: 'br0 br1 client0 ob0 web0 web1\n02:00:00:00:00:03\nob0',
  },
  {
    what: 'a cable is added at the beginning',
    edits: [
      [
        '    cables:\n      - { bridge: ob0, mac',
        '    cables:\n      - { bridge: br1, address: 10.90.0.2/24 }\n      - { bridge: ob0, mac',
      ],
    ],
    see: `ip -n web -o -4 address show scope global | awk '{ print $2, $4 }' | sort`,
    before: 'eth0 10.77.0.2/24\neth1 10.78.0.2/24',
    after: 'eth0 10.90.0.2/24\neth1 10.77.0.2/24\neth2 10.78.0.2/24',
  },
];

test('a change of a bridge is planned, made and taken back', { skip: noLive }, (t) =>
  checkChanges(t, { plans: 'bridges.txt', hosts: HOSTS, prepare: PREPARE, changes: BRIDGES }),
);

test('a change of a cable is planned, made and taken back', { skip: noLive }, (t) =>
  checkChanges(t, { plans: 'cables.txt', hosts: HOSTS, prepare: PREPARE, changes: CABLES }),
);

test('addresses of a bridge that go together go, also where the first takes the others along', { skip: noLive }, async (t) => {
  const rig = await createRig(t);
  const hosts = (addresses: string): string =>
    `scope: demo\nbridges: { ob0: { address: ${addresses} } }\nsubhosts: { web: { base: /mnt/web, start: none } }\n`;
  await rig.machine.sh('echo 0 >/proc/sys/net/ipv4/conf/all/promote_secondaries');
  rig.hosts(hosts('[10.77.0.1/24, 10.77.0.2/24, 10.77.0.3/24]'));
  await rig.apply();
  rig.hosts(hosts('[10.77.0.3/24, 10.88.0.1/24]'));
  await rig.apply();
  assert.equal(await rig.machine.sh("ip -o -4 address show dev ob0 | awk '{ print $4 }' | sort | xargs"), '10.77.0.3/24 10.88.0.1/24');
  await rig.settled();
});

test('what `ip netns add` mounts over /run/netns later keeps nobody from removing a subhost', { skip: noLive }, async (t) => {
  const rig = await createRig(t);
  rig.hosts('scope: demo\nsubhosts: { web: { base: /mnt/web, start: none } }\n');
  await rig.apply();
  await rig.machine.sh('ip netns add mine');
  await rig.settled();
  const ran = await rig.machine.ob('destroy');
  assert.equal(ran.code, 0, textOf(ran));
  assert.equal(await rig.machine.sh('ls /run/netns; grep -c /run/netns/web /proc/self/mountinfo || true'), 'mine\n0');
  await rig.apply();
  await rig.settled();
});

test('link-local addresses that the file asks for are set, kept and put back', { skip: noLive }, async (t) => {
  const rig = await createRig(t);
  const hosts = (router: string): string => `scope: demo
bridges: { ob0: { address: [10.77.0.1/24, "${router}"] } }
subhosts: { web: { base: /mnt/web, start: none, cables: [{ bridge: ob0, address: ["fe80::2/64", 10.77.0.2/24], gateway: "fe80::1" }] } }
`;
  rig.hosts(hosts('fe80::1/64'));
  await rig.apply();
  await rig.settled();
  await rig.machine.sh('ip address delete fe80::1/64 dev ob0; ip -n web address delete fe80::2/64 dev eth0');
  const planned = await rig.plan();
  assert.match(planned, /bridge\/ob0\n {6}address: \[10\.77\.0\.1\/24\] -> \[10\.77\.0\.1\/24, fe80::1\/64\]/);
  assert.match(planned, /veth\/web0\n {6}address: \[10\.77\.0\.2\/24\] -> \[10\.77\.0\.2\/24, fe80::2\/64\]/);
  await rig.apply();
  await rig.settled();
  assert.match(await rig.machine.sh('ip -n web -6 route show default'), /^default via fe80::1 dev eth0 /);
});
