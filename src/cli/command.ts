import type { Output } from './output.ts';

/** Everything that a command line can say; each command asks for its own. */
export interface Args {
  /** One hosts file, or any number of overlay-boot's; none: where one usually is. */
  readonly files: readonly string[];
  readonly names: readonly string[];
  /** What follows `--`, of a command that takes that. */
  readonly command: readonly string[];
  readonly limit: readonly string[];
  readonly json: boolean;
  readonly parallel: number;
  readonly lockTimeout: number;
  readonly allowEmpty: boolean;
  readonly detailedExitcode: boolean;
  readonly scope?: string;
  /** One of the command's `actions`. */
  readonly action?: string;
  readonly quiet: boolean;
  readonly every?: string;
  readonly detectOnly: boolean;
  readonly follow: boolean;
  readonly boot: boolean;
  /** Seconds. */
  readonly for?: number;
  readonly why?: string;
  /** Also what a person holds. */
  readonly held: boolean;
  /** Seconds in which the run has to be confirmed. */
  readonly confirm?: number;
  readonly watchdog: boolean;
  readonly rollbackOnFailure: boolean;
  /** Where the plan is kept. */
  readonly out?: string;
  /** Stop what runs, and start it again. */
  readonly restart: boolean;
  /** Take over what overlay-boot runs. */
  readonly adopt: boolean;
  /** What overlay-boot runs, not its files. */
  readonly running: boolean;
  /** `-o`: how the answer is written. */
  readonly format?: Format;
}

export type Format = 'wide' | 'json';

/** What a command works with, beside its arguments. */
export interface Context {
  readonly output: Output;
  readonly stdout: NodeJS.WriteStream;
  /** Of what changes the machine; aborted by the first Ctrl-C: nothing new is begun then. */
  readonly signal: AbortSignal;
  /** As it was called, for the lock. */
  readonly commandLine: string;
}

export type OptionName = Exclude<keyof Args, 'files' | 'names' | 'command' | 'action'> | 'file';

/** One word of the command line: its file says all that there is to know about it. */
export interface Command {
  readonly name: string;
  /** yargs' notation, e.g. `[file]`. */
  readonly positionals: string;
  /** What the first word may be; `positionals` begins with the same words. */
  readonly actions?: readonly string[];
  readonly summary: string;
  readonly options: readonly OptionName[];
  readonly examples: readonly (readonly [string, string])[];
  readonly needsRoot: boolean;
  /** Signals let it end what it has begun. */
  readonly changes?: boolean;
  /** All that it says is events: `--json` prints each as a line. */
  readonly tellsEvents?: boolean;
  /** These events are all that it prints, also without `--json`. */
  readonly isStream?: boolean;
  /** What follows `--` is a command for it to run. */
  readonly takesCommand?: boolean;
  /** Gives the exit code. */
  run(args: Args, context: Context): Promise<number>;
}
