import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addressLines, blockerOf, markSeen, ownerOf } from '../../src/resources/link-rules.ts';
import type { Link } from '../../src/resources/linux/ip.ts';
import { LINK_GROUP, markOf, parseMark } from '../../src/resources/marks.ts';

function link(options: Partial<Link>): Link {
  return {
    index: 5,
    name: 'web0',
    up: true,
    mtu: 1500,
    kind: 'veth',
    master: undefined,
    group: LINK_GROUP,
    alias: 'ob:demo/web',
    mac: undefined,
    peerIndex: undefined,
    addresses: [],
    ...options,
  };
}

test('a mark is read back', () => {
  for (const owner of [
    { scope: 'demo', name: 'web' },
    { scope: 'a-1', name: 'br-lan.5_x' },
  ])
    assert.deepEqual(parseMark(markOf(owner)), owner);
});

test('what only looks like a mark is none', () => {
  for (const text of [
    undefined,
    '',
    'ob:',
    'ob:demo',
    'ob:demo/',
    'ob:/web',
    'ob:Demo/web',
    'ob:demo/a b',
    'xob:demo/web',
    'ob:demo/web\n',
    'ob:demo/web/x',
  ])
    assert.equal(parseMark(text), undefined, JSON.stringify(text));
});

test('either half of its mark tells that a link is ours, both are needed for a whole one', () => {
  assert.deepEqual(ownerOf(link({})), { scope: 'demo', name: 'web' });
  assert.deepEqual(ownerOf(link({ group: 0 })), { scope: 'demo', name: 'web' });
  assert.equal(ownerOf(link({ alias: undefined })), 'unfinished');
  assert.equal(ownerOf(link({ group: 0, alias: undefined })), undefined);
  assert.equal(ownerOf(link({ group: 0, alias: 'uplink' })), undefined);
  assert.equal(markSeen(link({})), 'ob:demo/web');
  assert.equal(markSeen(link({ group: 0 })), null);
  assert.equal(markSeen(link({ alias: undefined })), null);
});

test('what is ours blocks nothing, whatever it is to become', () => {
  assert.equal(blockerOf(link({}), 'veth', 'demo'), undefined);
  assert.equal(blockerOf(link({ alias: undefined }), 'veth', 'demo'), undefined);
  assert.equal(blockerOf(link({ kind: 'bridge' }), 'veth', 'demo'), undefined);
});

test("what is not ours, another scope's or of a kind that we never make blocks, and the hint fits", () => {
  const told = (options: Partial<Link>): string => {
    const { address, what, hint } = blockerOf(link(options), 'veth', 'demo') ?? {};
    return `${address}: ${what}; ${hint}`;
  };
  assert.equal(
    told({ group: 0, alias: 'uplink' }),
    'veth/web0: link web0 (veth) exists and carries no mark of ob; rename it or choose another name: ip link show web0',
  );
  assert.equal(
    told({ group: 0, alias: undefined, kind: undefined }),
    'veth/web0: link web0 exists and carries no mark of ob; rename it or choose another name: ip link show web0',
  );
  assert.equal(
    told({ alias: 'ob:test/web' }),
    'veth/web0: link web0 (veth) exists and belongs to scope "test"; choose another name in one of the two files',
  );
  assert.equal(told({ kind: 'dummy' }), 'veth/web0: link web0 (dummy) exists, made by ob, but it is no veth; ip link delete web0');
});

test('addresses that go are deleted before others come; those that stay are set again, as the kernel may take them along', () => {
  const lines = addressLines('bridge/ob0', 'ob0', ['10.0.0.1/24', '10.0.0.2/24'], ['10.0.0.2/24', '2001:db8::1/64']);
  assert.deepEqual(
    lines.map((line) => line.words.join(' ')),
    ['address delete 10.0.0.1/24 dev ob0', 'address replace 10.0.0.2/24 dev ob0', 'address replace 2001:db8::1/64 dev ob0 nodad'],
  );
  assert.deepEqual(addressLines('bridge/ob0', 'ob0', ['10.0.0.1/24'], ['10.0.0.1/24']), []);
});
