import { resolve } from 'node:path';
import { checkOnce } from './check-once.ts';
import type { Facts } from './facts.ts';
import type { Report } from './node.ts';
import { oncePerPlace } from './problems.ts';
import type { Whole } from './whole.ts';

/** What is limited is a disk, and each disk is limited once. */
export function checkLimits(wholes: readonly Whole[], facts: Facts, report: Report): void {
  const once = oncePerPlace(report);
  for (const { written, subhost } of wholes) {
    const disks = (written.limits?.io ?? []).flatMap(({ name, isNameGood, value }) => {
      if (!isNameGood) return [];
      const path = facts.realPath(resolve(subhost.base, name.value));
      if (value.read === undefined && value.write === undefined) once(name, `${path} needs "read" or "write"`);
      const disk = facts.disk?.(path);
      if (disk?.problem !== undefined) once(name, `${path} cannot be limited: ${disk.problem}`);
      return disk?.device ? [{ ...name, what: `the disk ${disk.device} of ${path}`, keys: [disk.device] }] : [];
    });
    checkOnce(disks, report);
  }
}
