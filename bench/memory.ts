import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

export interface Memory {
  /** Resident pages, whoever else may share them. */
  readonly residentKb: number;
  /** Its part of the resident pages, page tables, kernel stacks. */
  readonly wholeKb: number;
  /** How many of them are Node. */
  readonly nodes: number;
}

const STACK_KB = 16;

export function pids(): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
}

/** Of these processes together; one that has ended meanwhile has none. */
export function memoryOf(list: readonly number[]): Memory {
  const seen = list.flatMap((pid) => {
    try {
      return [
        {
          ...parseMemory(readFileSync(`/proc/${pid}/status`, 'utf8') + readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8')),
          isNode: /\/node$/.test(readlinkSync(`/proc/${pid}/exe`)),
        },
      ];
    } catch {
      return [];
    }
  });
  return {
    residentKb: seen.reduce((sum, one) => sum + one.residentKb, 0),
    wholeKb: seen.reduce((sum, one) => sum + one.wholeKb, 0),
    nodes: seen.filter((one) => one.isNode).length,
  };
}

/** Out of /proc/PID/status and smaps_rollup. */
export function parseMemory(text: string): { residentKb: number; wholeKb: number } {
  const value = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(text)?.[1] ?? 0);
  return { residentKb: value('VmRSS'), wholeKb: value('Pss') + value('VmPTE') + STACK_KB * value('Threads') };
}
