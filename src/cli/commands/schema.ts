import { hostsFileSchema } from '../../planner/hosts/format.ts';
import { ExitCode } from '../../resources/error.ts';
import type { Command } from '../command.ts';

export const schema: Command = {
  name: 'schema',
  positionals: '',
  summary: 'Print the JSON Schema of a hosts file, for editors',
  options: [],
  examples: [['ob schema >hosts.schema.json', 'Then, first line of hosts.yaml: # yaml-language-server: $schema=hosts.schema.json']],
  needsRoot: false,

  async run(_args, { stdout }) {
    stdout.write(`${JSON.stringify(hostsFileSchema, null, 2)}\n`);
    return ExitCode.ok;
  },
};
