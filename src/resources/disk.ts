import { existsSync, readdirSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { makeFolders, removeFolders, removeWhileEmpty } from './disk-folders.ts';
import { attach, remount } from './disk-mount.ts';
import {
  blockersOf,
  type DiskExtra,
  type DiskFields,
  type DiskHandle,
  type DiskLive,
  type DiskSpec,
  listDisks,
  markOfDisk,
  showRange,
  stacksOf,
} from './disk-seen.ts';
import { ObError, toObError } from './error.ts';
import { DISKS, type Disk, type HostsFile } from './hosts.ts';
import type { Kind, Result, Task } from './kind.ts';
import { explainBusy } from './linux/holders.ts';
import { createLine } from './linux/line.ts';
import { readAttachment, readLoop } from './linux/loop.ts';
import { hasFilesystem } from './linux/modules.ts';
import { parseMountinfo } from './linux/mountinfo.ts';
import { readIfThere } from './linux/proc.ts';
import { unmountRoots } from './linux/roots.ts';
import type { Machine } from './machine.ts';
import { parseDiskMark } from './marks.ts';
import { needProgram } from './programs.ts';

type DiskTask = Task<DiskSpec, DiskLive>;

/**
 * The filesystem in an image that a layer of a subhost is on, mounted through a loop device. The source of such a mount is
 * the device, so an empty tmpfs beneath it carries the mark. The device is detached by the kernel when its last mount goes
 * (LO_FLAGS_AUTOCLEAR), whatever becomes of ob.
 */
export const disk: Kind<DiskFields, DiskExtra, DiskHandle, DiskSpec, DiskLive> = {
  name: 'disk',
  rules: {
    on_top: { class: 'replace', why: 'the filesystem is covered, or not mounted' },
    image: { class: 'replace', why: 'the filesystem is in another file' },
    bytes: { class: 'replace', why: 'the filesystem is another part of the image' },
    filesystem: { class: 'replace', why: 'whether an image is written is settled when it is attached' },
    access: { class: 'live', why: 'the filesystem is remounted' },
    folders: { class: 'live', why: 'a directory for a layer is missing' },
  },

  desired(file) {
    const written = new Set(allDisks(file).flatMap(({ disk }) => (disk.role === 'upper' ? placeOf(disk) : [])));
    return allDisks(file).map(({ name, disk }) => toSpec(file.scope, name, disk, written.has(placeOf(disk))));
  },

  preflight(desired) {
    needProgram('mount');
    if (desired.length > 0 && !existsSync('/dev/loop-control'))
      throw new ObError('this machine has no loop devices, which images are mounted through', { hint: 'modprobe loop' });
    for (const { extra } of desired) {
      if (hasFilesystem(extra.disk.type)) continue;
      throw new ObError(`this kernel cannot mount ${extra.disk.type}, which ${extra.disk.image} holds`, {
        hint: `its module ${extra.disk.type} is needed: Debian's own kernels have it`,
      });
    }
  },

  async list(machine, desired) {
    return { live: listDisks(machine, desired), blockers: desired.flatMap((spec) => blockersOf(machine, spec)) };
  },

  converge: (machine, tasks) => inTurn(() => convergeAll(machine, tasks)),

  async remove(machine, live) {
    const results = await Promise.all(live.map((one) => removeOne(machine, one)));
    removeFolders(live.flatMap(({ handle }) => handle.points));
    return results;
  },

  sweep(scope) {
    const folder = `${DISKS}/${scope}`;
    if (existsSync(folder)) removeFolders(readdirSync(folder).map((name) => `${folder}/${name}`));
    removeWhileEmpty([folder, DISKS]);
  },
};

function allDisks(file: HostsFile): { name: string; disk: Disk }[] {
  return file.subhosts.flatMap(({ name, disks = [] }) => disks.map((disk) => ({ name, disk })));
}

function placeOf({ image, range }: Disk): string {
  return `${image} ${showRange(range)}`;
}

function toSpec(scope: string, name: string, disk: Disk, isWritten: boolean): DiskSpec {
  const part = disk.partition === null ? '' : `partition ${disk.partition} of `;
  return {
    address: `disk/${name}.${disk.role}`,
    subhost: name,
    needs: [],
    // Not that only one can have it: but who has it as it should no longer be goes first.
    holds: [`image:${disk.image}`, `dir:${disk.point}`],
    fields: {
      on_top: true,
      image: disk.image,
      bytes: showRange(disk.range),
      filesystem: isWritten ? 'rw' : 'ro',
      access: disk.role === 'upper' ? 'rw' : 'ro',
      folders: [...disk.folders].sort(),
    },
    extra: { mark: markOfDisk(scope, name, disk), disk },
    summary: `${part}${disk.image} (${disk.type}), ${disk.role === 'upper' ? 'written' : 'read-only'}`,
  };
}

/** mount(8) looks for a loop device of the image before it makes one, and two calls at once would write it both. */
const inTurn = createLine();

async function convergeAll(machine: Machine, tasks: readonly DiskTask[]): Promise<Result[]> {
  const results: Result[] = [];
  for (const task of tasks) {
    const { address } = task.spec;
    try {
      await convergeOne(machine, task);
      results.push({ address });
    } catch (error) {
      results.push({ address, error: toObError(error) });
    }
  }
  return results;
}

async function convergeOne(machine: Machine, { spec, live }: DiskTask): Promise<void> {
  if (!live) await attach(machine, spec);
  else if (live.fields.access !== spec.fields.access) await remount(spec, spec.fields.access);
  makeFolders(machine, spec);
}

async function removeOne(machine: Machine, { address, handle }: DiskLive): Promise<Result> {
  const stacks = stacksOf(readMounts());
  const attached = handle.source === undefined ? undefined : readAttachment(handle.source);
  const errors = await unmountRoots(
    machine.reaper,
    handle.points.flatMap((point) => {
      const stack = stacks.get(point) ?? [];
      const at = stack.findIndex(({ source }) => isMarked(machine, source, address));
      return at < 0 ? [] : [{ key: `${address}#${point}`, point, depth: stack.length - at }];
    }),
  );
  for (const [key, error] of errors) return { address, error: explainBusy(error, key.slice(address.length + 1)) };
  const notes = handle.source === undefined || attached === undefined ? [] : await waitForRelease(handle.source, attached);
  return { address, notes };
}

function isMarked({ scope }: Machine, source: string, address: string): boolean {
  const owner = parseDiskMark(source);
  return owner?.scope === scope && `disk/${owner.name}.${owner.role}` === address;
}

function readMounts() {
  return parseMountinfo(readIfThere('/proc/self/mountinfo') ?? '');
}

const RELEASE_LIMIT_MS = 5000;

/** The kernel detaches a loop device a moment after its last mount has gone; other disks may be on it still. */
async function waitForRelease(source: string, attached: string): Promise<string[]> {
  const image = readLoop(source)?.image;
  for (const deadline = performance.now() + RELEASE_LIMIT_MS; readAttachment(source) === attached; await sleep(10)) {
    if (readMounts().some((mount) => mount.source === source)) return [];
    if (performance.now() > deadline)
      return [`${image} is still attached to ${source}: somebody has opened it, or mounted it in another mount namespace`];
  }
  return [];
}
