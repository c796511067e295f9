import assert from 'node:assert/strict';
import test from 'node:test';
import type { Cable } from '../../src/resources/hosts.ts';
import { interfacesFile } from '../../src/resources/interfaces.ts';

const CABLE: Cable = { hostEnd: 'web0', inside: 'eth0', bridge: null, ownBridge: false, mac: null, mtu: null, address: [], gateway: [] };

const stanzas = (...cables: readonly Partial<Cable>[]): string =>
  interfacesFile(cables.map((cable) => ({ ...CABLE, ...cable }))).replace(/^(#.*\n)+\n/, '');

test('a subhost without cables has its loopback link', () => {
  assert.equal(stanzas(), 'auto lo\niface lo inet loopback\n');
});

test('each cable has a stanza for each family that it has an address or a gateway of', () => {
  const text = stanzas(
    { address: ['10.77.0.2/24', 'fd00::2/64', '10.77.0.3/24'], gateway: ['10.77.0.1', 'fe80::1'] },
    { inside: 'eth1' },
    { inside: 'eth2', address: ['fd01::2/64'] },
  );
  assert.equal(
    text,
    `auto lo
iface lo inet loopback

auto eth0
iface eth0 inet manual
    address 10.77.0.2/24
    gateway 10.77.0.1
    up ip -4 -o address show dev eth0 scope global | grep -q . || { ip address add 10.77.0.2/24 dev eth0; ip address add 10.77.0.3/24 dev eth0; }
    up ip -4 route show default | grep -q . || ip -4 route add default via 10.77.0.1 dev eth0
iface eth0 inet6 manual
    address fd00::2/64
    gateway fe80::1
    up ip -6 -o address show dev eth0 scope global | grep -q . || { ip address add fd00::2/64 dev eth0 nodad; }
    up ip -6 route show default | grep -q . || ip -6 route add default via fe80::1 dev eth0

auto eth1
iface eth1 inet manual

auto eth2
iface eth2 inet6 manual
    address fd01::2/64
    up ip -6 -o address show dev eth2 scope global | grep -q . || { ip address add fd01::2/64 dev eth2 nodad; }
`,
  );
});
