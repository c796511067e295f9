import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { BUNDLE, collect, type Ran, type TestMachine } from '../machine.ts';
import { until } from '../reaper/rig.ts';

/** What users call: it starts from the snapshot where there is one, else from the bundle. */
export const OB = fileURLToPath(new URL('../../dist/ob', import.meta.url));

/** What takes the lock of a machine before Node has started, and read the words. */
const LOCKS: ReadonlySet<string> = new Set(['apply', 'destroy', 'start', 'stop', 'restart']);

/** The built program on the machine itself: only for what reads nothing of it and changes nothing. */
export function ob(words: readonly string[], options: { cwd?: string; env?: NodeJS.ProcessEnv } = {}): Promise<Ran> {
  const [program, first] = LOCKS.has(words[0] ?? '') ? [process.execPath, [BUNDLE]] : [OB, []];
  const child = spawn(program, [...first, ...words], options);
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
export const BEGUN = begunIn('web');

function begunIn(name: string): string {
  return `/var/lib/ob/${name}/live/opt/begun`;
}

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
  return watch(machine.start(OB, words, { cwd: '/mnt' }));
}

/** An apply that has come to a start command, and is in there until it is let go. */
export interface Held extends Started {
  /** As the machine sees it. */
  readonly pid: number;
}

export async function startHeld(machine: TestMachine, start: () => Started, slow: readonly string[] = ['web']): Promise<Held> {
  await writeSlow(machine, SLOW, slow);
  const started = start();
  await until(`one of ${slow} is starting`, () => slow.some((name) => isThere(machine, begunIn(name))));
  return { ...started, pid: Number(machine.read('/run/ob/lock').split(' ')[0]) };
}

/** A hosts file of which these start a script of this text. */
export async function writeSlow(machine: TestMachine, script: string, slow: readonly string[] = ['web']): Promise<void> {
  let hosts = HOSTS;
  for (const name of slow) {
    const folder = `/var/lib/ob/${name}/root/opt`;
    await machine.sh(`mkdir -p ${folder}`);
    machine.write(`${folder}/slow`, script);
    await machine.sh(`chmod 755 ${folder}/slow`);
    hosts = hosts.replace(`base: /var/lib/ob/${name},`, '$& start: [/opt/slow],');
  }
  machine.write('/mnt/hosts.yaml', hosts);
}

/** An apply with these words that is held in web's start command, its output in a pipe. */
export function holdApply(machine: TestMachine, ...words: string[]): Promise<Held> {
  return startHeld(machine, () => startOb(machine, 'apply', ...words));
}

export async function letGo(machine: TestMachine, slow: readonly string[] = ['web']): Promise<void> {
  for (const name of slow) await machine.sh(`touch /var/lib/ob/${name}/live/opt/go`);
}

/** The time until which unattended runs leave a subhost of the scope demo alone, as its repair has failed. */
export async function waitOver(machine: TestMachine, name: string): Promise<void> {
  const { next } = JSON.parse(machine.read(`/run/ob/record/demo/${name}/trouble.json`));
  await until(`${name} may be repaired again`, () => Number(machine.read('/proc/uptime').split(' ')[0]) * 1000 > next, 400);
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
