import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Event } from '../../src/cli/events.ts';
import { createOutput } from '../../src/cli/output.ts';

const CSI = '\u001b[';
const CLEAR = `${CSI}J`;

const EVENTS: readonly Event[] = [
  { type: 'change', address: 'a/1', subhost: null, action: 'create', summary: '', fields: [], because: [] },
  { type: 'planned', counts: { create: 1 }, blocked: 0, unchanged: 0, steps: 1 },
  { type: 'start', verb: 'converge', address: 'a/1' },
  { type: 'done', verb: 'converge', action: 'create', address: 'a/1', subhost: null, seconds: 0 },
];

/** What is written to a stream of this sort. */
function written(stream: { isTTY?: boolean }, env: NodeJS.ProcessEnv, manner = { json: false, quiet: false }): string {
  let text = '';
  const write = (more: string): boolean => {
    text += more;
    return true;
  };
  const { sink, stop } = createOutput(manner, { ...stream, write } as NodeJS.WriteStream, env);
  for (const event of EVENTS) sink(event);
  stop();
  return text;
}

test('only a terminal that can is drawn on; a pipe and a dumb terminal get a line for each thing that is finished', () => {
  const lines = '+   a/1\nPlan: 1 to create; 0 unchanged.\nmade     a/1\n';
  assert.equal(written({}, { TERM: 'xterm' }), lines);
  assert.equal(written({ isTTY: true }, { TERM: 'dumb' }), lines);
  assert(written({ isTTY: true }, { TERM: 'xterm' }).includes(`${CSI}2F${CLEAR}`));
});

test('without colours it is still drawn in place', () => {
  const text = written({ isTTY: true }, { TERM: 'xterm', NO_COLOR: '1' });
  assert(text.includes(`${CSI}2F${CLEAR}`));
  assert.deepEqual(
    [
      ...new Set(
        text
          .split(CSI)
          .slice(1)
          .map((rest) => (rest[0] === 'J' ? 'J' : rest.slice(0, 2))),
      ),
    ],
    ['2F', 'J'],
  );
});

test('NDJSON has a line for each event, on a terminal too', () => {
  const text = written({ isTTY: true }, { TERM: 'xterm' }, { json: true, quiet: false });
  const types = text
    .trimEnd()
    .split('\n')
    .map((line) => (JSON.parse(line) as Event).type);
  assert.deepEqual(types, ['change', 'planned', 'start', 'done']);
});
