import { mkdirSync } from 'node:fs';
import { removeFolders } from './disk-folders.ts';
import { blockersOf, type DiskSpec } from './disk-seen.ts';
import { ObError } from './error.ts';
import type { Machine } from './machine.ts';
import { failure } from './ran.ts';
import { run } from './run.ts';

/** Mounts the image of SPEC on a mark of ours. */
export async function attach(machine: Machine, spec: DiskSpec): Promise<void> {
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

/** ACCESS: `ro` or `rw`, of this mount alone. */
export async function remount(spec: DiskSpec, access: string): Promise<void> {
  const { point } = spec.extra.disk;
  await mount(['-o', `remount,bind,${access}`, point], `cannot remount ${point}`);
}

async function mount(words: readonly string[], what: string, hint?: string): Promise<void> {
  // Killed with us: what it mounted later would be known to nobody, and be on a mark that is gone.
  const ran = await run('mount', ['-n', ...words], { isUnknown: true });
  if (!ran.ok) throw failure(ran, what, hint);
}
