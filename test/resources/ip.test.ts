import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ObError } from '../../src/resources/error.ts';
import { type Link, parseIpJson, toLink, toRoute } from '../../src/resources/linux/ip.ts';
import { seen } from './seen.ts';

function linksOf(text: string): Link[] {
  return parseIpJson(text).flat().flatMap(toLink);
}

function find(links: readonly Link[], name: string): Link {
  const link = links.find((one) => one.name === name);
  assert(link, `no link ${name}`);
  return link;
}

function refusal(text: string): string {
  try {
    parseIpJson(text);
  } catch (error) {
    assert(error instanceof ObError);
    assert(error.hint, 'an error says what to do');
    return error.message;
  }
  throw new Error('was taken for good');
}

test('links of a machine are read with all that a plan needs', () => {
  const links = linksOf(seen('ip-address.json'));
  assert.deepEqual(links.map((link) => link.name).sort(), ['br0', 'db0', 'lo', 'ob0', 'p1', 'we@"ü#', 'web0', 'web1']);
  const { index: bridgeIndex, ...bridge } = find(links, 'ob0');
  assert(bridgeIndex > 0);
  assert.deepEqual(bridge, {
    name: 'ob0',
    up: true,
    mtu: 1500,
    kind: 'bridge',
    master: undefined,
    group: 28514,
    alias: 'ob:demo/ob0',
    mac: '02:6f:62:c2:99:01',
    peerIndex: undefined,
    addresses: ['10.77.0.1/24'],
    local: ['fe80::6f:62ff:fec2:9901/64'],
  });
  const cable = find(links, 'web0');
  assert.deepEqual([cable.kind, cable.master, cable.group, cable.alias], ['veth', 'ob0', 28514, 'ob:demo/web']);
  assert.equal(find(links, 'lo').kind, undefined);
  assert.equal(find(links, 'lo').group, 0);
});

test('both ends of a cable know each other by index', () => {
  const outside = find(linksOf(seen('ip-address.json')), 'web0');
  const inside = find(linksOf(seen('ip-inside.json')), 'eth0');
  assert.equal(outside.peerIndex, inside.index);
  assert.equal(inside.peerIndex, outside.index);
});

test('the end of a pair whose other end is beside it is told by name only: it is no cable of a subhost', () => {
  assert.equal(find(linksOf(seen('ip-address.json')), 'p1').peerIndex, undefined);
});

test('names and aliases may hold @, quotes, UTF-8 and newlines', () => {
  const links = linksOf(seen('ip-address.json'));
  assert.equal(find(links, 'p1').alias, 'tab\tquote" new\nline ü');
  assert.equal(find(links, 'we@"ü#').up, false);
});

test('addresses of the kernel or of an IPv6 router are not what anybody set', () => {
  assert.match(seen('ip-inside.json'), /2001:db8:5::aff:fe4d:2/);
  const links = linksOf(seen('ip-inside.json'));
  assert.deepEqual(find(links, 'eth0').addresses, ['10.77.0.2/24', '10.77.0.9/24']);
  assert.deepEqual(find(links, 'lo').addresses, []);
});

test('an IPv4 address from DHCP and an IPv6 address that was set count', () => {
  const entry = (address: object): string => JSON.stringify([{ ifname: 'eth0', addr_info: [{ prefixlen: 64, scope: '0', ...address }] }]);
  assert.deepEqual(linksOf(entry({ family: 'inet', local: '10.0.0.5', dynamic: true }))[0]?.addresses, ['10.0.0.5/64']);
  assert.deepEqual(linksOf(entry({ family: 'inet6', local: '2001:db8::5' }))[0]?.addresses, ['2001:db8::5/64']);
  assert.deepEqual(linksOf(entry({ family: 'inet6', local: '2001:db8::5', dynamic: true }))[0]?.addresses, []);
});

test('default routes of the main table count, not those of other tables or of an IPv6 router', () => {
  const [, routes = []] = parseIpJson(seen('ip-inside.json'));
  assert.equal(routes.filter((route) => route['dst'] === 'default').length, 3);
  assert.deepEqual(routes.flatMap(toRoute), [{ gateway: '10.77.0.1', link: 'eth0' }]);
});

test('a default route over two next hops has no gateway of its own', () => {
  const [, routes = []] = parseIpJson(seen('ip-inside-multipath.json'));
  const [first] = routes.flatMap(toRoute);
  assert.deepEqual(first, { gateway: undefined, link: undefined });
});

test('a new namespace has a loopback link that is down, and no route', () => {
  const [links = [], routes] = parseIpJson(seen('ip-inside-empty.json'));
  assert.deepEqual(
    links.flatMap(toLink).map(({ name, up }) => ({ name, up })),
    [{ name: 'lo', up: false }],
  );
  assert.deepEqual(routes, []);
});

test('nothing printed is no list, an empty list is one', () => {
  assert.deepEqual(parseIpJson(''), []);
  assert.deepEqual(parseIpJson('\n\n'), []);
  assert.deepEqual(parseIpJson('[]\n[ ]\n'), [[], []]);
});

test('entries that vanished while ip looked at them, or name no link, are left out', () => {
  assert.deepEqual(linksOf('[{}]'), []);
  assert.deepEqual(linksOf('[{},{"ifindex":7},null,"lo",{"ifname":"","ifindex":8},{"ifindex":9,"ifname":"a"}]').length, 1);
});

test('keys of another type than ours, and unknown ones, do no harm', () => {
  const odd = '[{"ifname":"a","ifindex":"7","flags":"UP","group":"default","linkinfo":[],"addr_info":{},"link_index":"4","new":{"x":1}}]';
  assert.deepEqual(linksOf(odd), [
    {
      index: 7,
      name: 'a',
      up: false,
      mtu: 0,
      kind: undefined,
      master: undefined,
      group: 0,
      alias: undefined,
      mac: undefined,
      peerIndex: undefined,
      addresses: [],
    },
  ]);
  assert.deepEqual(parseIpJson('[{"table":"254"}]').flat().flatMap(toRoute), []);
  assert.deepEqual(parseIpJson('[{"table":"254","dst":"default"}]').flat().flatMap(toRoute), [{ gateway: undefined, link: undefined }]);
});

test('what is no list in JSON is refused, with its beginning and what to do', () => {
  const whole = seen('ip-address.json');
  assert.match(refusal(whole.slice(0, 5000)), /^ip printed something that is no JSON list: \[\{"ifindex":1,.{100,120}$/);
  assert.match(refusal(`Warning: old kernel\n${whole}`), /no JSON list: Warning: old kernel$/);
  assert.match(refusal('{"ifname":"a"}'), /no JSON list/);
  assert.match(refusal('null'), /no JSON list/);
  assert.match(refusal('1: lo: <LOOPBACK,UP>'), /no JSON list/);
});

test('10 000 links are read in a moment', () => {
  const one = JSON.stringify(parseIpJson(seen('ip-address.json'))[0]?.find((entry) => entry['ifname'] === 'web0'));
  const text = `[${Array.from({ length: 10_000 }, () => one).join(',')}]\n`;
  const begin = performance.now();
  assert.equal(linksOf(text).length, 10_000);
  assert(performance.now() - begin < 2000);
});
