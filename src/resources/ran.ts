import { ObError } from './error.ts';

/** How a program ended. `output` and `words` are its stdout and stderr without the last newline. */
export interface Ran {
  readonly ok: boolean;
  readonly exitCode: number | undefined;
  readonly output: string;
  readonly words: string;
  readonly command: string;
  /** What came out of descriptors 3, 4, … that are pipes. */
  readonly more: readonly string[];
}

/** The same as it is told by who has started it. */
export interface Ended {
  readonly failed: boolean;
  readonly timedOut: boolean;
  readonly exitCode?: number | undefined;
  readonly stdout?: unknown;
  readonly stderr?: unknown;
  readonly shortMessage?: string | undefined;
  readonly stdio?: readonly unknown[];
}

/** TIME LIMIT: the one that it had. */
export function toRan(result: Ended, program: string, args: readonly string[], timeLimitMs: number): Ran {
  const command = [program, ...args].join(' ');
  const words = result.timedOut ? `no answer within ${timeLimitMs / 1000} s` : String(result.stderr ?? '');
  return {
    ok: !result.failed,
    exitCode: result.exitCode,
    output: String(result.stdout ?? ''),
    words: words || (result.failed ? (result.shortMessage ?? 'failed') : ''),
    command: command.length > 200 ? `${command.slice(0, 197)}...` : command,
    more: (result.stdio ?? []).slice(3).map((text) => String(text ?? '')),
  };
}

/** The error of a program that failed, with its own words. */
export function failure(ran: Ran, what: string, hint?: string): ObError {
  const status = ran.exitCode === undefined ? '' : ` (exit ${ran.exitCode})`;
  return new ObError(`${what}: ${ran.words.trim() || 'failed without a word'}${status}; ran: ${ran.command}`, hint ? { hint } : {});
}
