import assert from 'node:assert/strict';
import test from 'node:test';
import { layersOf, lowerdirOf, parseIdMap, showIds } from '../../src/resources/ids.ts';

const MASK = '/run/ob/hide/machine.0123456789ab';

test('what a root shows of its layers leads back to them', () => {
  for (const first of [0, 589_824])
    for (const lower of ['/', '/srv/tree', '/run/ob/disk/demo/web.lower/root'])
      for (const mask of [null, MASK]) assert.deepEqual(layersOf(lowerdirOf(lower, mask, first)), { mask, lower, first });
  assert.equal(lowerdirOf('/', MASK, 65_536), '/run/ob/userns/65536/hide/machine.0123456789ab:/run/ob/userns/65536/tree');
  assert.equal(lowerdirOf('/', MASK, undefined), `${MASK}:/`);
});

test('layers that are not ours are told as they are', () => {
  for (const lowerdir of ['/a:/b', '', '/run/ob/usernsx/65536/tree', '/run/ob/userns/x/tree', '/run/ob/userns/'])
    assert.deepEqual(layersOf(lowerdir), { mask: null, lower: lowerdir, first: 0 });
});

test('ids are told as a range, and nothing else is taken for one', () => {
  assert.equal(showIds(589_824), '589824-655359');
  assert.equal(showIds(0), 'none');
  assert.equal(showIds(undefined), 'none');
  assert.equal(showIds(1), "another program's");
  assert.equal(parseIdMap('         0     589824      65536\n'), 589_824);
  for (const text of [
    '',
    '         0          0 4294967295\n',
    '         0     100000      65536\n',
    '         0     589824      65535\n',
    '         1     589824      65536\n',
    '         0     589824      65536\n     65536          0          1\n',
  ])
    assert.equal(parseIdMap(text), 1, JSON.stringify(text));
});
