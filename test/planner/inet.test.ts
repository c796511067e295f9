import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isIn, isLinkLocal, normaliseCidr, normaliseIp, wrongCidr, wrongIp } from '../../src/planner/hosts/inet.ts';
import { createRandom, type Random } from '../random.ts';

const LIKE = 'write it like 10.77.0.2/24 or fd00::2/64';

test('an address of a link has a prefix length', () => {
  for (const good of [
    '10.0.0.1/24',
    '10.0.0.1/0',
    '10.0.0.1/32',
    '255.255.255.254/31',
    'fd00::1/64',
    '::2/0',
    'fe80::1/128',
    '::10.0.0.1/96',
  ])
    assert.equal(wrongCidr(good), undefined, good);
  for (const bare of ['10.0.0.1', 'fd00::1']) assert.equal(wrongCidr(bare), `the prefix length is missing, ${LIKE}`, bare);
  for (const prefix of ['33', '-1', '', ' 8', '8 ', '1.5', '1e1', '0x8', '0008', '24;x']) {
    assert.equal(wrongCidr(`10.0.0.1/${prefix}`), `/${prefix} is no prefix length`, prefix);
  }
  assert.equal(wrongCidr('fd00::1/129'), '/129 is no prefix length');
});

test('what is no address is told how to write one', () => {
  const bad = [
    '',
    'localhost',
    '10.0.0',
    '10.0.0.256',
    '010.0.0.1',
    '10.0.0.1.',
    ' 10.0.0.1',
    '0x0a000001',
    'fd00::1::2',
    'fd00:::1',
    ':',
    '::1%lo',
    'g::',
  ];
  for (const text of bad) {
    assert.equal(wrongIp(text), 'write it like 10.77.0.1 or fd00::1', text);
    assert.equal(wrongCidr(`${text}/8`), LIKE, text);
  }
  assert.equal(wrongIp('10.0.0.1/24'), 'write it like 10.77.0.1 or fd00::1');
  assert.equal(wrongCidr('10.0.0.1/24/24'), LIKE);
});

test('an address that no link can have says why', () => {
  const why: Readonly<Record<string, string | undefined>> = {
    '223.255.255.255': undefined,
    '224.0.0.0': 'it is a multicast address',
    '239.255.255.255': 'it is a multicast address',
    '240.0.0.0': undefined,
    'feff::1': undefined,
    'ff00::': 'it is a multicast address',
    'ff02::1': 'it is a multicast address',
    '::ffff:224.0.0.1': 'it stands for an IPv4 address: write that one',
    '::fffe:224.0.0.1': undefined,
    '126.255.255.255': undefined,
    '127.0.0.1': 'it is a loopback address',
    '127.255.255.255': 'it is a loopback address',
    '128.0.0.0': undefined,
    '::1': 'it is a loopback address',
    '::2': undefined,
    '255.255.255.255': 'it is the broadcast address',
    '0.0.0.0': 'it means "no address"',
    '0.0.0.1': undefined,
    '::': 'it means "no address"',
    '0:0:0:0:0:0:0:0': 'it means "no address"',
  };
  for (const [address, expected] of Object.entries(why)) {
    assert.equal(wrongIp(address), expected, address);
    assert.equal(wrongCidr(`${address}/8`), expected, address);
  }
});

test('an address is written as the kernel prints it', () => {
  const printed: Readonly<Record<string, string>> = {
    '10.0.0.1': '10.0.0.1',
    'FD00::ABCD': 'fd00::abcd',
    'fd00:0000:0000:0000:0000:0000:0000:0001': 'fd00::1',
    'fd00:0:0:1:0:0:0:1': 'fd00:0:0:1::1',
    'fd00:1:0:2:3:0:4:5': 'fd00:1:0:2:3:0:4:5',
    'fd00:0:0:1:2:0:0:3': 'fd00::1:2:0:0:3',
    '1:0:0:2:0:0:0:3': '1:0:0:2::3',
    '::ffff:a00:5': '::ffff:10.0.0.5',
    '::10.0.0.5': '::10.0.0.5',
    '64:ff9b::10.0.0.1': '64:ff9b::a00:1',
    '1::': '1::',
  };
  for (const [written, expected] of Object.entries(printed)) assert.equal(normaliseIp(written), expected, written);
  assert.equal(normaliseCidr('FD00:0::1/064'), 'fd00::1/64');
  assert.equal(normaliseCidr('10.0.0.1/08'), '10.0.0.1/8');
});

test('an address is in a network as far as its prefix reaches', () => {
  assert.equal(isIn('10.0.0.200', ['10.0.0.2/24']), true);
  assert.equal(isIn('10.0.1.1', ['10.0.0.2/24']), false);
  assert.equal(isIn('10.0.1.1', ['10.0.0.2/24', '10.0.0.2/23']), true);
  assert.equal(isIn('10.0.0.3', ['10.0.0.2/31']), true);
  assert.equal(isIn('10.0.0.3', ['10.0.0.2/32']), false);
  assert.equal(isIn('192.0.2.1', ['10.0.0.2/0']), true);
  assert.equal(isIn('fd00::ffff', ['fd00::1/112']), true);
  assert.equal(isIn('fd00::1:0', ['fd00::1/112']), false);
  assert.equal(isIn('2001:db8::1', ['::2/0']), true);
  assert.equal(isIn('10.0.0.1', ['fd00::1/64', '::/0']), false);
  assert.equal(isIn('fd00::1', ['10.0.0.1/0']), false);
  assert.equal(isIn('10.0.0.1', []), false);
});

test('link-local is what begins with fe80::/10', () => {
  assert.deepEqual(['fe80::1', 'febf::1', 'fec0::1', 'fe7f::1', '169.254.0.1', '10.0.0.1'].map(isLinkLocal), [
    true,
    true,
    false,
    false,
    false,
    false,
  ]);
});

/** An IPv6 address in any of the ways in which one can be written. */
function randomIpv6(random: Random): string {
  const groups = Array.from({ length: 8 }, () => (random(2) === 0 ? 0 : random(0x10000)));
  const texts = groups.map((group) => {
    const digits = group.toString(16).padStart(1 + random(4), '0');
    return random(2) === 0 ? digits.toUpperCase() : digits;
  });
  const zeros = groups.findIndex((group, index) => group === 0 && groups[index + 1] === 0);
  if (zeros < 0 || random(2) === 0) return texts.join(':');
  const rest = texts.slice(zeros + 2).join(':');
  return `${texts.slice(0, zeros).join(':')}::${rest}`;
}

test('every IPv6 address has one form, the one that RFC 5952 asks for', () => {
  for (let seed = 1; seed <= 2000; seed++) {
    const written = randomIpv6(createRandom(seed));
    const form = normaliseIp(written);
    assert.equal(normaliseIp(form), form, written);
    // The URL standard has the same rules, but for addresses with an IPv4 address inside.
    if (!form.includes('.')) assert.equal(form, new URL(`http://[${written}]/`).hostname.slice(1, -1), written);
  }
});
