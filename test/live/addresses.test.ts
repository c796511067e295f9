import assert from 'node:assert/strict';
import { test } from 'node:test';
import { normaliseCidr, wrongCidr } from '../../src/planner/hosts/inet.ts';
import { createMachine, noLive } from '../machine.ts';

const WRITTEN = [
  '10.0.0.1/8',
  '240.0.0.1/4',
  '10.5.5.5/0',
  'FD00::ABCD/64',
  'fd00:0:0:1:0:0:0:1/64',
  'fd00:1:0:2:3:0:4:5/64',
  'fd00:0:0:1:2:0:0:3/64',
  '1:0:0:2:0:0:0:3/64',
  '::10.0.0.6/96',
  '::2:3/0',
  '64:ff9b::10.0.0.1/96',
  'fe80:0::00ff/10',
  '1::/128',
];

test('addresses are compared in the form in which the kernel and ip give them back', { skip: noLive }, async (t) => {
  const machine = await createMachine(t);
  for (const address of WRITTEN) assert.equal(wrongCidr(address), undefined, address);
  const lines = WRITTEN.map((address) => `address add ${address} dev one`);
  await machine.sh(`ip link add one type veth peer name two && ip -batch - <<'END'\n${lines.join('\n')}\nEND`);
  const shown = JSON.parse(await machine.sh('ip -j address show dev one')) as [{ addr_info: { local: string; prefixlen: number }[] }];
  const seen = shown[0].addr_info.map(({ local, prefixlen }) => `${local}/${prefixlen}`);
  assert.deepEqual(seen.toSorted(), WRITTEN.map(normaliseCidr).toSorted());
});

test('what is said to be no address of a link, the kernel or ip refuses, or nobody could use it', { skip: noLive }, async (t) => {
  const machine = await createMachine(t);
  await machine.sh('ip link add one type veth peer name two');
  for (const address of ['::1/128', 'ff02::1/64', '::/64', '10.0.0.1/33', 'fd00::1/129', 'fe80::1%one/64']) {
    assert.notEqual(wrongCidr(address), undefined, address);
    const ran = await machine.run('ip', ['address', 'add', address, 'dev', 'one']);
    assert.notEqual(ran.code, 0, address);
  }
});
