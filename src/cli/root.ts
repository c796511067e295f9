import { ObError } from '../resources/error.ts';
import { findProgram, runAttached } from '../resources/run.ts';

/**
 * Makes sure that we are root: undefined if so. Else the same command is run again through sudo, as
 * overlay-boot does, and its exit code given; without sudo there is one clear line.
 */
export async function becomeRoot(): Promise<number | undefined> {
  if (process.getuid?.() === 0) return undefined;
  if (!findProgram('sudo'))
    throw new ObError('this needs root, and there is no sudo on this machine', { hint: 'run it as root: su -c "ob ..."' });
  process.stderr.write('ob: this needs root: running it again through sudo\n');
  const [node = process.execPath, ...words] = process.argv;
  return runAttached('sudo', ['-u', 'root', '--', node, ...words]);
}
