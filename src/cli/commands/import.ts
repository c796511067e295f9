import { importConfFiles, isConf } from '../../planner/conf/read.ts';
import { ExitCode, ObError } from '../../resources/error.ts';
import type { Command } from '../command.ts';
import { warn } from '../session.ts';

export const importConfs: Command = {
  name: 'import',
  positionals: '<file..>',
  summary: 'Print the hosts file that says what files of overlay-boot say',
  options: [],
  examples: [
    ['ob import /opt/subhost/*/*.conf >hosts.yaml', 'Comments stay; what has no word yet is named on stderr'],
    ['ob import /etc/subhosts.conf >hosts.yaml', 'All subhosts that are started at boot'],
  ],
  needsRoot: false,

  async run({ files }, { stdout }) {
    const other = files.find((file) => !isConf(file));
    if (other !== undefined)
      throw new ObError(`${other} is no file of overlay-boot: its name does not end in .conf`, { exitCode: ExitCode.usage });
    stdout.write(importConfFiles(files, warn));
    return ExitCode.ok;
  },
};
