import assert from 'node:assert/strict';
import test from 'node:test';
import { digestsOf, findReason, MAX_FAILURES, waitAfter } from '../../../src/cli/record/gate.ts';
import type { Hold, Records, Stop, Trouble } from '../../../src/cli/record/records.ts';
import type { World } from '../../../src/planner/live.ts';
import type { Live, Spec } from '../../../src/resources/kind.ts';

const NOW = 1_000_000;
const STAMP = { boot: 'this', at: NOW - 5000 };
const DIGESTS = { file: 'f', seen: 's' };
const STOP: Stop = { ...STAMP, by: 'ob stop web' };
const TROUBLE: Trouble = {
  ...STAMP,
  ...DIGESTS,
  failures: 3,
  since: STAMP.at,
  next: NOW + 4000,
  told: false,
  step: 'converge process/web',
  command: null,
  words: 'exit 1',
  hint: null,
};
const STALLED: Trouble = { ...TROUBLE, failures: MAX_FAILURES };

function holdUntil(until: number | null, why = ''): Hold {
  return { ...STAMP, until, why };
}

function find(records: Records, more: { isDesired?: boolean; digests?: typeof DIGESTS; now?: number } = {}) {
  const { isDesired = true, digests = DIGESTS, now = NOW } = more;
  return findReason({ name: 'web', records, isDesired, digests: () => digests, now });
}

test('without records nobody is left alone', () => assert.equal(find({}), undefined));

test('a hold ends with its time, and says until when and why', () => {
  const found = find({ hold: holdUntil(NOW + 60_000, 'its disk') });
  assert.equal(found?.state, 'held');
  assert.match(found?.message ?? '', /^web is held until \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC: its disk$/);
  assert.equal(found?.hint, 'ob release web');
  const left = Date.parse(found?.until ?? '') - Date.now();
  assert(left > 50_000 && left <= 60_000, `${left} ms`);
  assert.equal(find({ hold: holdUntil(NOW) }), undefined);
});

test('a hold without a time lasts', () => {
  const found = find({ hold: holdUntil(null) }, { now: NOW + 1e12 });
  assert.deepEqual([found?.message, found?.until, found?.why], ['web is held', null, null]);
});

test('a hold comes before all else, whatever the file says', () => {
  assert.equal(find({ hold: holdUntil(null), stop: STOP, trouble: STALLED }, { isDesired: false })?.state, 'held');
});

test('a stop lasts as long as the file wants the subhost', () => {
  const found = find({ stop: STOP });
  assert.deepEqual([found?.state, found?.until, found?.hint], ['stopped', null, 'ob start web']);
  assert.match(found?.message ?? '', /^web was stopped by a person at /);
  assert.equal(find({ stop: STOP }, { isDesired: false }), undefined);
});

test('a repair that failed is not tried again before its time', () => {
  const found = find({ trouble: TROUBLE });
  assert.deepEqual([found?.state, found?.why, found?.isUntold], ['backing-off', 'converge process/web: exit 1', false]);
  assert.match(found?.message ?? '', /^web is left alone until .* UTC: 3 repairs in a row did not hold$/);
  assert.equal(find({ trouble: TROUBLE }, { now: TROUBLE.next }), undefined);
});

test('what the file says anew is tried at once', () => {
  for (const trouble of [TROUBLE, STALLED]) assert.equal(find({ trouble }, { digests: { ...DIGESTS, file: 'other' } }), undefined);
});

test('after so many failures it is stalled for good, and that has to be said once', () => {
  const found = find({ trouble: STALLED }, { now: NOW + 1e12 });
  assert.deepEqual([found?.state, found?.until, found?.isUntold], ['stalled', null, true]);
  assert.equal(find({ trouble: { ...STALLED, told: true } })?.isUntold, false);
});

test('a stalled subhost that has become another is tried once more, but no faster than what backs off', () => {
  const digests = { ...DIGESTS, seen: 'other' };
  assert.equal(find({ trouble: STALLED }, { digests })?.state, 'stalled');
  assert.equal(find({ trouble: STALLED }, { digests, now: STALLED.next }), undefined);
});

test('waits double from a second to five minutes', () => {
  const waits = [1, 2, 3, 8, 9, 10, 100].map((failures) => waitAfter(failures) / 1000);
  assert.deepEqual(waits, [1, 2, 4, 128, 256, 300, 300]);
});

function worldOf(fields: Live['fields'], subhost = 'web'): World {
  const live: Live = { address: `process/${subhost}`, subhost, needs: [], holds: [], fields, handle: null };
  return { live: new Map([[live.address, live]]), blockers: [] };
}

function specOf(start: string, subhost = 'web'): Spec {
  return { address: `process/${subhost}`, subhost, needs: [], holds: [], fields: { start }, summary: '', extra: null };
}

test('what is seen of a subhost is another with another PID 1, not with the time', () => {
  const seen = (fields: Live['fields']): string => digestsOf('web', [], worldOf(fields)).seen;
  assert.equal(seen({ pid: 7, uptime_s: 1 }), seen({ pid: 7, uptime_s: 99 }));
  assert.notEqual(seen({ pid: 7 }), seen({ pid: 8 }));
  assert.equal(digestsOf('web', [], worldOf({ pid: 7 }, 'db')).seen, digestsOf('web', [], worldOf({ pid: 8 }, 'db')).seen);
});

test('what the file says of a subhost is not what it says of others', () => {
  const file = (...desired: Spec[]): string => digestsOf('web', desired, worldOf({})).file;
  assert.equal(file(specOf('a')), file(specOf('b', 'db'), specOf('a')));
  assert.notEqual(file(specOf('a')), file(specOf('b')));
});
