import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { Event, StepEvent } from '../../src/cli/events.ts';
import { createProgress } from '../../src/cli/progress.ts';

/** Begin of a control sequence, and the one that clears to the end: ECMA-48. */
const CSI = '\u001b[';
const CLEAR = `${CSI}J`;

function splitAt(text: string, at: number): [string, string] {
  return [text.slice(0, at), text.slice(at)];
}

/** A terminal that knows what progress needs: lines, cursor up, clear to the end. */
interface Terminal {
  columns: number;
  rows: number;
  write(text: string): void;
  /** All that has been written and not erased. */
  readonly lines: string[];
  writes: number;
}

function createTerminal(size: { columns?: number; rows?: number } = {}): Terminal {
  const terminal: Terminal = {
    columns: 80,
    rows: 24,
    ...size,
    lines: [],
    writes: 0,
    write(text) {
      terminal.writes++;
      const [erase, rest] = text.startsWith(CSI) ? splitAt(text, text.indexOf(CLEAR) + CLEAR.length) : ['', text];
      const up = Number(erase.slice(CSI.length, -`F${CLEAR}`.length));
      assert(!erase || erase.endsWith(`F${CLEAR}`), 'a ^C that the terminal shows would stay in the first columns');
      assert(up < terminal.rows, 'the cursor cannot go up that far');
      terminal.lines.length -= up;
      assert(rest === '' || rest.endsWith('\n'), 'a line is left open');
      terminal.lines.push(...rest.split('\n').slice(0, -1));
    },
  };
  return terminal;
}

interface Display {
  readonly terminal: Terminal;
  readonly tell: (...events: Event[]) => void;
  readonly stop: () => void;
  /** Lets time go by; the display is drawn anew every tenth of a second. */
  readonly pass: (milliseconds: number) => void;
}

function createDisplay(t: TestContext, size?: { columns?: number; rows?: number }): Display {
  t.mock.timers.enable({ apis: ['setInterval', 'Date'] });
  const terminal = createTerminal(size);
  const { sink, stop } = createProgress(terminal, (_, text) => text);
  return { terminal, tell: (...events) => events.forEach(sink), stop, pass: (milliseconds) => t.mock.timers.tick(milliseconds) };
}

function change(address: string, action: StepEvent['action'] = 'create'): Event {
  return { type: 'change', address, subhost: null, action, summary: '', fields: [], because: [] };
}

function planned(steps: number): Event {
  return { type: 'planned', counts: { create: steps }, blocked: 0, unchanged: 0, steps };
}

function start(address: string, verb: StepEvent['verb'] = 'converge'): Event {
  return { type: 'start', verb, address };
}

function end(address: string, options: Partial<StepEvent> = {}): StepEvent {
  return { type: 'done', verb: 'converge', action: 'create', address, subhost: null, seconds: 0, ...options };
}

test('what runs stands below with how long it has, then what waits', (t) => {
  const { terminal, tell, pass } = createDisplay(t);
  tell(change('netns/web'), change('mount/web'), change('process/web'), planned(3));
  pass(1000);
  tell(start('netns/web'), start('mount/web'));
  pass(500);
  assert.deepEqual(terminal.lines.slice(4), [
    '    0.5 s  netns/web',
    '    0.5 s  mount/web',
    '  1.5 s: 0 of 3 steps ended, 2 running, 1 waiting: process/web',
  ]);
  tell(end('netns/web'));
  pass(1000);
  assert.deepEqual(terminal.lines.slice(4), [
    'made     netns/web',
    '    1.5 s  mount/web',
    '  2.5 s: 1 of 3 steps ended, 1 running, 1 waiting: process/web',
  ]);
});

test('what is said of something that runs stands beside it, the last word only', (t) => {
  const { terminal, tell } = createDisplay(t);
  tell(change('process/web', 'restart'), planned(2), start('process/web', 'remove'));
  assert.equal(terminal.lines.at(-2), '    0.0 s  process/web  removing');
  tell({ type: 'say', address: 'process/web', text: 'starting ssh' }, { type: 'say', address: 'process/db', text: 'nobody' });
  assert.equal(terminal.lines.at(-2), '    0.0 s  process/web  starting ssh');
});

test('what is made anew waits for its second step while nothing of it runs', (t) => {
  const { terminal, tell } = createDisplay(t);
  tell(change('process/web', 'restart'), change('netns/db'), planned(3), start('process/web', 'remove'));
  assert.equal(terminal.lines.at(-1), '  0.0 s: 0 of 3 steps ended, 1 running, 2 waiting: netns/db');
  tell(end('process/web', { verb: 'remove', action: 'restart' }), start('netns/db'));
  assert.equal(terminal.lines.at(-1), '  0.0 s: 1 of 3 steps ended, 1 running, 1 waiting: process/web');
});

