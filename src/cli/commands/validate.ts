import { showPath } from '../../planner/hosts/show.ts';
import { ExitCode } from '../../resources/error.ts';
import type { Command } from '../command.ts';
import { findHostsFiles, readFiles } from '../session.ts';

export const validate: Command = {
  name: 'validate',
  positionals: '[file..]',
  summary: 'Check a hosts file; every problem with line and column',
  options: [],
  examples: [
    ['ob validate', 'Checks ./hosts.yaml or /etc/ob/hosts.yaml'],
    ['ob validate demo.yaml && ob apply demo.yaml', 'Exit 65 if anything is wrong with it'],
  ],
  needsRoot: false,

  async run(args, { stdout }) {
    const paths = findHostsFiles(args.files);
    const file = await readFiles(paths);
    const cables = file.subhosts.reduce((sum, subhost) => sum + subhost.cables.length, 0);
    stdout.write(
      `${paths.map(showPath).join(', ')}: fine: ${count(file.subhosts.length, 'subhost')}, ${count(cables, 'cable')}, ${count(file.bridges.length, 'bridge')}\n`,
    );
    return ExitCode.ok;
  },
};

function count(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? '' : 's'}`;
}
