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

/** A link as `ip` tells of it, but for what is each link's own. */
function common(link: Record<string, unknown>): Record<string, unknown> {
  const { ifindex, ifname, link_index, link_netnsid, ...rest } = link;
  return JSON.parse(JSON.stringify(rest, (key, value) => (/^(stats|.*timer|id|no|designated_port)$/.test(key) ? undefined : value)));
}

test('a cable is made just as ip makes it, with one queue at each end', { skip: noLive }, async (t) => {
  const machine = await createMachine(t);
  await machine.sh('ip netns add one; ip netns add two; ip link add ob0 up type bridge');
  const queues = 'numtxqueues 1 numrxqueues 1';
  const peer = `peer name eth0 ${queues} mtu 1400 address 02:00:00:00:00:0a`;
  await machine.sh(`ip link add dev a0 ${queues} address 02:00:00:00:00:0b mtu 1400 master ob0 up group 28514 type veth ${peer} netns one`);
  await machine.sh('ip link set dev a0 alias ob:t/a; ip -n one link set eth0 up');
  const cable = ['cable', 'veth/b0', 'b0', 'eth0 ob0 1400 02000000000a 28514 ob:t/a', 'state', 'veth/b0', 'eth0', 'up'];
  const ran = await machine.run(REAPER, ['configure', 'in', '-', 'two', '-', ...cable]);
  assert.deepEqual([ran.code, ran.stdout], [0, '']);
  await machine.sh('ip link set b0 address 02:00:00:00:00:0b');
  // Who learns of a carrier a moment later is told as well.
  await machine.sh('until ip -br link show b0 | grep -q UP && ip -br link show a0 | grep -q UP; do sleep 0.01; done');
  const read = async (where: string): Promise<Record<string, unknown>[]> => JSON.parse(await machine.sh(`ip -j -d ${where}`));
  const [[a], [b]] = [await read('link show a0'), await read('link show b0')];
  assert.deepEqual(common(b ?? {}), common(a ?? {}));
  const [[one], [two]] = [await read('-n one link show eth0'), await read('-n two link show eth0')];
  assert.deepEqual(common(two ?? {}), common(one ?? {}));
});

test('a cable whose names are taken, or whose bridge is missing, is none, and nothing of the others is touched', {
  skip: noLive,
}, async (t) => {
  const machine = await createMachine(t);
  await machine.sh('ip netns add one; ip link add old0 type bridge; ip link set old0 alias mine; ip -n one link add taken type bridge');
  const cable = (key: string, end: string, words: string): string[] => ['cable', key, end, words, 'state', key, 'lo', 'up'];
  const ran = await machine.run(REAPER, [
    ...['configure', 'in', '-', 'one', '-'],
    ...cable('a', 'old0', 'eth0 - - - 28514 ob:t/a'),
    ...cable('b', 'b0', 'eth0 nowhere - - 28514 ob:t/a'),
    ...cable('c', 'c0', 'taken - - - 28514 ob:t/a'),
    ...cable('d', 'd0', 'eth0 - 5 - 28514 ob:t/a'),
    ...cable('e', 'e0', 'eth0 - - 010000000001 28514 ob:t/a'),
    ...cable('f', 'f0', 'eth0 - - - 28514'),
  ]);
  assert.equal(ran.code, 1);
  assert.deepEqual(ran.stdout.trimEnd().split('\n'), [
    'a error cable 17 old0 eth0 - - - 28514 ob:t/a',
    'b error cable 19 b0 eth0 nowhere - - 28514 ob:t/a',
    'c error cable 17 c0 taken - - - 28514 ob:t/a',
    'd error cable 22 d0 eth0 - 5 - 28514 ob:t/a',
    'e error cable 99 e0 eth0 - - 010000000001 28514 ob:t/a',
    'f error cable 22 f0 eth0 - - - 28514',
  ]);
  assert.equal(await machine.sh('ip -j link | grep -o \'"ifname":"[^"]*"\' | sort | xargs'), 'ifname:lo ifname:old0');
  assert.match(await machine.sh('ip link show old0; ip -n one -br link show lo'), /alias mine[\s\S]*lo +DOWN/);
});
