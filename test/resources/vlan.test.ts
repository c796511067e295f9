import assert from 'node:assert/strict';
import test from 'node:test';
import { parseHostsFile } from '../../src/planner/hosts/read.ts';
import { parseInsides } from '../../src/resources/linux/inside.ts';
import { type Link, parseIpJson, toLink } from '../../src/resources/linux/ip.ts';
import { vlan } from '../../src/resources/vlan.ts';
import { readName, type VlanSpec } from '../../src/resources/vlan-seen.ts';
import { innerOrders, insideLine, makeLines, setLines, type VlanTask } from '../../src/resources/vlan-words.ts';
import { FACTS, PATH } from '../planner/hosts-facts.ts';
import { seen } from './seen.ts';

function specOf(cables: string): VlanSpec {
  const file = parseHostsFile(`subhosts: { web: { base: ./web, start: none, cables: [${cables}] } }`, PATH, FACTS);
  const [spec] = vlan.desired(file);
  assert.ok(spec, 'no VLAN');
  return spec;
}

const wordsOf = (lines: readonly { readonly words: readonly string[] }[]): string[] => lines.map(({ words }) => words.join(' '));

/** All that `ip` is told of one VLAN: at the machine, then inside. */
function batch(task: VlanTask): string[] {
  return wordsOf([...makeLines(task), ...setLines(task), insideLine(task)]);
}

function ordersOf(task: VlanTask, before?: object): string[] {
  return innerOrders(task, before).map(({ what, link, argument }) => `${what} ${link} ${argument}`);
}

test('both ends of a VLAN are made on the ends of its cable', () => {
  const spec = specOf('"=", { bridge: br0, vlan: 302, address: [10.30.2.2/24, fd30::2/64], gateway: 10.30.2.1 }');
  const task: VlanTask = { spec, live: null, changes: [] };
  assert.deepEqual(batch(task), [
    'link add dev web0.302 link web0 master br0 up group 28514 type vlan id 302',
    'link set dev web0.302 group 28514 alias ob:default/web',
    'link add dev eth0.302 link eth0 type vlan id 302',
  ]);
  assert.deepEqual(ordersOf(task), [
    'state eth0.302 up',
    'address eth0.302 0a1e0202/24',
    'address eth0.302 fd300000000000000000000000000002/64',
    'gateway eth0.302 0a1e0201',
  ]);
});

test('without a bridge it is plugged in nowhere, and on the second cable it has its number and mtu', () => {
  const task: VlanTask = { spec: specOf('"=", { mtu: 1400 }, "=.5"'), live: null, changes: [] };
  assert.deepEqual(batch(task), [
    'link add dev web1.5 link web1 mtu 1400 up group 28514 type vlan id 5',
    'link set dev web1.5 group 28514 alias ob:default/web',
    'link add dev eth1.5 link eth1 type vlan id 5',
  ]);
  assert.deepEqual(ordersOf(task), ['mtu eth1.5 1400', 'state eth1.5 up']);
});

test('the name of a subhost may end in a digit', () => {
  assert.deepEqual(readName('web40.302', 'web4'), { netns: 'web4', number: '0', tag: '302' });
  assert.deepEqual(readName('web12.5', 'web'), { netns: 'web', number: '12', tag: '5' });
  assert.deepEqual(readName('web0.302'), { netns: 'web', number: '0', tag: '302' });
});

test('what is there is changed in place', () => {
  const spec = specOf('"=", { vlan: 302, address: 10.30.2.9/24 }');
  const live = {
    address: 'vlan/web0.302',
    subhost: 'web',
    needs: [],
    holds: [],
    fields: { bridge: 'br0', address: ['10.30.2.2/24'], gateway: ['10.30.2.1'] },
    handle: { netns: 'web', inside: 'eth0.302' },
  } as const;
  const change = { field: 'bridge', old: 'br0', new: null, class: 'live', why: '' } as const;
  const task: VlanTask = { spec, live, changes: [change] };
  assert.deepEqual(wordsOf([...makeLines(task), ...setLines(task)]), [
    'link set dev web0.302 nomaster up',
    'link set dev web0.302 group 28514 alias ob:default/web',
  ]);
  assert.deepEqual(ordersOf(task, live.fields), [
    'state eth0.302 up',
    'no-address eth0.302 0a1e0202/24',
    'address eth0.302 0a1e0209/24',
    'no-gateway eth0.302 0a1e0201',
  ]);
});

test('a VLAN is read with its number and the link that it is on', () => {
  const links = parseIpJson(seen('ip-vlan.json')).flat().flatMap(toLink);
  const found = links.find(({ name }) => name === 'web0.302');
  assert.deepEqual(pick(found), { kind: 'vlan', carrier: 'web0', vlan: 302, master: 'br0', group: 28514, alias: 'ob:demo/web' });
  assert.ok(links.every(({ kind, carrier }) => kind === 'vlan' || carrier === undefined));
});

test('inside, the reaper tells it by the index of the link that it is on', () => {
  const inside = parseInsides(seen('reaper-vlan.txt').split('\n')).get('web');
  assert.deepEqual(
    inside?.links.map(({ name, kind, carrier, addresses }) => [name, kind, carrier, addresses]),
    [
      ['lo', undefined, undefined, []],
      ['eth0', 'veth', undefined, ['10.77.0.2/24']],
      ['eth0.302', 'vlan', 'eth0', ['10.30.2.2/24']],
    ],
  );
});

function pick(link: Link | undefined): Partial<Link> {
  assert.ok(link);
  const { kind, carrier, vlan: number, master, group, alias } = link;
  return { kind, carrier, ...(number === undefined ? {} : { vlan: number }), master, group, ...(alias ? { alias } : {}) };
}
