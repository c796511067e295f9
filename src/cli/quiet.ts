import type { ChangeEvent, Event, Sink, StepEvent } from './events.ts';
import { quietLine, stalledLine } from './text.ts';

interface Quiet {
  readonly sink: Sink;
  readonly warn: (text: string) => void;
  readonly stop: () => void;
}

/**
 * Holds events back until the last has been said: nothing if nothing had to be done, a line for each change if all
 * went well, else everything, as if nobody had asked for silence. FULL shows an event in full; LINE writes a line:
 * left out, whatever is told is told in full. WARN: where warnings of a file go, if the run is told in full.
 */
export function createQuiet(full: Sink, warn: (text: string) => void, line?: (text: string) => void): Quiet {
  let held: Event[] = [];
  let warnings: string[] = [];
  return {
    sink: (event) => void held.push(event),
    warn: (text) => void warnings.push(text),
    stop() {
      const events = held;
      held = [];
      const steps = stepsIn(events);
      const stalled = events.filter((event) => event.type === 'stalled');
      if (steps === 0 && stalled.length === 0 && !events.some(({ type }) => type === 'error' || type === 'adopted')) return;
      if (line && isWell(events, steps)) for (const text of [...stalled.map(stalledLine), ...changeLines(events)]) line(text);
      else {
        warnings.forEach(warn);
        events.forEach(full);
      }
      warnings = [];
    },
  };
}

/** What is in the way counts as something to do. */
function stepsIn(events: readonly Event[]): number {
  const planned = events.find((event) => event.type === 'planned');
  return planned ? planned.steps + planned.blocked : 0;
}

/** Every step was done, and the look after the run came to its end. `ob plan` does no step: its product is the plan. */
function isWell(events: readonly Event[], steps: number): boolean {
  const isDone = events.filter(({ type }) => type === 'done').length === steps;
  const isOver = events.some(({ type }) => type === (steps === 0 ? 'planned' : 'recap'));
  const bad: readonly Event['type'][] = ['adopted', 'blocked', 'failed', 'skipped', 'differs', 'interrupted', 'rollback', 'error'];
  return isDone && isOver && !events.some(({ type }) => bad.includes(type));
}

function changeLines(events: readonly Event[]): string[] {
  const ends = events.filter((event): event is StepEvent => event.type === 'done');
  const changes = events.filter((event): event is ChangeEvent => event.type === 'change');
  return changes.map((change) =>
    quietLine(
      change,
      ends.filter(({ address }) => address === change.address),
    ),
  );
}
