import { existsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { hasCode, ObError } from '../error.ts';
import type { Owner } from '../marks.ts';
import { cgroupPath, listCgroups, moveInto, readMembers, removeEmptyParents, removeFolders } from './cgroup.ts';
import type { Places } from './controllers.ts';

// Where a controller is in a tree of its own (cgroup v1), a subhost has a group there too, of the same name as its cgroup.

/** Where these trees are mounted. */
export function rootsInV1(places: Places): ReadonlySet<string> {
  return new Set([...places.values()].flatMap(({ version, root }) => (version === 1 ? root : [])));
}

/** Folders of the groups that a subhost has in v1 trees. */
export function groupsOf(places: Places, owner: Owner): string[] {
  return [...rootsInV1(places)].map((root) => cgroupPath(root, owner)).filter((folder) => existsSync(folder));
}

/** The subhosts that have a group in some v1 tree. */
export function listGroups(places: Places): Owner[] {
  return [...rootsInV1(places)].flatMap(listCgroups);
}

/** In the reaper's words: all that a process of a subhost has to be in, its cgroup of the v2 tree at ROOT first. */
export function cgroupWord(root: string, places: Places, owner: Owner): string {
  return [cgroupPath(root, owner), ...groupsOf(places, owner)].join(':');
}

const ROUNDS = 100;

/** Puts all that is in a subhost's cgroup into its groups. Who is born meanwhile is met by the next round. */
export function joinGroups(root: string, places: Places, owner: Owner): void {
  for (const group of groupsOf(places, owner))
    for (let rounds = 0; rounds < ROUNDS; rounds++) {
      const there = new Set(readMembers(group));
      const strays = readMembers(cgroupPath(root, owner)).filter((pid) => !there.has(pid));
      if (strays.length === 0) break;
      for (const pid of strays) moveInto(group, pid);
    }
}

const END_LIMIT_MS = 10_000;

/** Kills what is still in a subhost's groups, and removes them. Gone already is fine. */
export async function endGroups(places: Places, owner: Owner): Promise<void> {
  await Promise.all(groupsOf(places, owner).map(endGroup));
}

async function endGroup(folder: string): Promise<void> {
  for (const deadline = performance.now() + END_LIMIT_MS; ; await sleep(2)) {
    const members = readMembers(folder);
    for (const pid of members) kill(pid);
    try {
      removeFolders(folder);
      return;
    } catch (error) {
      if (!hasCode(error, 'EBUSY')) throw error;
      if (performance.now() > deadline) throw new ObError(`processes in ${folder} do not end: ${members.join(', ')}`);
    }
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if (!hasCode(error, 'ESRCH')) throw error;
  }
}

export function removeEmptyGroups(places: Places, scope: string): void {
  for (const root of rootsInV1(places)) removeEmptyParents(root, scope);
}
