import { readdirSync } from 'node:fs';
import { cgroupPath } from './linux/cgroup.ts';
import type { Controller, Place, Places } from './linux/controllers.ts';
import { readLimit } from './linux/limit-files.ts';
import { ifThere, readIfThere } from './linux/proc.ts';
import type { Owner } from './marks.ts';

/** What all that runs in a subhost uses, and may use at most (null: as much as there is). */
export interface Usage {
  /**
   * `cgroup`: all that its cgroup is charged with, files in memory too. `processes`: what its processes have in memory,
   * each page shared by several counted in parts.
   */
  readonly memory: { readonly bytes: number; readonly from: 'cgroup' | 'processes'; readonly limit: number | null };
  /** Processes and threads: what a limit on PIDs counts. */
  readonly pids: { readonly count: number; readonly limit: number | null };
  /** Processes of it that the kernel has killed for want of memory since it was started. */
  readonly oomKills: number;
}

/** Undefined: it has no cgroup. Controllers tell it, where it is in groups of theirs; else it is summed up. */
export function readUsage(root: string, places: Places, owner: Owner): Usage | undefined {
  const folders = withSubfolders(cgroupPath(root, owner));
  if (folders.length === 0) return undefined;
  const memory = placeOf('memory', places, owner);
  const pids = placeOf('pids', places, owner);
  const charged = memory && readNumber(`${memory.folder}/${memory.version === 1 ? 'memory.usage_in_bytes' : 'memory.current'}`);
  const limit = memory && readLimit(memory.version, 'memory', memory.folder);
  return {
    memory: {
      ...(charged === undefined ? { bytes: sumOfProcesses(folders), from: 'processes' } : { bytes: charged, from: 'cgroup' }),
      limit: limit ?? null,
    },
    pids: {
      count: (pids && readNumber(`${pids.folder}/pids.current`)) ?? sum(folders.map((one) => readIds(`${one}/cgroup.threads`).length)),
      limit: (pids && readLimit(pids.version, 'pids', pids.folder)) ?? null,
    },
    oomKills: readOomKills(places, owner),
  };
}

/** Counted by the memory controller, where the subhost is in a group of its. */
export function readOomKills(places: Places, owner: Owner): number {
  const place = placeOf('memory', places, owner);
  const text = place && readIfThere(`${place.folder}/${place.version === 1 ? 'memory.oom_control' : 'memory.events'}`);
  return Number(/^oom_kill (\d+)$/m.exec(text ?? '')?.[1] ?? 0);
}

function placeOf(controller: Controller, places: Places, owner: Owner): (Place & { readonly folder: string }) | undefined {
  const place = places.get(controller);
  return place && { ...place, folder: cgroupPath(place.root, owner) };
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
