import type { Event, Sink } from './events.ts';
import type { Paint } from './style.ts';
import { textOf } from './text.ts';

/** What the display needs of a terminal. */
export interface Screen {
  readonly columns: number;
  write(text: string): void;
}

interface Running {
  readonly since: number;
  text: string;
}

const MAX_LINES = 8;
const REDRAW_MS = 100;

/**
 * Draws events in place: what is finished scrolls by, below it stands what runs and since when, and how much
 * waits. `stop` leaves the screen as if only finished lines had been printed.
 */
export function createProgress(screen: Screen, paint: Paint, now: () => number = Date.now): { sink: Sink; stop: () => void } {
  const begin = now();
  const running = new Map<string, Running>();
  let total = 0;
  let ended = 0;
  let drawn = 0;

  const erase = (): void => {
    // Up by that many lines, and clear to the end of the screen: ECMA-48 CUU and ED.
    if (drawn > 0) screen.write(`\u001b[${drawn}A\u001b[J`);
    drawn = 0;
  };
  const draw = (): void => {
    if (total === 0 || ended === total) return;
    const lines = regionLines(running, { begin, ended, total }, now()).map((line) => paint('dim', line.slice(0, screen.columns - 1)));
    screen.write(`${lines.join('\n')}\n`);
    drawn = lines.length;
  };
  const timer = setInterval(() => {
    erase();
    draw();
  }, REDRAW_MS);
  timer.unref();

  const sink: Sink = (event) => {
    if (event.type === 'planned') total = event.steps;
    else if (event.type === 'start') running.set(event.address, { since: now(), text: event.verb === 'remove' ? 'removing' : '' });
    else if (event.type === 'say') Object.assign(running.get(event.address) ?? {}, { text: event.text });
    else if (isEnd(event)) {
      ended++;
      running.delete(event.address);
    }
    erase();
    for (const line of textOf(event, paint)) screen.write(`${line}\n`);
    draw();
  };
  const stop = (): void => {
    clearInterval(timer);
    erase();
    total = 0;
  };
  return { sink, stop };
}

function isEnd(event: Event): event is Event & { address: string } {
  return event.type === 'done' || event.type === 'failed' || event.type === 'skipped';
}

function regionLines(running: ReadonlyMap<string, Running>, sum: { begin: number; ended: number; total: number }, now: number): string[] {
  const shown = [...running].slice(0, MAX_LINES);
  const more = running.size - shown.length;
  const waiting = sum.total - sum.ended - running.size;
  return [
    ...shown.map(([address, one]) => `  ${seconds(now - one.since)}  ${address}  ${one.text}`.trimEnd()),
    ...(more > 0 ? [`         and ${more} more`] : []),
    `${seconds(now - sum.begin)}: ${sum.ended} of ${sum.total} steps done, ${running.size} running, ${waiting} waiting`,
  ];
}

function seconds(milliseconds: number): string {
  return `${(milliseconds / 1000).toFixed(1).padStart(5)} s`;
}
