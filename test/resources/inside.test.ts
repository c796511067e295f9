import assert from 'node:assert/strict';
import test from 'node:test';
import { parseInsides } from '../../src/resources/linux/inside.ts';
import { parseIpJson, toLink, toRoute } from '../../src/resources/linux/ip.ts';
import { collect, createMachine, noLive, REAPER, type TestMachine } from '../machine.ts';

/** Links of many sorts, in two namespaces. */
const SCENE = `
set -e
ip netns add one && ip netns add two
ip -n one link set lo up alias 'say "\\x", ok'
ip -n one link add br0 type bridge && ip -n one link set br0 up
ip -n one link add eth0 mtu 1400 type veth peer name eth0 netns two
ip -n one link set eth0 master br0 group 28514 alias ob:t/one up
ip -n two link set eth0 address 02:00:00:00:00:0f up
ip -n two link add d0 type bridge && ip -n two link set d0 up
for a in 10.1.2.3/24 192.168.1.1/32 fd00:0:0:1::5/64 ::ffff:1.2.3.4/128 1:0:0:2:0:0:0:3/128 2001:db8::/128 1:2:3:4:5:6:7:8/128 ::7/128 1:0:3:4:5:6:7:8/128; do
  ip -n two address add $a dev eth0 nodad; done
ip -n two address add fe80::7/64 dev eth0 nodad
ip -n two address add 10.9.0.1 peer 10.9.0.2/30 dev d0
ip -n two address add 127.0.0.5/8 dev d0 scope host
ip -n two route add default via 10.1.2.1
ip -n two route add default via fd00:0:0:1::1 dev eth0
ip -n two route add 10.5.0.0/16 via 10.1.2.9
ip -n two route add 10.6.0.1 via 10.1.2.9
ip -n two route add default via 10.1.2.7 table 99
ip -n two route add blackhole 10.7.0.0/16
ip -n two route add fd07::/64 dev eth0
`;

async function byIp(machine: TestMachine, name: string): Promise<unknown> {
  const ran = await machine.run('ip', ['-n', name, '-j', '-d', '-N', '-batch', '-'], {
    input: 'address show\nroute show table all\n-6 route show table all\n',
  });
  const [links = [], ...routes] = parseIpJson(ran.stdout);
  return sorted(links.flatMap(toLink), routes.flat().flatMap(toRoute));
}

/** That the kernel has made an address for a link alone, `ip` of Debian 12 does not tell. */
function sorted(links: readonly { addresses: readonly string[]; local?: readonly string[] }[], routes: readonly unknown[]): unknown {
  const texts = routes.map((route) => JSON.stringify(route));
  return {
    links: links.map(({ local: _, ...link }) => ({ ...link, addresses: link.addresses.toSorted() })),
    routes: [...new Set(texts)].sort(),
  };
}

test('what the reaper sees in a namespace is what ip sees', { skip: noLive }, async (t) => {
  const machine = await createMachine(t);
  await machine.sh(SCENE);
  const ran = await machine.run(REAPER, ['look', 'one', 'none', 'two']);
  const seen = parseInsides(ran.stdout.split('\n'));
  assert.deepEqual([...seen.keys()], ['one', 'two']);
  for (const [name, { links, routes }] of seen) assert.deepEqual(sorted(links, routes), await byIp(machine, name), name);
  const eth0 = seen.get('two')?.links.find((link) => link.name === 'eth0');
  assert.deepEqual([eth0?.addresses.length, eth0?.local], [9, ['fe80::7/64']]);
});

/** A hundred links and a thousand addresses in a namespace: several parts of an answer of the kernel's. */
async function makeMany(machine: TestMachine): Promise<void> {
  const links = Array.from({ length: 100 }, (_, index) => `link add d${index} type bridge`);
  const addresses = Array.from({ length: 1000 }, (_, index) => `address add 10.${index >> 8}.${index & 255}.1/24 dev d${index % 100}`);
  await machine.sh('ip netns add many');
  await machine.run('ip', ['-n', 'many', '-batch', '-'], { input: [...links, ...addresses, ''].join('\n') });
}

test('a hundred links and a thousand addresses come through whole', { skip: noLive }, async (t) => {
  const machine = await createMachine(t);
  await makeMany(machine);
  const seen = parseInsides((await machine.run(REAPER, ['look', 'many'])).stdout.split('\n')).get('many');
  assert.equal(seen?.links.filter((link) => link.name.startsWith('d')).length, 100);
  assert.equal(seen?.links.flatMap((link) => link.addresses).length, 1000);
});

/** An address comes and goes, a thousand times a second. */
const CHANGING = `
  yes 'address add 10.200.0.1/24 dev d0\naddress delete 10.200.0.1/24 dev d0' | head -n 2000 >/mnt/lines
  while [ -e /mnt/go ]; do ip -n many -batch /mnt/lines; done`;

test('a list that changes while it is told is told again, and the last one counts', { skip: noLive }, async (t) => {
  const machine = await createMachine(t);
  await makeMany(machine);
  machine.write('/mnt/go', '');
  const ended = collect(machine.start('sh', ['-c', CHANGING]));
  const look = async () => (await machine.run(REAPER, ['look', 'many'])).stdout;
  const listsIn = (text: string): number => text.split('"addresses":[').length - 1;
  const most = { lists: 0 };
  for (const deadline = Date.now() + 60_000; most.lists < 2 && Date.now() < deadline; ) {
    const text = await look();
    most.lists = Math.max(most.lists, listsIn(text));
    assert.ok(parseInsides(text.split('\n')).has('many'));
  }
  assert.ok(most.lists >= 2 && most.lists <= 8, `${most.lists} lists`);
  await machine.sh('rm /mnt/go');
  await ended;
  assert.equal(listsIn(await look()), 1);
});

test('a plain file where a namespace should be, and one that is gone, are left out', { skip: noLive }, async (t) => {
  const machine = await createMachine(t);
  await machine.sh('ip netns add good; touch /run/netns/plain');
  const ran = await machine.run(REAPER, ['look', 'plain', 'gone', 'good']);
  assert.deepEqual([...parseInsides(ran.stdout.split('\n')).keys()], ['good']);
});

test('a program that is run beside the look has descriptors of its own, and its failure is told', { skip: noLive }, async (t) => {
  const machine = await createMachine(t);
  await machine.sh('ip netns add good');
  const look = `${REAPER} look good / /sys/fs/cgroup/ob / `;
  const said = await machine.sh(
    `(${look} /bin/sh -c 'echo links; echo words >&2; [ ! -e /proc/self/fd/9 ]') 9</dev/null 3>/mnt/3 4>/mnt/4; echo $?`,
  );
  assert.deepEqual(
    [said.split('\n')[0], said.split('\n').at(-1), machine.read('/mnt/3'), machine.read('/mnt/4')],
    ['good', '0', 'links\n', 'words\n'],
  );
  const failed = await machine.sh(`${look} /bin/false 3>/mnt/3 4>/mnt/4; echo $?; ${look} /bin/nothing 3>/mnt/3 4>/mnt/4; echo $?`);
  assert.match(failed, /^good\n\{.*\}\n2\ngood\n\{.*\}\n2$/);
});

test('half an answer is an error, not half a truth', () => {
  assert.throws(() => parseInsides(['web', '{"links":[{"index":1', '']), /not its own/);
  assert.equal(parseInsides(['']).size, 0);
});
