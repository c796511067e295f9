import { closeSync, constants, fchownSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { ObError } from './error.ts';
import { environmentOf, runHook } from './hooks.ts';
import { INIT_SCRIPT, type Subhost } from './hosts.ts';

const NEW_FILE = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;

/** It is a start entry like any other: stopping is no business of it. */
const HEAD = '#!/bin/sh\n[ "$1" = start ] || exit 0\n';

/** With that a script written for overlay-boot becomes PID 1 in the end. Here PID 1 is there already. */
const HAND_OVER = /^[ \t]*exec[ \t]+\/\.reaper\b.*$/gm;

/** Lets a command print what a subhost is to run, and puts that into its root. Without such a command: nothing. */
export async function writeInitScript(scope: string, subhost: Subhost): Promise<void> {
  const command = subhost.hooks?.init;
  if (!command) return;
  const printed = await runHook('init', command, subhost.base, environmentOf(scope, subhost));
  if (printed.trim() === '') throw new ObError(`init: ${command.join(' ')} printed nothing`, { hint: 'start: none starts nothing' });
  // Right in the root directory: nothing that the subhost has written can lead elsewhere from there.
  const path = `${subhost.live}${INIT_SCRIPT}`;
  rmSync(path, { force: true });
  const file = openSync(path, NEW_FILE, 0o700);
  try {
    fchownSync(file, subhost.userns ?? 0, subhost.userns ?? 0);
    writeFileSync(file, `${HEAD}${printed.replace(HAND_OVER, 'exit 0')}\n`);
  } finally {
    closeSync(file);
  }
}
