import { readdirSync } from 'node:fs';
import { cgroupPath } from './linux/cgroup.ts';
import { ifThere, readIfThere } from './linux/proc.ts';
import type { Owner } from './marks.ts';

/** What all that runs in a subhost uses. */
export interface Usage {
  /**
   * `cgroup`: all that its cgroup is charged with, files in memory too. `processes`: what its processes have in memory,
   * each page shared by several counted in parts.
   */
  readonly memory: { readonly bytes: number; readonly from: 'cgroup' | 'processes' };
  /** Processes and threads: what a limit on PIDs counts. */
  readonly pids: number;
}

/** Undefined: it has no cgroup. Controllers of cgroup v2 tell it, where the machine has them here; else it is summed up. */
export function readUsage(root: string, owner: Owner): Usage | undefined {
  const folder = cgroupPath(root, owner);
  const folders = withSubfolders(folder);
  if (folders.length === 0) return undefined;
  const charged = readNumber(`${folder}/memory.current`);
  return {
    memory: charged === undefined ? { bytes: sumOfProcesses(folders), from: 'processes' } : { bytes: charged, from: 'cgroup' },
    pids: readNumber(`${folder}/pids.current`) ?? sum(folders.map((one) => readIds(`${one}/cgroup.threads`).length)),
  };
}

function sumOfProcesses(folders: readonly string[]): number {
  return sum(folders.flatMap((one) => readIds(`${one}/cgroup.procs`)).map(memoryOf));
}

/** Without CONFIG_PROC_PAGE_MONITOR no process tells its part of what is shared: then that is not counted. */
function memoryOf(pid: string): number {
  const rollup = readIfThere(`/proc/${pid}/smaps_rollup`);
  if (rollup !== undefined) return Number(/^Pss:\s+(\d+) kB$/m.exec(rollup)?.[1] ?? 0) * 1024;
  const [, resident = 0, shared = 0] = (readIfThere(`/proc/${pid}/statm`) ?? '').split(' ').map(Number);
  return (resident - shared) * PAGE_BYTES;
}

/** Of every architecture that has a Debian with Node but one (ppc64el). */
const PAGE_BYTES = 4096;

/** The folder itself and all below it: what is inside may have made cgroups of its own. */
function withSubfolders(folder: string): string[] {
  const entries = ifThere(() => readdirSync(folder, { withFileTypes: true }));
  if (!entries) return [];
  return [folder, ...entries.filter((one) => one.isDirectory()).flatMap((one) => withSubfolders(`${folder}/${one.name}`))];
}

function readNumber(path: string): number | undefined {
  const text = readIfThere(path)?.trim();
  return text && /^\d+$/.test(text) ? Number(text) : undefined;
}

/** 0 stands for one that cannot be seen from here. */
function readIds(path: string): string[] {
  return (readIfThere(path) ?? '').split('\n').filter((id) => id !== '' && id !== '0');
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((all, one) => all + one, 0);
}
