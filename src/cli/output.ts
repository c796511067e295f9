import type { Sink } from './events.ts';
import { createProgress, type Screen } from './progress.ts';
import { createQuiet } from './quiet.ts';
import { warn } from './session.ts';
import { createPaint, type Paint } from './style.ts';
import { textOf } from './text.ts';

/** Where a command's words go. `stop` when the last has been said. */
export interface Output {
  readonly sink: Sink;
  readonly paint: Paint;
  readonly stop: () => void;
  /** Of something that is passed over: for stderr. */
  readonly warn: (text: string) => void;
}

/** What of it is wanted; both may be. */
export interface Manner {
  /** NDJSON. */
  readonly json: boolean;
  /** Silence when all is well. */
  readonly quiet: boolean;
}

/** NDJSON, a display in place on a terminal, or one line for each thing that is finished. */
export function createOutput({ json, quiet }: Manner, stream: NodeJS.WriteStream, env: NodeJS.ProcessEnv): Output {
  const paint = createPaint(stream, env);
  const { line, stop } = createWriter(stream);
  const tell: Sink = json ? (event) => line(JSON.stringify(event)) : (event) => textOf(event, paint).forEach(line);
  if (quiet) {
    const held = createQuiet(tell, warn, json ? undefined : line);
    const end = (): void => {
      held.stop();
      stop();
    };
    return { ...held, paint, stop: end };
  }
  if (json || !stream.isTTY || env['TERM'] === 'dumb') return { sink: tell, warn, paint, stop };
  return { ...createProgress(toScreen(stream), paint), warn, paint };
}

/** All lines that are said in one go are written at once: of a hundred subhosts that is a system call, not hundreds. */
function createWriter(stream: NodeJS.WriteStream): { line: (text: string) => void; stop: () => void } {
  let waiting = '';
  const stop = (): void => {
    if (waiting) stream.write(waiting);
    waiting = '';
  };
  const line = (text: string): void => {
    if (!waiting) queueMicrotask(stop);
    waiting += `${text}\n`;
  };
  return { line, stop };
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
