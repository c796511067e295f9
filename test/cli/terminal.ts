import { closeSync, constants, openSync, writeSync } from 'node:fs';
import type { TestMachine } from '../machine.ts';
import { OB, type Started, watch } from './helpers.ts';

interface TerminalOptions {
  readonly columns?: number;
  readonly env?: Readonly<Record<string, string>>;
  /** What is called in its place. */
  readonly ob?: string;
}

/** A terminal of the kernel's, with `ob` on it. Keys go through a FIFO: what a machine runs has no stdin. */
export interface Terminal {
  start(words: string, options?: TerminalOptions): Started;
  type(keys: string): void;
  close(): void;
}

export async function createTerminal(machine: TestMachine): Promise<Terminal> {
  await machine.sh('mkfifo /mnt/keys');
  // Open at both ends, or it would block until the other end is open.
  const keys = openSync(`/proc/${machine.pid}/root/mnt/keys`, constants.O_RDWR);
  return {
    start(words, { columns = 80, env = {}, ob = OB } = {}) {
      const command = `stty cols ${columns} rows 24; exec ${ob} ${words}`;
      const script = `exec script -qec '${command}' /dev/null </mnt/keys`;
      return watch(machine.start('sh', ['-c', script], { cwd: '/mnt', env: { PATH: '/usr/bin:/bin', TERM: 'xterm', ...env } }));
    },
    type: (text) => void writeSync(keys, text),
    close: () => closeSync(keys),
  };
}

/** As `cat -v` shows it. */
export function visible(text: string): string {
  return text.replaceAll('\u001b', '^[').replaceAll('\r\n', '\n');
}

/** What stands on a terminal in the end, line by line, after what was written to it. Knows what `ob` uses and no more. */
export function screenOf(written: string): string[] {
  const lines: string[] = [''];
  let row = 0;
  for (const [token] of visible(written).matchAll(/\^\[\[[\d;]*[A-Za-z]|\n|(?:(?!\^\[)[^\n])+/g)) {
    if (token === '\n') row++;
    else if (/^\^\[\[\d+F$/.test(token)) row -= Number.parseInt(token.slice(3), 10);
    else if (token === '^[[J') lines.length = row;
    else if (!token.startsWith('^[')) lines[row] = (lines[row] ?? '') + token;
    lines[row] ??= '';
  }
  return lines.map((line) => line.trimEnd());
}
