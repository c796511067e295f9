import { ObError } from './error.ts';
import { showIds } from './ids.ts';
import type { Blocker } from './kind.ts';
import { giveUpper, showOwner } from './linux/owners.ts';
import type { Machine } from './machine.ts';
import type { MountLive, MountSpec } from './mount-seen.ts';

/**
 * What is in the upper directory and belongs to others than root inside would be, as after a run without ids of its own: nobody
 * inside could change it. A root that is mounted as it is to be stands on what is its own.
 */
export function wrongOwners({ look }: Machine, spec: MountSpec, live?: MountLive): Blocker[] {
  const { upper, hooks, userns = 0 } = spec.extra.subhost;
  if (spec.fields.type === 'bind' || hooks?.setup !== undefined || live?.fields.userns === spec.fields.userns) return [];
  const wrong = look.wrongOwner(upper, userns);
  if (!wrong) return [];
  const whose = userns ? `the ids ${showIds(userns)}` : "the machine's root";
  return [{ address: spec.address, what: `${showOwner(wrong)}, not to ${whose}`, hint: HINT }];
}

const HINT = 'give the subhost another "upper", or another "userns", or its files to these; see docs/security.md';

/** Gives an upper directory that is empty to root inside. */
export function takeUpper(machine: Machine, spec: MountSpec): void {
  const [blocker] = wrongOwners(machine, spec);
  if (blocker) throw new ObError(blocker.what, { hint: blocker.hint });
  const { userns, upper } = spec.extra.subhost;
  if (userns) giveUpper(upper, userns);
}

/** What the kernel said when it was to mount a root. */
export function explainMount({ message }: ObError): ObError {
  const [, path] = /^idmap (.+): [^:]+$/.exec(message) ?? [];
  const hint = `the filesystem of ${path} cannot show other owners, as "userns" needs it; ext4, xfs, btrfs and tmpfs can, in Linux 6.3 and later`;
  return new ObError(`cannot mount the root: ${message}`, path ? { hint } : {});
}
