import { mkdirSync, readdirSync, rmdirSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { hasCode, ObError } from '../error.ts';
import type { Owner } from '../marks.ts';
import { type MountEntry, readMounts } from './mountinfo.ts';
import { ifThere, listPids, type ProcessId, readIfThere, readLinkIfThere } from './proc.ts';

/** The folder of all cgroups of ours, below the root of the cgroup v2 tree. */
export const FOLDER = 'ob';

/** Where cgroup v2 is mounted (on a hybrid machine that is /sys/fs/cgroup/unified); undefined: nowhere. */
export function findCgroupRoot(mounts: readonly MountEntry[] = readMounts()): string | undefined {
  return mounts.find((mount) => mount.type === 'cgroup2')?.point;
}

export function needCgroupRoot(mounts?: readonly MountEntry[]): string {
  const root = findCgroupRoot(mounts);
  if (root) return root;
  throw new ObError('no cgroup v2 tree is mounted: a subhost is known by its cgroup', {
    hint: 'mkdir -p /sys/fs/cgroup && mount -t cgroup2 cgroup2 /sys/fs/cgroup (and a line in /etc/fstab)',
  });
}

/** Name of a subhost's cgroup: its path below the root of the tree. */
export function cgroupName(owner: Owner): string {
  return `/${FOLDER}/${owner.scope}/${owner.name}`;
}

/** Directory of a subhost's cgroup. */
export function cgroupPath(root: string, owner: Owner): string {
  return `${root}${cgroupName(owner)}`;
}

/** Name of the cgroup that a process is in, in the form of `cgroupName`. */
export function readCgroup(pid: number): string | undefined {
  return parseCgroup(readIfThere(`/proc/${pid}/cgroup`) ?? '');
}

/** Of cgroup v2, whatever else there is: cgroups(7). */
export function parseCgroup(text: string): string | undefined {
  return /^0::(.*)$/m.exec(text)?.[1];
}

/** The subhosts that have a cgroup, dead or alive. */
export function listCgroups(root: string): Owner[] {
  return subfolders(`${root}/${FOLDER}`).flatMap((scope) => listNames(root, scope).map((name) => ({ scope, name })));
}

/** Those of one scope. */
export function listNames(root: string, scope: string): string[] {
  return subfolders(`${root}/${FOLDER}/${scope}`);
}

export function makeCgroup(path: string): void {
  mkdirSync(path, { recursive: true });
}

/** Words of a file of the kernel's; none if it is not there. */
export function wordsOf(path: string): string[] {
  return (readIfThere(path) ?? '').split(/\s+/).filter(Boolean);
}

/** The controllers whose limits the cgroups of a scope can have. */
export function sharedOut(root: string, scope: string): string[] {
  return wordsOf(`${root}/${FOLDER}/${scope}/cgroup.subtree_control`);
}

/** Lets a subhost's cgroup have the limits of this controller: each folder above it shares them out, and no other. */
export function enableIn(root: string, { scope }: Owner, controller: string): void {
  for (const folder of [root, `${root}/${FOLDER}`, `${root}/${FOLDER}/${scope}`]) {
    const path = `${folder}/cgroup.subtree_control`;
    if (!wordsOf(path).includes(controller)) writeFileSync(path, `+${controller}`);
  }
}

/** PIDs in the cgroup itself, as seen from our pid namespace. 0 stands for one that cannot be seen from here. */
export function readMembers(path: string): number[] {
  return (readIfThere(`${path}/cgroup.procs`) ?? '')
    .split('\n')
    .filter(Boolean)
    .map(Number)
    .filter((pid) => pid > 0);
}

export function isPopulated(path: string): boolean {
  return /^populated 1$/m.test(readIfThere(`${path}/cgroup.events`) ?? '');
}

const KILL_LIMIT_MS = 10_000;

/** Kills all that is in the cgroup, waits until it has ended, removes the cgroup. Gone already is fine. */
export async function endCgroup(path: string): Promise<void> {
  if (removeEmpty(path)) return;
  killMembers(path);
  const deadline = performance.now() + KILL_LIMIT_MS;
  while (isPopulated(path)) {
    if (performance.now() > deadline) throw new ObError(`processes in ${path} do not end: ${readMembers(path).join(', ')}`);
    await sleep(2);
  }
  removeFolders(path);
}

function killMembers(path: string): void {
  try {
    writeFileSync(`${path}/cgroup.kill`, '1');
  } catch (error) {
    if (!hasCode(error, 'ENOENT', 'ENODEV')) throw error;
    if (isPopulated(path)) throw new ObError(`cannot kill what is in ${path}`, { hint: 'Linux 5.14 or newer is needed for this' });
  }
}

/** Puts PID 1 and all that is in its pid namespace into the cgroup. Who is born meanwhile is met by the next round. */
export function adopt(path: string, { pid }: ProcessId): void {
  makeCgroup(path);
  const namespace = readLinkIfThere(`/proc/${pid}/ns/pid`);
  for (let rounds = 0; namespace && rounds < ADOPT_ROUNDS; rounds++) {
    const members = new Set(readMembers(path));
    const strays = listPids().filter((one) => !members.has(one) && readLinkIfThere(`/proc/${one}/ns/pid`) === namespace);
    if (strays.length === 0) return;
    // PID 1 first: it is looked for among the members.
    for (const one of strays.sort((a, b) => Number(b === pid) - Number(a === pid))) moveInto(path, one);
  }
}

const ADOPT_ROUNDS = 100;

/** One that has ended by now is nowhere. */
export function moveInto(path: string, pid: number): void {
  try {
    writeFileSync(`${path}/cgroup.procs`, String(pid));
  } catch (error) {
    if (!hasCode(error, 'ESRCH')) throw error;
  }
}

/** Removes empty folders of ours above a subhost's cgroup. */
export function removeEmptyParents(root: string, scope: string): void {
  for (const path of [`${root}/${FOLDER}/${scope}`, `${root}/${FOLDER}`]) removeEmpty(path);
}

/** Of a cgroup without processes and without others below it. False: that is not so; gone already is fine. */
function removeEmpty(path: string): boolean {
  try {
    rmdirSync(path);
    return true;
  } catch (error) {
    if (hasCode(error, 'EBUSY', 'ENOTEMPTY')) return false;
    if (hasCode(error, 'ENOENT')) return true;
    throw error;
  }
}

/** Gone already is fine. */
export function removeFolders(path: string): void {
  for (const child of subfolders(path)) removeFolders(`${path}/${child}`);
  try {
    rmdirSync(path);
  } catch (error) {
    if (!hasCode(error, 'ENOENT')) throw error;
  }
}

function subfolders(path: string): string[] {
  const entries = ifThere(() => readdirSync(path, { withFileTypes: true })) ?? [];
  return entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
}
