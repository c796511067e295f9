import { READ_ONLY_TYPES } from '../../resources/linux/image.ts';
import type { Facts } from './facts.ts';
import { diskfileOf, isOutside } from './layers.ts';
import type { Report, Spot } from './node.ts';
import { oncePerPlace } from './problems.ts';
import { showPath } from './show.ts';
import type { Whole } from './whole.ts';

/** Images: there, with a filesystem that fits what it is for, and none used both as a whole and by its partitions. */
export function checkDisks(wholes: readonly Whole[], facts: Facts, report: Report): void {
  const once = oncePerPlace(report);
  const uses = new Map<string, { readonly isWhole: boolean; readonly spot: Spot }>();
  for (const { written, subhost } of wholes)
    for (const disk of subhost.disks ?? []) {
      const raw = diskfileOf(written[disk.role]?.value);
      if (!raw) continue;
      const { image, partition } = raw;
      const problem = facts.image?.(disk.image, disk.partition)?.problem;
      if (problem) once((problem.of === 'partition' && partition) || image, `image ${showPath(disk.image)}: ${problem.words}`);
      else if (disk.role === 'upper' && READ_ONLY_TYPES.includes(disk.type))
        once(image, `image ${showPath(disk.image)} holds ${disk.type}, which cannot be written: only "lower" can be on it`);
      const use = { isWhole: disk.partition === null, spot: image };
      const other = uses.get(disk.image);
      if (other && other.isWhole !== use.isWhole)
        once(image, `image ${showPath(disk.image)} would be used as a whole and by its partitions`, other.spot);
      uses.set(disk.image, other ?? use);
    }
  for (const whole of wholes) checkWork(whole, once);
}

/** Where upper is in an image, work is on the same filesystem, whether it is written or not. */
function checkWork({ written: { upper, work }, subhost }: Whole, report: Report): void {
  const raw = diskfileOf(upper?.value);
  if (!raw || subhost.upper === subhost.lower) return;
  if (raw.path?.value === '') report(raw.path, 'upper needs a directory of the filesystem for itself: work lies beside it');
  else if (work && isOutside(work.value)) report(work, 'work is meant from the root of the filesystem that upper is on: it has ".." in it');
}
