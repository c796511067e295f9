import { resolve } from 'node:path';
import { ExitCode } from '../../resources/error.ts';
import { needProgram } from '../../resources/programs.ts';
import type { Command } from '../command.ts';
import { findHostsFiles, WATCHER } from '../session.ts';
import { keepWatch } from '../watch/loop.ts';

export const watch: Command = {
  name: 'watch',
  positionals: '[file..]',
  summary: 'Stay, and repair what drifts as soon as it does',
  options: ['limit', 'parallel', 'allowEmpty'],
  examples: [
    ['ob watch', 'Until Ctrl-C; one line of JSON for each repair'],
    ['kill -HUP PID', 'Read the hosts file anew at once'],
  ],
  needsRoot: true,
  changes: true,
  tellsEvents: true,
  isStream: true,

  async run(args, context) {
    needProgram(WATCHER);
    let isTerminated = false;
    process.once('SIGTERM', () => {
      isTerminated = true;
    });
    await keepWatch(
      findHostsFiles(args.files).map((path) => resolve(path)),
      args,
      context,
    );
    // Whoever ends a service so means that all is well.
    return isTerminated ? ExitCode.ok : ExitCode.interrupted;
  },
};
