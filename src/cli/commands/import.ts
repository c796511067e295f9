import { importConfFiles, isConf } from '../../planner/conf/read.ts';
import { writeRunning } from '../../planner/conf/running.ts';
import { ExitCode, ObError } from '../../resources/error.ts';
import type { Command } from '../command.ts';
import { isRoot, needRoot, runThroughSudo } from '../root.ts';
import { describeForeign } from '../running-foreign.ts';
import { newLook, warn } from '../session.ts';

export const importConfs: Command = {
  name: 'import',
  positionals: '[file..]',
  summary: 'Print the hosts file that says what files of overlay-boot say',
  options: ['running'],
  examples: [
    ['ob import /opt/subhost/*/*.conf >hosts.yaml', 'Comments stay; what has no word yet is named on stderr'],
    ['ob import /etc/subhosts.conf >hosts.yaml', 'All subhosts that are started at boot'],
    ['ob import --running', 'What overlay-boot runs now; what cannot be seen is named on stderr'],
  ],
  needsRoot: false,

  async run({ files, running }, { stdout }) {
    if (files.length > 0 === running)
      throw new ObError('import wants files of overlay-boot, or --running', { hint: 'ob import --help', exitCode: ExitCode.usage });
    if (running) return importRunning(stdout);
    const other = files.find((file) => !isConf(file));
    if (other !== undefined)
      throw new ObError(`${other} is no file of overlay-boot: its name does not end in .conf`, { exitCode: ExitCode.usage });
    stdout.write(importConfFiles(files, warn));
    return ExitCode.ok;
  },
};

/** Of another user's processes only root sees the namespaces. */
async function importRunning(stdout: NodeJS.WriteStream): Promise<number> {
  if (!isRoot()) {
    const exitCode = await runThroughSudo();
    if (exitCode !== undefined) return exitCode;
    needRoot();
  }
  const all = await describeForeign(newLook());
  if (all.length === 0) warn('ob: overlay-boot runs no subhost here');
  stdout.write(writeRunning(all, warn));
  return ExitCode.ok;
}
