import { closeSync, constants, openSync, writeSync } from 'node:fs';
import type { TestContext } from 'node:test';
import type { TestMachine } from '../machine.ts';
import { until } from '../reaper/rig.ts';
import { isThere, OB, watch } from './helpers.ts';

const RAN = '/mnt/ran';

/** Puts an `ob` into the machine's PATH that completes as the real one does, and notes what else it is told to do. */
export async function putOb(machine: TestMachine): Promise<void> {
  await machine.sh('mkdir -p /mnt/bin');
  const words = `[ "$1" = completion ] && exec '${OB}' "$@"\nprintf '<%s>' "$@" >>${RAN}; echo >>${RAN}\n`;
  machine.write('/mnt/bin/ob', `#!/bin/sh\n${words}`);
  await machine.sh('chmod 755 /mnt/bin/ob');
}

export interface Shell {
  /** Types keys and Enter; gives the words that `ob` was then called with, as `<one><two>`. */
  type(keys: string): Promise<string>;
  /** All that the terminal has shown. */
  shown(): string;
}

/** An interactive shell on a terminal; its prompt must be `READY>`. */
export async function openShell(t: TestContext, machine: TestMachine, command: string, env: Record<string, string> = {}): Promise<Shell> {
  await machine.sh('mkfifo /mnt/keys');
  // Open at both ends, or it would block until the other end is open.
  const keys = openSync(`/proc/${machine.pid}/root/mnt/keys`, constants.O_RDWR);
  const script = `exec script -qec '${command}' /dev/null </mnt/keys`;
  const base = { PATH: '/mnt/bin:/usr/sbin:/usr/bin:/sbin:/bin', TERM: 'xterm', HOME: '/mnt' };
  const shell = watch(machine.start('sh', ['-c', script], { cwd: '/mnt', env: { ...base, ...env } }));
  t.after(async () => {
    writeSync(keys, '\u0003\u0004exit\r');
    closeSync(keys);
    await shell.ended;
  });
  const prompts = (): number => shell.said().split('READY>').length - 1;
  await until('the shell is ready', () => prompts() > 0, 20);
  return {
    shown: shell.said,
    async type(text) {
      await machine.sh(`rm -f ${RAN}`);
      writeSync(keys, `${text}\r`);
      await until(
        `${JSON.stringify(text)} ran; the terminal shows ${shell.said().slice(-500)}`,
        () => isThere(machine, RAN) && machine.read(RAN).endsWith('\n'),
        20,
      );
      return machine.read(RAN).trimEnd();
    },
  };
}
