import { runInside } from '../../resources/enter.ts';
import type { Command } from '../command.ts';
import { findRunning } from '../running.ts';
import { newLook, REAPER } from '../session.ts';

/** A login shell of the subhost's root, bash if there is one. */
const SHELL = ['/bin/sh', '-c', 'command -v bash >/dev/null && exec bash -l; exec sh -l'];

export const enter: Command = {
  name: 'enter',
  positionals: '<name>',
  summary: 'Open a shell in a running subhost, on a terminal of its own',
  options: ['scope'],
  examples: [['ob enter web', 'Until exit or Ctrl-D']],
  needsRoot: true,

  run: ({ names: [name = ''], scope }) => runInside(REAPER, findRunning(newLook(), name, scope), SHELL),
};
