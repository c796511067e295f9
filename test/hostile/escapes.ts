import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { createMachine, lacksLimits, OB, type Ran, type TestMachine } from '../machine.ts';

/** What each probe came to, by its name; see probes.c. */
export type Results = ReadonlyMap<string, 'open' | 'closed'>;

/** A machine with things on it that nothing inside a subhost may get at, and the probes that try. */
export interface Range {
  readonly machine: TestMachine;
  /** The command line of the probes, in a root that was prepared. */
  readonly command: readonly string[];
  /** Puts what is planted into a directory that becomes the upper one of a root. */
  plant(upper: string): Promise<void>;
  /** As root on the machine, with a secret in the environment and a file of the machine's open: neither may be seen inside. */
  leaky(program: string, ...args: string[]): Promise<Ran>;
}

const SOURCE = fileURLToPath(new URL('probes.c', import.meta.url));
const CANARY = '/mnt/canary-of-the-machine';
const OUTSIDER = 'ob-outsider';
const LISTENER = 'ob-listener';

/** Why the probes cannot be built here, or undefined where they can: they need a libc to be linked to. */
export function whyNoProbes(): string | undefined {
  try {
    execFileSync(process.env['CC'] ?? 'cc', ['-static', '-x', 'c', '-o', '/dev/null', '-'], {
      input: 'int main(void) { return 0; }',
      stdio: 'pipe',
    });
    return undefined;
  } catch {
    return 'there is no C compiler with a libc to link to: apt-get install gcc libc6-dev';
  }
}

export async function createRange(t: TestContext): Promise<Range> {
  const folder = mkdtempSync(join(tmpdir(), 'ob-hostile-'));
  t.after(() => rmSync(folder, { recursive: true }));
  execFileSync(process.env['CC'] ?? 'cc', ['-static', '-O1', '-Wall', '-Wextra', '-Werror', '-o', join(folder, 'probes'), SOURCE]);
  const machine = await createMachine(t, { limits: lacksLimits() === undefined });
  copyFileSync(join(folder, 'probes'), `/proc/${machine.pid}/root/mnt/probes`);
  await machine.sh(`touch ${CANARY}; cp /bin/sleep /mnt/${OUTSIDER}`);
  machine.start(`/mnt/${OUTSIDER}`, ['3600']);
  const listen = `require('net').createServer().listen('\\0${LISTENER}', () => process.stdout.write('ready'))`;
  const listener = machine.start(process.execPath, ['-e', listen]);
  await new Promise((resolve) => listener.stdout?.once('data', resolve));
  return {
    machine,
    command: ['/probes', CANARY, OUTSIDER, LISTENER, readFileSync('/etc/shadow', 'utf8').split('\n')[0] ?? ''],
    async plant(upper) {
      await machine.sh(`mkdir -p ${upper} && cp /mnt/probes ${upper}/probes && mknod ${upper}/planted c 1 11`);
    },
    leaky: (program, ...args) =>
      machine.run('bash', ['-c', `exec 251<${CANARY}; PROBE_SECRET=x exec "$@"`, 'bash', program, ...args], { cwd: '/mnt' }),
  };
}

export function parseResults(text: string): Results {
  const lines = text.split('\n').flatMap((line) => /^(\w+) (open|closed)\r?$/.exec(line) ?? []);
  const pairs: [string, 'open' | 'closed'][] = [];
  for (let at = 0; at + 2 < lines.length; at += 3) pairs.push([lines[at + 1] ?? '', lines[at + 2] as 'open' | 'closed']);
  return new Map(pairs);
}

export function openIn(results: Results): string[] {
  return [...results].flatMap(([name, result]) => (result === 'open' ? name : []));
}

/** A subhost with these keys: the probes as a service of its PID 1, and through `ob exec`. */
export async function probeSubhost(
  { machine, command, plant, leaky }: Range,
  name: string,
  keys: string,
): Promise<{ service: Results; exec: Results }> {
  await plant(`/mnt/${name}/root`);
  machine.write(`/mnt/${name}/root/probe`, `#!/bin/sh\n${command.map((word) => `'${word}'`).join(' ')} >/result\n`);
  await machine.sh(`chmod 755 /mnt/${name}/root/probe`);
  const [, first] = /userns: (\d+)/.exec(keys) ?? [];
  if (first) await machine.sh(`chown -R ${first}:${first} /mnt/${name}/root`);
  machine.write('/mnt/hosts.yaml', `scope: ${name}\nsubhosts: { ${name}: { base: /mnt/${name}, start: [/probe]${keys} } }\n`);
  const applied = await leaky(OB, 'apply');
  if (applied.code !== 0) throw new Error(applied.stdout + applied.stderr);
  const ran = await leaky(OB, 'exec', '--scope', name, name, '--', ...command);
  return { service: parseResults(machine.read(`/mnt/${name}/root/result`)), exec: parseResults(ran.stdout) };
}