test('what is skipped waits no longer, begun or not', (t) => {
  const { terminal, tell } = createDisplay(t);
  tell(change('a/1'), change('a/2'), change('a/3'), planned(3), start('a/1'), start('a/2'));
  tell(end('a/1', { type: 'skipped', because: 'interrupted' }), end('a/3', { type: 'skipped', because: 'interrupted' }));
  assert.equal(terminal.lines.at(-1), '  0.0 s: 2 of 3 steps ended, 1 running, 0 waiting');
});

test('nothing is drawn before the first step, after the last, and after the end', (t) => {
  const { terminal, tell, stop, pass } = createDisplay(t);
  tell(change('a/1'), change('a/2'), planned(2));
  pass(1000);
  assert.deepEqual(terminal.lines, ['+   a/1', '+   a/2', 'Plan: 2 to create; 0 unchanged.']);
  tell(start('a/1'), end('a/1'));
  assert.equal(terminal.lines.length, 5);
  tell(start('a/2'), end('a/2'));
  assert.deepEqual(terminal.lines.slice(3), ['made     a/1', 'made     a/2']);
  stop();
  const { writes } = terminal;
  pass(1000);
  assert.equal(terminal.writes, writes);
});

test('the end erases what is drawn, also half-way', (t) => {
  const { terminal, tell, stop } = createDisplay(t);
  tell(change('a/1'), change('a/2'), planned(2), start('a/1'), end('a/1'), start('a/2'));
  assert.equal(terminal.lines.length, 6);
  stop();
  assert.deepEqual(terminal.lines.slice(3), ['made     a/1']);
  tell({ type: 'interrupted' });
  assert.match(terminal.lines.at(-1) ?? '', /^interrupted: /);
});

const MANY = Array.from({ length: 20 }, (_, index) => `veth/web${index}`);

test('of many that run the first eight are shown', (t) => {
  const { terminal, tell } = createDisplay(t);
  tell(planned(20), ...MANY.map((address) => start(address)));
  assert.equal(terminal.lines.length, 1 + 8 + 2);
  assert.deepEqual(terminal.lines.slice(-3), [
    '    0.0 s  veth/web7',
    '         and 12 more',
    '  0.0 s: 0 of 20 steps ended, 20 running, 0 waiting',
  ]);
});

test('fewer are shown where the screen has fewer lines', (t) => {
  const { terminal, tell, pass } = createDisplay(t, { rows: 5 });
  tell(planned(20), ...MANY.map((address) => start(address)));
  pass(100);
  assert.deepEqual(terminal.lines.slice(1, -1), ['    0.1 s  veth/web0', '    0.1 s  veth/web1', '         and 18 more']);
});

test('no line that is to be erased is wider than the screen, whatever the characters', (t) => {
  const { terminal, tell, pass } = createDisplay(t, { columns: 40 });
  const addresses = Array.from({ length: 30 }, (_, index) => `process/subhost${index}`);
  tell(...addresses.map((address) => change(address)), planned(30), start('process/subhost0'));
  const last = (): string => terminal.lines.at(-2) ?? '';
  assert.equal(terminal.lines.at(-1)?.length, 39);
  for (const text of ['x'.repeat(100), '漢字'.repeat(50), '👩‍👩‍👧'.repeat(20), `${'ü'.repeat(100)}`]) {
    tell({ type: 'say', address: 'process/subhost0', text });
    const width = [...last()].reduce((sum, character) => sum + ((character.codePointAt(0) ?? 0) < 0x1100 ? 1 : 2), 0);
    assert(width <= 39 && width >= 38, `${width}: ${last()}`);
  }
  terminal.columns = 20;
  pass(100);
  assert.equal(terminal.lines.at(-1)?.length, 19);
});

test('what is said cannot move the cursor', (t) => {
  const { terminal, tell } = createDisplay(t);
  tell(change('a/1'), planned(1), start('a/1'), { type: 'say', address: 'a/1', text: 'up\u001b[5A\nand down' });
  assert.equal(terminal.lines.at(-2), '    0.0 s  a/1  up\\x1b[5A\\x0aand down');
});

test('it is drawn in one write at a time', (t) => {
  const { terminal, tell, pass } = createDisplay(t);
  tell(change('a/1'), planned(1), start('a/1'));
  const { writes } = terminal;
  pass(300);
  assert.equal(terminal.writes, writes + 3);
  tell(end('a/1'));
  assert.equal(terminal.writes, writes + 4);
});
