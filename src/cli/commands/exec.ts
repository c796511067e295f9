import { runInside } from '../../resources/enter.ts';
import { ExitCode, ObError } from '../../resources/error.ts';
import type { Command } from '../command.ts';
import { findRunning } from '../running.ts';
import { newLook, REAPER } from '../session.ts';

export const exec: Command = {
  name: 'exec',
  positionals: '<name>',
  summary: 'Run a command in a running subhost',
  options: ['scope'],
  examples: [
    ['ob exec web -- ip address', "In web's own namespaces; its exit code is ob's"],
    ['ob exec web -- tar c /etc >etc.tar', 'Streams go through as they are'],
  ],
  needsRoot: true,
  takesCommand: true,

  async run({ names, command, scope }) {
    const [name = ''] = names;
    if (command.length === 0)
      throw new ObError('which command?', { hint: `ob exec ${name} -- COMMAND; a shell: ob enter ${name}`, exitCode: ExitCode.usage });
    return runInside(REAPER, findRunning(newLook(), name, scope), command);
  },
};
