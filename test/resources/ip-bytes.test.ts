import assert from 'node:assert/strict';
import test from 'node:test';
import { toHex } from '../../src/resources/linux/ip-bytes.ts';

test('an address is the digits of its bytes, with its prefix length', () => {
  const cases = {
    '10.77.0.2/24': '0a4d0002/24',
    '255.0.0.1': 'ff000001',
    '::': '0'.repeat(32),
    '::1/128': `${'0'.repeat(31)}1/128`,
    'fe80::': `fe80${'0'.repeat(28)}`,
    'fd00::2/64': `fd00${'0'.repeat(27)}2/64`,
    '1:2:3:4:5:6:7:8': '00010002000300040005000600070008',
    '1::3:4:5:6:7:8': '00010000000300040005000600070008',
    '::ffff:1.2.3.4': `${'0'.repeat(20)}ffff01020304`,
  };
  for (const [address, digits] of Object.entries(cases)) assert.equal(toHex(address), digits, address);
});
