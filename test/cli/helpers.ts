import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { collect, type Ran, type TestMachine } from '../machine.ts';
import { until } from '../reaper/rig.ts';

export const OB = fileURLToPath(new URL('../../dist/ob.js', import.meta.url));

/** The built program on the machine itself: only for what reads nothing of it and changes nothing. */
export function ob(words: readonly string[], options: { cwd?: string; env?: NodeJS.ProcessEnv } = {}): Promise<Ran> {
  const child = spawn(process.execPath, [OB, ...words], options);
  child.stdin.end();
  return collect(child);
}

export function linesOf(text: string): string[] {
  return text.split('\n').filter((line) => line !== '');
}

/** Two subhosts on a bridge, with nothing to start: up in a moment. */
export const HOSTS = `scope: demo
bridges: { ob0: { address: 10.77.0.1/24 } }
defaults: { start: none, ram_size: 10M }
subhosts:
  web: { base: /var/lib/ob/web, cables: [{ bridge: ob0, address: 10.77.0.2/24 }] }
  client: { base: /var/lib/ob/client, cables: [{ bridge: ob0, address: 10.77.0.3/24 }] }
`;

/** Is there as long as web's start command runs. */
export const BEGUN = '/var/lib/ob/web/live/opt/begun';

/** The same, but web's start command does not end before `letGo`. */
const SLOW_HOSTS = HOSTS.replace('base: /var/lib/ob/web,', 'base: /var/lib/ob/web, start: [/opt/slow],');

const SLOW = `#!/bin/sh
if [ "$1" = stop ]; then exec rm -f /opt/begun /opt/go; fi
echo begun >/opt/begun
until [ -e /opt/go ]; do sleep 0.05; done
`;

/** A program that goes on in the background. */
export interface Started {
  said(): string;
  readonly ended: Promise<Ran>;
}

export function watch(child: ChildProcess): Started {
  let said = '';
  child.stdout?.on('data', (bytes: Buffer) => (said += bytes));
  return { said: () => said, ended: collect(child) };
}

export function startOb(machine: TestMachine, ...words: string[]): Started {
  return watch(machine.start(process.execPath, [OB, ...words], { cwd: '/mnt' }));
}

/** An apply that has come to web's start command, and is in there until it is let go. */
export interface Held extends Started {
  /** As the machine sees it. */
  readonly pid: number;
}

export async function startHeld(machine: TestMachine, start: () => Started): Promise<Held> {
  await writeSlow(machine, SLOW);
  const started = start();
  await until('web is starting', () => isThere(machine, BEGUN));
  return { ...started, pid: Number(machine.read('/run/ob/lock').split(' ')[0]) };
}

/** A hosts file of which web starts this script. */
export async function writeSlow(machine: TestMachine, script: string): Promise<void> {
  await machine.sh('mkdir -p /var/lib/ob/web/root/opt');
  machine.write('/var/lib/ob/web/root/opt/slow', script);
  await machine.sh('chmod 755 /var/lib/ob/web/root/opt/slow');
  machine.write('/mnt/hosts.yaml', SLOW_HOSTS);
}

/** The same with these words after `apply`, its output in a pipe. */
export function holdApply(machine: TestMachine, ...words: string[]): Promise<Held> {
  return startHeld(machine, () => startOb(machine, 'apply', ...words));
}

export async function letGo(machine: TestMachine): Promise<void> {
  await machine.sh('touch /var/lib/ob/web/live/opt/go');
}

export function isThere(machine: TestMachine, path: string): boolean {
  return existsSync(`/proc/${machine.pid}/root${path}`);
}

/** Subhosts that run, each as often as it has a PID 1. */
export async function initsOf(machine: TestMachine): Promise<string[]> {
  const marks = await machine.sh(`grep -azo '^ob:[a-z]*/[a-z]*$' /proc/[0-9]*/cmdline | tr '\\0' '\\n' || true`);
  return linesOf(marks)
    .map((line) => line.replace(/^.*:/, 'ob:'))
    .sort();
}

/** Processes that have the lock file open. */
export async function ownersOfLock(machine: TestMachine): Promise<number[]> {
  const found = await machine.sh('find /proc/[0-9]*/fd -lname "/run/ob/lock*" 2>/dev/null || true');
  return linesOf(found).map((path) => Number(path.split('/')[2]));
}
