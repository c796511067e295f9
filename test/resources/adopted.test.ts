import assert from 'node:assert/strict';
import { test } from 'node:test';
import { toTake, whyNot } from '../../src/resources/adopted.ts';
import type { Cable, Subhost } from '../../src/resources/hosts.ts';
import type { Foreign } from '../../src/resources/linux/foreign.ts';
import type { Inside } from '../../src/resources/linux/inside.ts';
import type { Link } from '../../src/resources/linux/ip.ts';
import type { Look, Machine } from '../../src/resources/machine.ts';

const RUNS: Foreign = {
  pid: 4_000_000,
  ticks: 1,
  name: 'web',
  netns: 1,
  pidNamespace: 'pid:[1]',
  mountNamespace: 'mnt:[1]',
  cgroup: '/web',
  lower: '/',
  upper: '/srv/web/root',
  work: '/srv/web/work',
  mounts: [],
};

function cable(hostEnd: string): Cable {
  return { hostEnd, inside: 'eth0', bridge: null, ownBridge: false, mac: null, mtu: null, address: [], gateway: [] };
}

const WEB: Subhost = {
  name: 'web',
  base: '/srv/web',
  lower: '/',
  upper: '/srv/web/root',
  work: '/srv/web/work',
  live: '/srv/web/live',
  cables: [cable('web0'), cable('web1'), cable('web0.302')],
  start: [],
  shares: [],
  ramSize: null,
};

const names = { isSameDirectory: (one: string, other: string) => one === other };

test('what runs is the subhost of the file if its name and all its directories are the same', () => {
  assert.equal(whyNot(WEB, [RUNS], names), undefined);
  assert.match(whyNot(WEB, [], names) ?? '', /does not run/);
  for (const layer of ['lower', 'upper', 'work'] as const)
    assert.match(whyNot({ ...WEB, [layer]: '/other' }, [RUNS], names) ?? '', new RegExp(`^its ${layer} is `));
});

test('what runs twice, has another name, or an upper directory of a program is not taken over', () => {
  assert.match(whyNot(WEB, [RUNS, { ...RUNS, pid: 4_000_001 }], names) ?? '', /^it runs twice/);
  assert.match(whyNot(WEB, [RUNS, { ...RUNS, name: 'other' }], names) ?? '', /^it runs twice/);
  assert.equal(whyNot(WEB, [{ ...RUNS, name: 'other' }], names), 'other runs on its upper directory');
  assert.match(whyNot({ ...WEB, hooks: { config: '/srv/web.conf', setup: '/srv/up' } }, [RUNS], names) ?? '', /a program sets up/);
});

function link(name: string, index: number, more: Partial<Link> = {}): Link {
  const common = { up: true, mtu: 1500, kind: 'veth', master: undefined, group: 0, alias: undefined, mac: undefined } as const;
  return { ...common, name, index, peerIndex: undefined, addresses: [], ...more };
}

/** web0 is plugged into the subhost, web1 is not. */
function machineOf(links: readonly Link[], lo?: string): Machine {
  const inside: Inside = { links: [link('lo', 1, { kind: undefined, alias: lo }), link('eth0', 2, { peerIndex: 10 })], routes: [] };
  const look = { inside: async () => inside, links: async () => links } as Partial<Look> as Look;
  return { scope: 'default', look } as Partial<Machine> as Machine;
}

test('only cables that are plugged into the subhost, and VLANs on these, are taken', async () => {
  const links = [
    link('web0', 10, { peerIndex: 2 }),
    link('web1', 11, { peerIndex: 2 }),
    link('web0.302', 12, { kind: 'vlan', carrier: 'web0' }),
  ];
  const taken = async (...args: Parameters<typeof machineOf>): Promise<string[]> =>
    (await toTake(machineOf(...args), WEB, RUNS)).map(({ address }) => address);
  assert.deepEqual(await taken(links), ['process/web', 'veth/web0', 'vlan/web0.302', 'netns/web']);
  const other = links.map((one) => (one.kind === 'vlan' ? { ...one, carrier: 'br0' } : { ...one, alias: 'ob:other/web' }));
  assert.deepEqual(await taken(other), ['process/web', 'netns/web']);
  assert.deepEqual(await taken(links, 'ob:default/web'), []);
});
