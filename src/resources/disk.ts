import { chmodSync, existsSync, mkdirSync, readdirSync, rmdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
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
import { hasCode, ObError, toObError } from './error.ts';
import { DISKS, type Disk, type HostsFile } from './hosts.ts';
import type { Kind, Result, Task } from './kind.ts';
import { explainBusy } from './linux/holders.ts';
import { readAttachment, readLoop } from './linux/loop.ts';
import { hasFilesystem } from './linux/modules.ts';
import { parseMountinfo } from './linux/mountinfo.ts';
import { readIfThere } from './linux/proc.ts';
import { unmountRoots } from './linux/roots.ts';
import type { Machine } from './machine.ts';
import { parseDiskMark } from './marks.ts';
import { failure, needProgram, run } from './run.ts';

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

let last: Promise<unknown> = Promise.resolve();

/** One call after another: mount(8) looks for a loop device of the image before it makes one, and two would write it both. */
function inTurn<T>(act: () => Promise<T>): Promise<T> {
  const turn = last.then(act);
  last = turn.catch(() => undefined);
  return turn;
}

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

async function attach(machine: Machine, spec: DiskSpec): Promise<void> {
  const { disk, mark } = spec.extra;
  const { point, image, type } = disk;
  const [blocker] = blockersOf(machine, spec);
  if (blocker) throw new ObError(blocker.what, { hint: blocker.hint });
  // For root alone: a set-user-ID program in the image must not be run by the machine's users.
  mkdirSync(point, { recursive: true, mode: 0o700 });
  await mount(['-t', 'tmpfs', '-o', 'ro,size=4k,mode=700', mark, point], `cannot mark ${point}`);
  try {
    await mount(['-t', type, '-o', optionsOf(spec), image, point], `cannot mount ${image}`, hintFor(spec));
    // Another subhost writes this filesystem: then it is this mount alone that is read-only.
    if (spec.fields.filesystem !== spec.fields.access) await remount(spec, spec.fields.access);
  } catch (error) {
    await run('umount', ['-n', '-R', point]);
    removeFolders([point]);
    throw error;
  }
}

function optionsOf({ fields, extra }: DiskSpec): string {
  const { offset, size } = extra.disk.range;
  const part = offset + size === 0 ? [] : [`offset=${offset}`, `sizelimit=${size}`];
  return ['loop', fields.filesystem, ...part].join(',');
}

/** A filesystem that was not unmounted has to be mounted to be written once: only then its journal is worked off. */
function hintFor({ fields, extra }: DiskSpec): string {
  const { image, type, range } = extra.disk;
  if (type !== 'ext4') return `is it whole? file ${image}; dmesg | tail`;
  const name = range.offset === 0 ? image : `${image}?offset=${range.offset}`;
  return fields.filesystem === 'ro' ? `it may want to be repaired: e2fsck '${name}'` : `is it whole? e2fsck '${name}'; dmesg | tail`;
}

async function remount(spec: DiskSpec, access: string): Promise<void> {
  const { point } = spec.extra.disk;
  await mount(['-o', `remount,bind,${access}`, point], `cannot remount ${point}`);
}

async function mount(words: readonly string[], what: string, hint?: string): Promise<void> {
  // Killed with us: what it mounted later would be known to nobody, and be on a mark that is gone.
  const ran = await run('mount', ['-n', ...words], { isUnknown: true });
  if (!ran.ok) throw failure(ran, what, hint);
}

/** The directories of the layers; a link in their place could lead to the machine's own. */
function makeFolders({ look }: Machine, { extra: { disk } }: DiskSpec): void {
  const { point, image, role, partition } = disk;
  const where = partition === null ? image : `partition ${partition} of ${image}`;
  for (const folder of disk.folders) {
    const parts = folder.split('/').filter(Boolean);
    for (const [index] of parts.entries()) {
      const path = parts.slice(0, index + 1).join('/');
      if (role === 'upper' && !look.isPlainFolder(point, path)) makeFolder(`${point}/${path}`, `${where}: /${path}`);
    }
    if (look.isPlainFolder(point, folder)) continue;
    throw new ObError(`${where} has no directory /${folder}`, { hint: `look what it has: ls ${point}` });
  }
}

function makeFolder(path: string, name: string): void {
  try {
    // Upper becomes the subhost's root directory, which its services' own users have to pass.
    mkdirSync(path);
    chmodSync(path, 0o755);
  } catch (error) {
    if (!hasCode(error, 'EEXIST')) throw error;
    throw new ObError(`${name} is no directory`, { hint: 'a link or a file is in its place: remove it, or choose another "path"' });
  }
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

/** Those of a scope go with its last one. */
function removeFolders(points: readonly string[]): void {
  for (const point of points) if (point.startsWith(`${DISKS}/`)) removeWhileEmpty([point, dirname(point), dirname(dirname(point))]);
}

function removeWhileEmpty(folders: readonly string[]): void {
  for (const folder of folders) {
    try {
      rmdirSync(folder);
    } catch (error) {
      if (hasCode(error, 'EBUSY', 'ENOTEMPTY')) return;
      if (!hasCode(error, 'ENOENT')) throw error;
    }
  }
}
