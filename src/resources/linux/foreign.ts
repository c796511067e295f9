import { statSync } from 'node:fs';
import { readCgroup } from './cgroup.ts';
import { type Mount, optionValue, parseMountinfo } from './mountinfo.ts';
import { identify, ifThere, listPids, type ProcessId, parseNamespacePids, readIfThere, readLinkIfThere } from './proc.ts';

/** A subhost that overlay-boot(8) has started and that runs. This is its PID 1. */
export interface Foreign extends ProcessId {
  /** Of its network namespace in /run/netns, and of its overlay. */
  readonly name: string;
  /** Inode of its network namespace. */
  readonly netns: number;
  readonly pidNamespace: string;
  readonly mountNamespace: string;
  /** Name of the cgroup that it is in. */
  readonly cgroup: string;
  readonly lower: string;
  readonly upper: string;
  readonly work: string;
  /** All that is mounted inside. */
  readonly mounts: readonly Mount[];
}

/**
 * What overlay-boot 1.6.4 leaves in the kernel: PID 1 of a pid namespace right below ours, in a mount namespace whose root
 * is an overlay with the name of the subhost as its source, in a network namespace of that same name. Command lines say
 * nothing: any program may have any. NAMES: the names of network namespaces, by inode.
 */
export function findForeign(names: ReadonlyMap<number, string>): Foreign[] {
  if (names.size === 0) return [];
  const ours = readLinkIfThere('/proc/self/ns/mnt');
  return listPids().flatMap((pid) => {
    const mountNamespace = readLinkIfThere(`/proc/${pid}/ns/mnt`);
    if (!mountNamespace || mountNamespace === ours || !isPid1(pid)) return [];
    return toForeign(pid, mountNamespace, names) ?? [];
  });
}

/** Of a pid namespace right below ours, and root's: any user can make one that looks so from inside. */
export function isPid1(pid: number): boolean {
  const status = readIfThere(`/proc/${pid}/status`) ?? '';
  const chain = parseNamespacePids(status);
  return chain.length === 2 && chain[1] === 1 && /^Uid:\s*0\s/m.test(status);
}

function toForeign(pid: number, mountNamespace: string, names: ReadonlyMap<number, string>): Foreign | undefined {
  const id = identify(pid);
  const netns = ifThere(() => statSync(`/proc/${pid}/ns/net`).ino);
  const pidNamespace = readLinkIfThere(`/proc/${pid}/ns/pid`);
  const name = netns === undefined ? undefined : names.get(netns);
  const mounts = parseMountinfo(readIfThere(`/proc/${pid}/mountinfo`) ?? '');
  const root = mounts.findLast((mount) => mount.point === '/');
  if (!id || !pidNamespace || !netns || !name || root?.type !== 'overlay' || root.source !== name) return undefined;
  const [lower, upper, work] = ['lowerdir', 'upperdir', 'workdir'].map((option) => optionValue(root.superOptions, option));
  if (!lower || !upper || !work) return undefined;
  return { ...id, name, netns, pidNamespace, mountNamespace, cgroup: readCgroup(pid) ?? '', lower, upper, work, mounts };
}

/** All that belongs to it: whatever is in its pid namespace, and what has started and keeps that, PID 1 first. */
export function membersOf({ pid, pidNamespace, mountNamespace }: Pick<Foreign, 'pid' | 'pidNamespace' | 'mountNamespace'>): number[] {
  const isMember = (one: number): boolean =>
    readLinkIfThere(`/proc/${one}/ns/pid`) === pidNamespace || readLinkIfThere(`/proc/${one}/ns/mnt`) === mountNamespace;
  return listPids()
    .filter(isMember)
    .sort((a, b) => Number(b === pid) - Number(a === pid));
}
