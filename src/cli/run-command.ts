import { ExitCode, hasCode, messageOf, ObError, toObError } from '../resources/error.ts';
import type { Args, Command, Context } from './command.ts';
import { type Event, versionEvent } from './events.ts';
import { isHeldForLong } from './lock.ts';
import { createOutput, type Output } from './output.ts';
import { printable } from './printable.ts';
import { isRoot, needRoot, runThroughSudo } from './root.ts';

/** Runs a command as root if it needs that, and gives its exit code. */
export async function runCommand(command: Command, args: Args): Promise<number> {
  if (command.needsRoot && !isRoot()) {
    const exitCode = await runThroughSudo();
    if (exitCode !== undefined) return exitCode;
  }
  const isNdjson = (args.json || command.isStream === true) && command.tellsEvents === true;
  const output = createOutput({ json: isNdjson, quiet: args.quiet }, process.stdout, process.env);
  try {
    if (isNdjson) output.sink(versionEvent(command.name));
    if (command.needsRoot) needRoot();
    return await command.run(args, createContext(command, output));
  } catch (error) {
    // Another run is at work, and will have something to say itself if it must.
    if (args.quiet && error instanceof ObError && error.exitCode === ExitCode.locked && !isHeldForLong()) return ExitCode.locked;
    if (isNdjson) output.sink(errorEvent(error));
    throw error;
  } finally {
    output.stop();
  }
}

function createContext(command: Command, output: Output): Context {
  return {
    output,
    stdout: process.stdout,
    // What only reads ends at once by any signal, as every program does.
    signal: command.changes ? holdSignals(output) : new AbortController().signal,
    commandLine: ['ob', ...process.argv.slice(2)].join(' '),
  };
}

/** Between two presses of a person. The terminal signals all its programs, and npx, sudo and timeout(1) pass that on once more. */
const SAME_SIGNAL_MS = 300;

/** The first Ctrl-C (or TERM) lets what runs come to its end, the second does not wait for it. */
function holdSignals(output: Output): AbortSignal {
  const controller = new AbortController();
  let first = 0;
  const handle = (): void => {
    if (!controller.signal.aborted) {
      first = performance.now();
      controller.abort();
      output.sink({ type: 'interrupted' });
    } else if (performance.now() - first > SAME_SIGNAL_MS) {
      output.stop();
      process.exit(ExitCode.interrupted);
    }
  };
  process.on('SIGINT', handle).on('SIGTERM', handle);
  // The terminal has gone, perhaps with the connection: a run that is half through goes on to its end.
  process.on('SIGHUP', () => {});
  return controller.signal;
}

function errorEvent(error: unknown): Event {
  const hint = error instanceof ObError ? error.hint : undefined;
  return { type: 'error', message: messageOf(error), ...(hint ? { hint } : {}) };
}

/** The only place where errors end. What is neither `ObError` nor the system's is a bug, and is shown in full. Gives the exit code. */
export function report(thrown: unknown): number {
  const error = toObError(thrown);
  // Lines of a bad file begin with its name already, so that an editor can jump there.
  const isList = error.exitCode === ExitCode.badFile && /:\d+:\d+: /.test(error.message);
  // A program's own words may hold what a subhost said.
  const lines = [...error.message.split('\n'), ...(error.hint ? [`    -> ${error.hint}`] : [])].map(printable);
  process.stderr.write(`${isList ? '' : 'ob: '}${lines.join('\n')}\n`);
  return error.exitCode;
}

let isStderrUsed = false;

/** Has all been taken that was written? */
export function isAllSaid(): boolean {
  return process.stdout.writableLength === 0 && (!isStderrUsed || process.stderr.writableLength === 0);
}

/** To make a stream takes as long as to read a small hosts file, and mostly there is nothing to complain of. */
function onFirstUse(name: 'stderr', act: (stream: NodeJS.WriteStream) => void): void {
  const real = Object.getOwnPropertyDescriptor(process, name);
  if (!real) return;
  Object.defineProperty(process, name, {
    configurable: true,
    get() {
      Object.defineProperty(process, name, real);
      act(process[name]);
      return process[name];
    },
  });
}

/** A reader that has gone (`ob apply | head`) must not end an apply half-way; other losses are told at the end. */
export function guardStreams(): void {
  let lost: unknown;
  process.stdout.on('error', (error) => {
    // EIO: so ends a terminal.
    if (!hasCode(error, 'EPIPE', 'EIO')) lost ??= error;
  });
  isStderrUsed = false;
  onFirstUse('stderr', (stream) => {
    isStderrUsed = true;
    stream.on('error', () => {});
  });
  process.on('exit', (code) => {
    if (lost === undefined) return;
    process.stderr.write(`ob: not all could be written: ${messageOf(lost)}\n`);
    if (code === ExitCode.ok) process.exitCode = ExitCode.failed;
  });
}
