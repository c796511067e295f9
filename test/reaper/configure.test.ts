import assert from 'node:assert/strict';
import test from 'node:test';
import { createMachine, noLive, REAPER, type TestMachine } from '../machine.ts';

async function createPair(t: test.TestContext): Promise<TestMachine> {
  const machine = await createMachine(t);
  await machine.sh('ip netns add one; ip netns add two; ip -n one link add eth0 type veth peer name eth0 netns two');
  return machine;
}

const hex = (v4: string): string =>
  v4
    .split('.')
    .map((part) => Number(part).toString(16).padStart(2, '0'))
    .join('');
const IPV6 = `fd00${'0'.repeat(24)}0002/64`;
const IPV6_ROUTER = `fd00${'0'.repeat(24)}0001`;

test('links, addresses and routes in two namespaces are set by one process', { skip: noLive }, async (t) => {
  const machine = await createPair(t);
  const orders = [
    ...['in', '-', 'one', '-', 'name', 'veth/a', 'eth0', 'net7', 'mac', 'veth/a', 'net7', '02000000000a', 'mtu', 'veth/a', 'net7', '1400'],
    ...[
      'state',
      'veth/a',
      'net7',
      'up',
      'address',
      'veth/a',
      'net7',
      `${hex('10.1.0.2')}/24`,
      'gateway',
      'veth/a',
      'net7',
      hex('10.1.0.1'),
    ],
    ...[
      'in',
      '-',
      'two',
      '-',
      'state',
      'veth/b',
      'eth0',
      'up',
      'address',
      'veth/b',
      'eth0',
      IPV6,
      'gateway',
      'veth/b',
      'eth0',
      IPV6_ROUTER,
    ],
  ];
  for (const time of ['first', 'second']) {
    // The second time the name is there already: all else may be said again.
    const words = time === 'first' ? orders : orders.filter((_, index) => index < 4 || index > 7);
    const ran = await machine.run(REAPER, ['configure', ...words]);
    assert.deepEqual([ran.code, ran.stdout], [0, ''], time);
    assert.match(await machine.sh('ip -n one -br link show net7'), /^net7@\S+ +UP +02:00:00:00:00:0a/);
    assert.match(await machine.sh('ip -n one -d link show net7'), / mtu 1400 /);
    assert.equal(await machine.sh('ip -n one -br -4 address show net7 | xargs'), 'net7@if2 UP 10.1.0.2/24');
    assert.equal(await machine.sh('ip -n one route show default | xargs'), 'default via 10.1.0.1 dev net7');
    assert.match(await machine.sh('ip -n two -6 address show eth0 scope global'), /fd00::2\/64 scope global nodad/);
    assert.match(await machine.sh('ip -n two -6 route show default'), /^default via fd00::1 dev eth0 metric 1024/);
  }
  const back = [
    'in',
    '-',
    'one',
    '-',
    'no-gateway',
    'x',
    'net7',
    hex('10.1.0.1'),
    'no-address',
    'x',
    'net7',
    `${hex('10.1.0.2')}/24`,
    'state',
    'x',
    'net7',
    'down',
  ];
  for (const time of ['first', 'second']) assert.equal((await machine.run(REAPER, ['configure', ...back])).code, 0, time);
  assert.equal(await machine.sh('ip -n one -br address show net7 | xargs; ip -n one route'), 'net7@if2 DOWN');
});

test('a refusal is told with the reason, and only that object stops', { skip: noLive }, async (t) => {
  const machine = await createPair(t);
  const ran = await machine.run(REAPER, [
    ...['configure', 'in', '-', 'one', '-'],
    ...['state', 'a', 'eth0', 'up', 'gateway', 'a', 'eth0', hex('10.9.9.9'), 'mtu', 'a', 'eth0', '1300'],
    ...[
      'mtu',
      'b',
      'eth0',
      '1200',
      'mac',
      'c',
      'eth9',
      '020000000001',
      'mtu',
      'd',
      'eth0',
      '5',
      'mac',
      'e',
      'eth0',
      '010000000001',
      'x',
      'f',
      'eth0',
      '-',
    ],
    ...['in', '-', 'none', '-', 'state', 'g', 'eth0', 'up'],
  ]);
  assert.equal(ran.code, 1);
  assert.deepEqual(ran.stdout.trimEnd().split('\n'), [
    'a error gateway 101 eth0 0a090909: Nexthop has invalid gateway',
    'c error mac 19 eth9 020000000001',
    'd error mtu 22 eth0 5: mtu less than device minimum',
    'e error mac 99 eth0 010000000001',
    'f error x 38 eth0 -',
    'g error state 2 eth0 up',
  ]);
  assert.match(await machine.sh('ip -n one link show eth0'), / mtu 1200 /);
});

test('an alias is given where the program is, before it goes elsewhere', { skip: noLive }, async (t) => {
  const machine = await createPair(t);
  await machine.sh('ip link add here type veth peer name there');
  const orders = ['in', '-', '.', '-', 'alias', 'veth/a', 'here', 'ob:t/web', 'in', '-', 'one', '-', 'alias', 'veth/a', 'eth0', 'other'];
  assert.equal((await machine.run(REAPER, ['configure', ...orders])).code, 0);
  assert.match(await machine.sh('ip link show here; ip -n one link show eth0'), /alias ob:t\/web[\s\S]*alias other/);
});
