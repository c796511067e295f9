import { ObError } from '../resources/error.ts';
import { findProgram } from '../resources/programs.ts';
import { runAttached } from '../resources/run.ts';

export function isRoot(): boolean {
  return process.getuid?.() === 0;
}

export function needRoot(): void {
  if (isRoot()) return;
  throw new ObError('this needs root, and there is no sudo on this machine', { hint: 'run it as root: su -c "ob ..."' });
}

/** Runs the same command again as root, as overlay-boot does, and gives its exit code; undefined: there is no sudo. */
export async function runThroughSudo(): Promise<number | undefined> {
  if (!findProgram('sudo')) return undefined;
  process.stderr.write('ob: this needs root: running it again through sudo\n');
  const [, ...words] = process.argv;
  // sudo clears the environment.
  const colour = process.env['NO_COLOR'] ? ['env', `NO_COLOR=${process.env['NO_COLOR']}`] : [];
  return (await runAttached('sudo', ['-u', 'root', '--', ...colour, process.execPath, ...process.execArgv, ...words])).exitCode;
}
