import { ObError } from './error.ts';
import type { Subhost } from './hosts.ts';
import { showIds } from './ids.ts';
import type { Blocker } from './kind.ts';
import { giveUpper, showOwner } from './linux/owners.ts';
import type { Machine } from './machine.ts';
import type { MountFields, MountLive, MountSpec } from './mount-seen.ts';

/**
 * What is in the upper directory and belongs to others than root inside would be, as after a run without ids of its own: nobody
 * inside could change it. A root that is mounted as it is to be stands on what is its own.
 */
export function ownersInTheWay(machine: Machine, spec: MountSpec, live: MountLive | undefined): Blocker[] {
  if (live?.fields.userns === spec.fields.userns || isOfOtherImage(machine, spec.extra.subhost)) return [];
  return wrongOwners(machine, spec);
}

/** What is in an image is seen once it is mounted. */
function isOfOtherImage({ look }: Machine, { disks = [] }: Subhost): boolean {
  const disk = disks.find(({ role }) => role === 'upper');
  if (!disk) return false;
  const [top] = look
    .mounts()
    .filter(({ point }) => point === disk.point)
    .slice(-1);
  return !top || look.loop(top.source)?.image !== disk.image;
}

function wrongOwners({ look }: Machine, spec: MountSpec, isOurs = false): Blocker[] {
  const { upper, hooks, userns = 0 } = spec.extra.subhost;
  if (spec.fields.type === 'bind' || hooks?.setup !== undefined) return [];
  const wrong = look.wrongOwner(upper, userns, isOurs);
  if (!wrong) return [];
  const whose = userns ? `the ids ${showIds(userns)}` : "the machine's root";
  return [{ address: spec.address, what: `${showOwner(wrong)}, not to ${whose}`, hint: HINT }];
}

const HINT = 'give the subhost another "upper", or another "userns", or its files to these; see docs/security.md';

/** Gives an upper directory that is empty to root inside; or, ISOURS, one that was given away while it was mounted. */
export function takeUpper(machine: Machine, spec: MountSpec, isOurs = false): void {
  const [blocker] = wrongOwners(machine, spec, isOurs);
  if (blocker) throw new ObError(blocker.what, { hint: blocker.hint });
  const { userns, upper } = spec.extra.subhost;
  if (userns) giveUpper(upper, userns);
}

/** What `upper_owner` is where nothing is wrong: root inside may give it to any of his. */
export const OWN_IDS = 'its own ids';

/** Of a root that is mounted with the ids that are wanted: whom its upper directory belongs to. */
export function ownerSeen(
  machine: Machine,
  mounted: string | null | undefined,
  spec: MountSpec | undefined,
): Pick<MountFields, 'upper_owner'> {
  if (!spec?.fields.upper_owner || mounted !== spec.fields.userns || isOfOtherImage(machine, spec.extra.subhost)) return {};
  const { upper, userns = 0 } = spec.extra.subhost;
  return { upper_owner: machine.look.strangerOf(upper, userns) ?? OWN_IDS };
}

/** What the kernel said when it was to mount a root. */
export function explainMount({ message }: ObError): ObError {
  const [, path] = /^idmap (.+): [^:]+$/.exec(message) ?? [];
  const hint = `the filesystem of ${path} cannot show other owners, as "userns" needs it; ext4, xfs, btrfs and tmpfs can, in Linux 6.3 and later`;
  return new ObError(`cannot mount the root: ${message}`, path ? { hint } : {});
}
