import { existsSync, lstatSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { hasCode, messageOf } from '../error.ts';

/** The disk whose traffic can be limited, as MAJOR:MINOR; or why there is none, in words. */
export type Disk = { readonly device: string; readonly problem?: undefined } | { readonly problem: string; readonly device?: undefined };

/** PATH: a block device, or anything on a filesystem that is on one. Undefined: we may not look. */
export function readDisk(path: string): Disk | undefined {
  try {
    const seen = statSync(path, { bigint: true });
    const [major, minor] = split(seen.isBlockDevice() ? seen.rdev : seen.dev);
    // Without a device: tmpfs, overlay, btrfs and all that is on a network.
    if (major === 0n) return { problem: 'it is on no disk of its own: name the disk itself, such as /dev/sda' };
    return { device: wholeDisk(`${major}:${minor}`) };
  } catch (error) {
    if (hasCode(error, 'EACCES', 'EPERM')) return undefined;
    return { problem: hasCode(error, 'ENOENT') ? 'it does not exist' : messageOf(error) };
  }
}

/** The kernel limits no partition, only the disk that it is on. */
function wholeDisk(device: string): string {
  const folder = `/sys/dev/block/${device}`;
  return existsSync(`${folder}/partition`) ? readFileSync(`${folder}/../dev`, 'utf8').trim() : device;
}

/** makedev(3): twelve bits of major in the middle of the minor's. */
function split(number: bigint): [major: bigint, minor: bigint] {
  return [(number >> 8n) & 0xfffn, (number & 0xffn) | ((number >> 12n) & 0xfff00n)];
}

/** What a node of a device leads to: `c` or `b`, and its number. */
export function readDevice(path: string): { readonly type: 'c' | 'b'; readonly major: bigint; readonly minor: bigint } {
  const seen = lstatSync(path, { bigint: true });
  const [major, minor] = split(seen.rdev);
  return { type: seen.isBlockDevice() ? 'b' : 'c', major, minor };
}

/** Why a path is no device that could be named as one, in words; undefined: it is. */
export function findDeviceProblem(path: string): string | undefined {
  try {
    const seen = lstatSync(path);
    const real = realpathSync(path);
    if (real !== path) return `is reached by a symbolic link: name ${real}`;
    return seen.isCharacterDevice() || seen.isBlockDevice() ? undefined : 'is no device';
  } catch (error) {
    return hasCode(error, 'ENOENT', 'ENOTDIR') ? 'does not exist' : `cannot be looked at: ${messageOf(error)}`;
  }
}
