import { chmodSync, mkdirSync, rmdirSync } from 'node:fs';
import { dirname } from 'node:path';
import type { DiskSpec } from './disk-seen.ts';
import { hasCode, ObError } from './error.ts';
import { DISKS } from './hosts.ts';
import type { Machine } from './machine.ts';

/** The directories of the layers; a link in their place could lead to the machine's own. */
export function makeFolders({ look }: Machine, { extra: { disk } }: DiskSpec): void {
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

/** Points of ours; what is around those of a scope goes with the last one. */
export function removeFolders(points: readonly string[]): void {
  for (const point of points) if (point.startsWith(`${DISKS}/`)) removeWhileEmpty([point, dirname(point), dirname(dirname(point))]);
}

/** From the first on, until one is not empty. */
export function removeWhileEmpty(folders: readonly string[]): void {
  for (const folder of folders) {
    try {
      rmdirSync(folder);
    } catch (error) {
      if (hasCode(error, 'EBUSY', 'ENOTEMPTY')) return;
      if (!hasCode(error, 'ENOENT')) throw error;
    }
  }
}
