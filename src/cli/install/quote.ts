import { ExitCode, ObError } from '../../resources/error.ts';

/** A word of a command line in a unit file: systemd.service(5), "COMMAND LINES", and its specifiers. */
export function quoteForExec(word: string): string {
  return `"${escapeForUnit(word).replaceAll('$', '$$$$')}"`;
}

/** A word of any other setting that is a list of paths: no variables there. */
export function quoteForUnit(word: string): string {
  return `"${escapeForUnit(word)}"`;
}

function escapeForUnit(word: string): string {
  return word.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('%', '%%');
}

/** A word of a command line for sh(1). */
export function quoteForShell(word: string): string {
  return /^[A-Za-z0-9_/.,:=+-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

/** A command line of sh(1) in a crontab(5), where `%` would begin the input of the command. */
export function escapeForCron(line: string): string {
  return line.replaceAll('%', '\\%');
}

/** In every one of these files a line is a line, whatever stands in quotes. */
export function refuseControls(path: string): void {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
  if (!/[\u0000-\u001f\u007f]/.test(path)) return;
  throw new ObError(`${JSON.stringify(path)}: a path with control characters cannot be written there`, { exitCode: ExitCode.badFile });
}
