import { join } from 'node:path';
import { DISKS, type Disk, type Subhost } from '../../resources/hosts.ts';
import type { RawDiskfile } from './diskfile.ts';
import type { Facts } from './facts.ts';
import type { RawSubhost } from './subhost.ts';

/** Where layers are found. BELOW makes a path on the machine absolute. */
interface Ground {
  readonly name: string;
  readonly scope: string;
  readonly facts: Facts;
  below(path: string): string;
}

type Layers = Pick<Subhost, 'lower' | 'upper' | 'work'> & { readonly disks?: readonly Disk[] };

/** The layers of a subhost as absolute paths, and the filesystems in files that they are on. */
export function toLayers(raw: RawSubhost, ground: Ground): Layers {
  const [lower, upper] = [diskfileOf(raw.lower?.value), diskfileOf(raw.upper?.value)];
  const disks: Disk[] = [];
  const put = (role: Disk['role'], { image, partition }: RawDiskfile, folders: readonly string[]): string => {
    const disk = toDisk(role, image.value, partition?.value ?? null, folders, ground);
    disks.push(disk);
    return disk.point;
  };
  // One and the same: no overlay, the directory itself is the root.
  if (lower && upper && isSame(lower, upper)) {
    const folder = upper.path?.value ?? '';
    const root = join(put('upper', upper, [folder]), folder);
    return { lower: root, upper: root, work: root, disks };
  }
  const lowerPath = lower
    ? join(put('lower', lower, [lower.path?.value ?? '']), lower.path?.value ?? '')
    : ground.below(textOf(raw.lower) ?? '/');
  if (!upper) {
    const paths = { lower: lowerPath, upper: ground.below(textOf(raw.upper) ?? 'root'), work: ground.below(raw.work?.value ?? 'work') };
    return { ...paths, ...(disks.length > 0 ? { disks } : {}) };
  }
  const folders = upperFolders(upper, raw.work?.value);
  const point = put('upper', upper, Object.values(folders));
  return { lower: lowerPath, upper: join(point, folders.upper), work: join(point, folders.work), disks };
}

/** Upper and work of an overlay, from the root of their filesystem. */
function upperFolders({ path }: RawDiskfile, work: string | undefined): { upper: string; work: string } {
  const upper = path?.value ?? 'root';
  return { upper, work: work === undefined ? join(upper, '..', 'work') : trim(work) };
}

/** May this lead out of the filesystem that it is meant in? */
export function isOutside(path: string): boolean {
  return path.split('/').includes('..');
}

function trim(path: string): string {
  return path.replace(/^\/+|\/+$/g, '');
}

export function diskfileOf(layer: string | RawDiskfile | undefined): RawDiskfile | undefined {
  return typeof layer === 'object' ? layer : undefined;
}

function textOf(layer: RawSubhost['lower']): string | undefined {
  return typeof layer?.value === 'string' ? layer.value : undefined;
}

function isSame(one: RawDiskfile, other: RawDiskfile): boolean {
  return (['image', 'partition', 'path'] as const).every((key) => one[key]?.value === other[key]?.value);
}

/** What is wrong with an image is told by its check. */
function toDisk(role: Disk['role'], image: string, partition: number | null, folders: readonly string[], ground: Ground): Disk {
  const path = ground.below(image);
  const seen = ground.facts.image?.(path, partition);
  const { range, type } = seen && !seen.problem ? seen : { range: { offset: 0, size: 0 }, type: 'ext4' };
  return { role, image: path, partition, range, type, point: `${DISKS}/${ground.scope}/${ground.name}.${role}`, folders };
}
