import { either, isNumber, isText, listOf, withFields } from './checks.ts';
import { cgroupName, cgroupPath, readCgroup, readMembers } from './linux/cgroup.ts';
import type { MountNamespace } from './linux/holders.ts';
import { findInit, findInits, type Init, type ProcessTexts, toInit } from './linux/init.ts';
import { parseJson } from './linux/inside.ts';
import { joinMounts, type Mount, parseMountinfo } from './linux/mountinfo.ts';
import { listPids, readIfThere, readLinkIfThere, readUptime, uptimeSeconds } from './linux/proc.ts';
import type { LiveInit } from './machine.ts';
import { markOf, type Owner, parseMark } from './marks.ts';

/** What `reaper look` writes of the PID 1 that it finds in a cgroup. */
interface Written extends ProcessTexts {
  /** As /proc/PID/ns/net: `net:[4026532281]`. */
  readonly netns: string;
  /** See joinMounts. */
  readonly mounts: readonly (string | number)[];
  readonly devices?: readonly string[];
  readonly hostname?: string;
  readonly mountns?: number;
}

const isWritten = withFields({
  ...{ pid: isNumber, arguments: listOf(isText), status: isText, stat: isText, first: isNumber, netns: isText },
  mounts: Array.isArray,
  devices: either(listOf(isText), undefined),
  hostname: either(isText, undefined),
  mountns: either(isNumber, undefined),
});

/** Of a subhost, read now. Undefined: there is none in its cgroup. */
export function readInit(root: string | undefined, owner: Owner): LiveInit | undefined {
  const init = root ? findInit(readMembers(cgroupPath(root, owner)), markOf(owner)) : undefined;
  return init && readRest(init, cgroupName(owner));
}

/** By mark: every PID 1 of a subhost, wherever it is. */
export function readStrays(): Map<string, LiveInit> {
  const found = findInits(listPids());
  return new Map([...found].map(([mark, init]) => [mark, readRest(init, readCgroup(init.pid) ?? 'none')]));
}

function readRest(init: Init, cgroup: string): LiveInit {
  const read = (name: string): string => readIfThere(`/proc/${init.pid}/${name}`) ?? '';
  return toLiveInit(init, cgroup, readLinkIfThere(`/proc/${init.pid}/ns/net`) ?? '', parseMountinfo(read('mountinfo')));
}

function toLiveInit(init: Init, cgroup: string, netns: string, mounts: readonly Mount[], now?: number): LiveInit {
  const inode = /^net:\[(\d+)\]$/.exec(netns)?.[1];
  return {
    ...init,
    cgroup,
    netns: inode === undefined ? undefined : Number(inode),
    mounts,
    uptimeSeconds: uptimeSeconds(init, now),
  };
}

/** Those that a number stands for where they come again: see joinMounts. */
export type ToldTexts = Parameters<typeof joinMounts>[1];

/**
 * By mark, out of what `reaper look` has written: a line with SCOPE/NAME, a line of JSON. What is not the PID 1 that it says
 * it is, is left out. KNOWN: of what comes in parts, the texts of those before. NAMESPACES gets the mount namespaces of all.
 */
export function parseInits(
  lines: readonly string[],
  known: ToldTexts = [],
  namespaces: Map<number, MountNamespace> = new Map(),
): Map<string, LiveInit> {
  const now = readUptime();
  const found = new Map<string, LiveInit>();
  for (let at = 0; at + 1 < lines.length; at += 2) {
    const owner = parseMark(`ob:${lines[at]}`);
    const written = parseJson(lines[at + 1] ?? '', isWritten) as Written;
    // Also of what is none: what follows may be told by what is told here.
    const mounts = joinMounts(written.mounts, known, written.arguments[1] ?? '');
    const { pid, mountns } = written;
    // In brief none is told.
    if (mountns !== undefined) namespaces.set(pid, { number: mountns, mounts: mounts.length > 0 ? mounts : undefined });
    const init = toInit(written);
    if (owner && init && written.arguments[1] === markOf(owner)) found.set(markOf(owner), toSeen(init, owner, { ...written, mounts }, now));
  }
  return found;
}

function toSeen(
  init: Init,
  owner: Owner,
  { netns, mounts, devices, hostname }: Omit<Written, 'mounts'> & Pick<LiveInit, 'mounts'>,
  now: number,
): LiveInit {
  const live = toLiveInit(init, cgroupName(owner), netns, mounts, now);
  return {
    ...live,
    ...(devices ? { devices } : {}),
    ...(hostname === undefined ? {} : { hostname }),
  };
}
