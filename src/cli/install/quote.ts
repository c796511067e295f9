import { ExitCode, ObError } from '../../resources/error.ts';

/** A command line in a unit file: systemd.service(5), "COMMAND LINES". */
export function toExec([program = '', ...words]: readonly string[]): string {
  if (/["'\\]/.test(program))
    throw new ObError(`${program}: systemd runs no program with a quote or a backslash in its path`, { hint: 'install it somewhere else' });
  // Variables have no meaning in the name of the program.
  return [quoteForUnit(program), ...words.map((word) => quoteForUnit(word).replaceAll('$', '$$$$'))].join(' ');
}

/** A word of any other setting that is a list of paths. */
export function quoteForUnit(word: string): string {
  return `"${word.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('%', '%%')}"`;
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
