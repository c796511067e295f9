import { existsSync } from 'node:fs';
import type { Mount } from './linux/mountinfo.ts';
import { isRootMark } from './marks.ts';

/** What of /proc and /sys is covered inside, or read-only, where the kernel has it; as reaper/masks.c has them, sorted. */
export const MASKED = [
  '/proc/acpi',
  '/proc/asound',
  '/proc/bus',
  '/proc/fs',
  '/proc/irq',
  '/proc/kcore',
  '/proc/keys',
  '/proc/kmsg',
  '/proc/latency_stats',
  '/proc/sched_debug',
  '/proc/scsi',
  '/proc/sys',
  '/proc/sys/net',
  '/proc/sysrq-trigger',
  '/proc/timer_list',
  '/proc/timer_stats',
  '/sys/devices/virtual/powercap',
  '/sys/firmware',
];

/** Of a root on which the nodes of devices are devices. */
export const DEVICE_NODES = 'device nodes';

/** Those that this kernel has. */
export function readMaskable(): string[] {
  return MASKED.filter((path) => existsSync(path));
}

/**
 * What has lost its cover, by the mounts of a subhost. What is below a /proc or /sys that is gone is not there. A root
 * that is not an overlay of ours is as it was given.
 */
export function findExposed(mounts: readonly Mount[], mark: string, maskable: readonly string[]): string[] {
  const covered = new Set(mounts.flatMap(({ point, source }) => (source === mark ? point : [])));
  const root = mounts.findLast(({ point }) => point === '/');
  const hasDevices = root?.type === 'overlay' && isRootMark(root.source, mark) && !root.options.includes('nodev');
  const isThere = (path: string): boolean => covered.has(`/${path.split('/')[1]}`);
  return [...maskable.filter((path) => !covered.has(path) && isThere(path)), ...(hasDevices ? [DEVICE_NODES] : [])];
}
