import type { Event, Sink } from './events.ts';
import { printable } from './printable.ts';
import type { Paint } from './style.ts';
import { textOf } from './text.ts';

/** What the display needs of a terminal. */
export interface Screen {
  readonly columns: number;
  readonly rows: number;
  write(text: string): void;
}

interface Running {
  readonly since: number;
  readonly text: string;
}

/** Where a run is. */
interface State {
  readonly begin: number;
  readonly running: Map<string, Running>;
  /** Of each address the number of steps that have not begun. */
  readonly waiting: Map<string, number>;
  total: number;
  ended: number;
}

const MAX_RUNNING_LINES = 8;
const REDRAW_MS = 100;

/**
 * Draws events in place: what is finished scrolls by, below it stands what runs and since when, and what waits.
 * `stop` leaves the screen as if only finished lines had been printed.
 */
export function createProgress(screen: Screen, paint: Paint, now: () => number = Date.now): { sink: Sink; stop: () => void } {
  const state: State = { begin: now(), running: new Map(), waiting: new Map(), total: 0, ended: 0 };
  let isOver = false;
  let drawn = 0;

  /** ABOVE: lines that are to stay. In one write, or a terminal might show the screen half drawn. */
  const redraw = (above: readonly string[]): void => {
    // Up by that many lines, to the first column (a Ctrl-C shows as ^C there), and clear to the end: ECMA-48 CPL and ED.
    const erase = drawn > 0 ? `\u001b[${drawn}F\u001b[J` : '';
    const region = isOver ? [] : regionLines(state, screen, now()).map((line) => paint('dim', cut(line, screen.columns - 1)));
    drawn = region.length;
    const text = [...above, ...region].map((line) => `${line}\n`).join('');
    if (erase || text) screen.write(erase + text);
  };
  const timer = setInterval(() => redraw([]), REDRAW_MS);
  timer.unref();

  return {
    sink(event) {
      follow(state, event, now());
      redraw(textOf(event, paint));
    },
    stop() {
      clearInterval(timer);
      isOver = true;
      redraw([]);
    },
  };
}

function follow(state: State, event: Event, now: number): void {
  const { running, waiting } = state;
  switch (event.type) {
    case 'change':
      // A removal and a making anew.
      waiting.set(event.address, event.action === 'restart' || event.action === 'replace' ? 2 : 1);
      break;
    case 'planned':
      state.total = event.steps;
      break;
    case 'start':
      begin(waiting, event.address);
      running.set(event.address, { since: now, text: event.verb === 'remove' ? 'removing' : '' });
      break;
    case 'say': {
      const one = running.get(event.address);
      if (one) running.set(event.address, { ...one, text: event.text });
      break;
    }
    case 'done':
    case 'failed':
    case 'skipped':
      state.ended++;
      if (!running.delete(event.address)) begin(waiting, event.address);
      break;
    default:
  }
}

/** One step of it waits no longer. */
function begin(waiting: Map<string, number>, address: string): void {
  const left = (waiting.get(address) ?? 0) - 1;
  if (left > 0) waiting.set(address, left);
  else waiting.delete(address);
}

/** Nothing before the first step has begun, and nothing after the last has ended. */
function regionLines({ begin, running, waiting, total, ended }: State, { rows }: Screen, now: number): string[] {
  if (running.size === 0 && (ended === 0 || ended === total)) return [];
  // The cursor cannot go up further than to the first row.
  const room = Math.max(0, Math.min(MAX_RUNNING_LINES, rows - 3));
  const shown = [...running].slice(0, room);
  const more = running.size - shown.length;
  const next = [...waiting.keys()].filter((address) => !running.has(address)).join(', ');
  const sum = `${ended} of ${total} steps ended, ${running.size} running, ${total - ended - running.size} waiting`;
  return [
    ...shown.map(([address, one]) => `  ${seconds(now - one.since)}  ${address}  ${one.text}`.trimEnd()),
    ...(more > 0 ? [`         and ${more} more`] : []),
    `${seconds(now - begin)}: ${sum}${next && `: ${next}`}`,
  ];
}

function seconds(milliseconds: number): string {
  return `${(milliseconds / 1000).toFixed(1).padStart(5)} s`;
}

/**
 * As much of a line as surely fits: one that is wrapped could not be erased. From Hangul on, characters may take two
 * columns; a line that is too short by some does no harm.
 */
function cut(line: string, columns: number): string {
  let width = 0;
  let fits = '';
  for (const character of printable(line)) {
    width += (character.codePointAt(0) ?? 0) < 0x1100 ? 1 : 2;
    if (width > columns) break;
    fits += character;
  }
  return fits;
}
