import { existsSync } from 'node:fs';
import { readMembers, wordsOf } from './cgroup.ts';
import { type MountEntry, readMounts } from './mountinfo.ts';
import { readIfThere } from './proc.ts';

// A controller of the kernel's limits one thing. Each is either in the unified tree (cgroup v2) or in a tree of its own
// (v1), never in both: on a hybrid machine some are here and some there. cgroups(7)

export const CONTROLLERS = ['cpu', 'io', 'memory', 'pids'] as const;
export type Controller = (typeof CONTROLLERS)[number];

/** The tree that a controller is in: its version, and where it is mounted. */
export interface Place {
  readonly version: 1 | 2;
  readonly root: string;
}

/** Left out: the machine has it nowhere, or not for us. */
export type Places = ReadonlyMap<Controller, Place>;

/** What v1 calls them. */
function nameInV1(controller: Controller): string {
  return controller === 'io' ? 'blkio' : controller;
}

/** Where limits can be set. MOUNTS: those of /proc/mounts. */
export function findPlaces(mounts: readonly MountEntry[] = readMounts()): Places {
  // In a container they may be there to be read alone.
  const all = mounts.filter(({ options }) => !options.includes('ro'));
  // A name with a colon in it would be two to the reaper.
  const trees = all.filter(({ type, point }) => type === 'cgroup' && !point.includes(':'));
  const unified = all.find(({ type }) => type === 'cgroup2')?.point;
  const places = new Map<Controller, Place>();
  const usable = unified === undefined ? [] : usableIn(unified);
  for (const controller of CONTROLLERS) {
    const tree = trees.find(({ options }) => options.includes(nameInV1(controller)));
    if (tree) places.set(controller, { version: 1, root: tree.point });
    else if (unified !== undefined && usable.includes(controller)) places.set(controller, { version: 2, root: unified });
  }
  return places;
}

/** Where a container ends, its root holds processes, and the kernel refuses to share out what is not shared out already. */
function usableIn(root: string): string[] {
  const isTop = !existsSync(`${root}/cgroup.events`);
  return isTop || readMembers(root).length === 0 ? wordsOf(`${root}/cgroup.controllers`) : wordsOf(`${root}/cgroup.subtree_control`);
}

/** Why a controller has no place, and what to do about it. KNOWN: text of /proc/cgroups. */
export function whyNowhere(
  controller: Controller,
  known: string = readIfThere('/proc/cgroups') ?? '',
): { readonly why: string; readonly hint: string } {
  const name = nameInV1(controller);
  const [, hierarchy, , enabled] =
    known
      .split('\n')
      .find((line) => line.startsWith(`${name}\t`))
      ?.split('\t') ?? [];
  if (enabled === undefined) return { why: `its kernel has no ${controller} controller`, hint: 'leave that limit out' };
  if (enabled === '0') return { why: `its ${controller} controller is switched off`, hint: `boot it with cgroup_enable=${name}` };
  if (hierarchy !== '0')
    return {
      why: `its ${controller} controller is in a cgroup v1 tree that is not mounted, or read-only`,
      hint: `mkdir -p /sys/fs/cgroup/${name} && mount -t cgroup -o ${name} cgroup /sys/fs/cgroup/${name}`,
    };
  return {
    why: `its ${controller} controller cannot be used here: the root of its cgroup v2 tree holds processes`,
    hint: 'move them into a cgroup below, or leave that limit out',
  };
}
