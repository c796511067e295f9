/**
 * The one error that `ob` itself raises. `message` says what failed in the failing program's own words,
 * `hint` what to do about it. Anything else that is thrown is a bug in `ob`.
 */
export class ObError extends Error {
  readonly hint: string | undefined;
  readonly exitCode: number;
  override readonly name = 'ObError';

  constructor(message: string, options: { hint?: string; exitCode?: number; cause?: unknown } = {}) {
    super(message, { cause: options.cause });
    this.hint = options.hint;
    this.exitCode = options.exitCode ?? ExitCode.failed;
  }
}

/** sysexits.h where it has a word for it (64, 65, 75); 130 is a shell's 128 + SIGINT. */
export const ExitCode = {
  ok: 0,
  failed: 1,
  changesPending: 2,
  usage: 64,
  badFile: 65,
  locked: 75,
  interrupted: 130,
} as const;

/** True for an error of the system with this code, e.g. `ENOENT`. */
export function hasCode(error: unknown, ...codes: string[]): boolean {
  return error instanceof Error && 'code' in error && codes.includes(String(error.code));
}

/** Whatever was thrown, as an error to show: in the system's own words where it was the system, else as a bug. */
export function toObError(error: unknown): ObError {
  if (error instanceof ObError) return error;
  if (error instanceof Error && 'syscall' in error) return new ObError(error.message, { cause: error });
  const words = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return new ObError(`this is a bug in ob: ${words}`, { cause: error });
}

/** Text of whatever was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Of what was not begun because the run is to end. */
export function interrupted(): ObError {
  return new ObError('interrupted', { exitCode: ExitCode.interrupted });
}
