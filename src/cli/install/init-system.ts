import { existsSync, realpathSync } from 'node:fs';
import { basename } from 'node:path';
import { findProgram } from '../../resources/programs.ts';
import { failure } from '../../resources/ran.ts';
import { run } from '../../resources/run.ts';

export type InitSystem = 'systemd' | 'sysvinit';

/** sd_booted(3) */
export function isSystemdRunning(): boolean {
  return existsSync('/run/systemd/system');
}

/** What brings this machine up; also in an image that has not booted yet. Undefined: neither. */
export function findInitSystem(): InitSystem | undefined {
  if (isSystemdRunning()) return 'systemd';
  // Both may be installed: what /sbin/init is decides.
  const init = existsSync('/sbin/init') ? basename(realpathSync('/sbin/init')) : undefined;
  if (init === 'systemd' || (init === undefined && existsSync('/lib/systemd/systemd'))) return 'systemd';
  const canLink = findProgram('update-rc.d') ?? findProgram('insserv');
  return canLink && existsSync('/etc/init.d') ? 'sysvinit' : undefined;
}

/** systemctl(1); where systemd does not run, only what it does with files. */
export async function systemctl(...words: string[]): Promise<void> {
  const ran = await run('systemctl', ['--quiet', ...words]);
  if (!ran.ok) throw failure(ran, `systemctl ${words.join(' ')} failed`);
}

export async function reloadSystemd(): Promise<void> {
  if (isSystemdRunning()) await systemctl('daemon-reload');
}

/** Makes the links in /etc/rc?.d as the header of the script says. */
export async function linkScript(name: string): Promise<void> {
  const ran = findProgram('update-rc.d') ? await run('update-rc.d', [name, 'defaults']) : await run('insserv', [name]);
  if (!ran.ok) throw failure(ran, `cannot enable ${name}`);
}

/** Takes the links away; the script is still there. */
export async function unlinkScript(name: string): Promise<void> {
  const ran = findProgram('update-rc.d') ? await run('update-rc.d', ['-f', name, 'remove']) : await run('insserv', ['-r', name]);
  if (!ran.ok) throw failure(ran, `cannot disable ${name}`);
}
