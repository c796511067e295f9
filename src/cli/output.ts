import type { Sink } from './events.ts';
import { createProgress, type Screen } from './progress.ts';
import { createPaint, type Paint } from './style.ts';
import { textOf } from './text.ts';

/** Where a command's words go. `stop` when the last has been said. */
export interface Output {
  readonly sink: Sink;
  readonly paint: Paint;
  readonly stop: () => void;
}

/** NDJSON, a display in place on a terminal, or one line for each thing that is finished. */
export function createOutput(isJson: boolean, stream: NodeJS.WriteStream, env: NodeJS.ProcessEnv): Output {
  const paint = createPaint(stream, env);
  const stop = (): void => {};
  if (isJson) return { sink: (event) => void stream.write(`${JSON.stringify(event)}\n`), paint, stop };
  if (stream.isTTY && env['TERM'] !== 'dumb') {
    return { ...createProgress(toScreen(stream), paint), paint };
  }
  return { sink: (event) => textOf(event, paint).forEach((line) => void stream.write(`${line}\n`)), paint, stop };
}

/** A terminal whose size may change at any time; one that does not tell it has that of a VT100. */
function toScreen(stream: NodeJS.WriteStream): Screen {
  return {
    write: (text) => void stream.write(text),
    get columns() {
      return stream.columns || 80;
    },
    get rows() {
      return stream.rows || 24;
    },
  };
}
