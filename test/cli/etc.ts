import { existsSync } from 'node:fs';
import type { TestMachine } from '../machine.ts';

/**
 * /etc and /usr/sbin are the real machine's: from here on, what is written there stays in the test's memory.
 * INIT: what brings the machine up, by what /sbin/init is.
 */
export async function coverEtc(machine: TestMachine, init: 'systemd' | 'sysvinit'): Promise<void> {
  await machine.sh(`
    for dir in /etc /usr/sbin; do
      mkdir -p /mnt/cover$dir /mnt/cover-work$dir
      mount -t overlay -o lowerdir=$dir,upperdir=/mnt/cover$dir,workdir=/mnt/cover-work$dir cover $dir
    done
    [ "$(stat -f -c %T /etc)$(stat -f -c %T /usr/sbin)" = overlayfsoverlayfs ]
    [ "$(readlink -f /sbin)" = /usr/sbin ]
    rm -f /usr/sbin/init
    ln -s ${init === 'systemd' ? '/lib/systemd/systemd' : '/bin/true'} /usr/sbin/init
    mkdir -p /etc/cron.d`);
}

/** All that is in /etc, by name, type, mode and content. Insserv's own notes are left out. */
export function listEtc(machine: TestMachine): Promise<string> {
  return machine.sh(`cd /etc && find . ! -path './init.d/.depend.*' -printf '%p %y %m %l\\n' | sort; cat cron.d/* init.d/* | sha256sum`);
}

/** Why a test that needs a program is left out, or undefined. */
export function lacking(...paths: readonly string[]): string | undefined {
  const missing = paths.find((path) => !existsSync(path));
  return missing && `${missing} is not on this machine: scripts/test-tools installs it`;
}
