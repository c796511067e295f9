import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import type { Ran, TestMachine } from '../machine.ts';
import { HOSTS, linesOf } from './helpers.ts';

export const SCRIPT = '/etc/init.d/ob-boot-demo';
export const UNIT = '/etc/systemd/system/ob-boot-demo.service';

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

/** All that is in /etc, by name, type, mode and content; without numbers by which insserv orders links, and its notes. */
export async function listEtc(machine: TestMachine): Promise<string[]> {
  const listed = await machine.sh(`
    cd /etc
    find . ! -path './init.d/.depend.*' -printf '%p %y %m %l\\n' | sed 's#^\\(./rc..d/[SK]\\)[0-9][0-9]#\\1#' | sort
    find cron.d init.d systemd ! -name '.depend.*' -type f -exec sha256sum {} + | sort -k2`);
  return listed.split('\n');
}

/** Why a test that needs a program is left out, or undefined. */
export function lacking(...paths: readonly string[]): string | undefined {
  const missing = paths.find((path) => !existsSync(path));
  return missing && `${missing} is not on this machine: scripts/test-tools installs it`;
}

export async function prepare(machine: TestMachine, init: 'systemd' | 'sysvinit'): Promise<void> {
  await coverEtc(machine, init);
  machine.write('/mnt/hosts.yaml', HOSTS);
}

/** Must succeed; gives what it printed. */
export async function installBoot(machine: TestMachine, ...words: string[]): Promise<string> {
  const ran = await machine.ob('boot', 'install', ...words);
  assert.equal(ran.code, 0, ran.stderr);
  return ran.stdout;
}

/** As init(8) runs a script: no terminal, next to no environment. */
export function asInit(machine: TestMachine, script: string, word: string, runlevel = '2'): Promise<Ran> {
  const env = { PATH: '/sbin:/usr/sbin:/bin:/usr/bin', RUNLEVEL: runlevel, PREVLEVEL: 'N', TERM: 'linux' };
  return machine.run(script, [word], { env, cwd: '/' });
}

/** What init(8) follows, without the numbers. */
export async function linksOf(machine: TestMachine): Promise<string[]> {
  return linesOf(await machine.sh(`cd /etc && find rc?.d -name '[SK][0-9][0-9]ob-boot-*' | sed 's/[0-9][0-9]ob/ob/' | sort`));
}

export const LINKS = [
  ...['0', '1'].map((level) => `rc${level}.d/Kob-boot-demo`),
  ...['2', '3', '4', '5'].map((level) => `rc${level}.d/Sob-boot-demo`),
  'rc6.d/Kob-boot-demo',
];
