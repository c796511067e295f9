import { chmodSync, existsSync, mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { ObError } from './error.ts';
import { maskOf } from './hidden.ts';
import { environmentOf, runHook } from './hooks.ts';
import type { Subhost } from './hosts.ts';
import type { Blocker } from './kind.ts';
import { takeForRoot } from './linux/access.ts';
import { stampOf } from './linux/lower-tree.ts';
import type { MountEntry } from './linux/mountinfo.ts';
import type { RootToMount } from './linux/roots.ts';
import type { Machine } from './machine.ts';
import { markOf, parseMark, rootMarkOf } from './marks.ts';
import { takeUpper } from './mount-owners.ts';
import type { MountSpec } from './mount-seen.ts';
import { setUp } from './mount-setup.ts';
import { type InUse, refuseInUse } from './mount-uppers.ts';

/** What is mounted where the root belongs, and is not ours. STACK: all that is mounted there. */
export function blockerOf(machine: Machine, spec: MountSpec, stack: readonly MountEntry[]): Blocker[] {
  if (stack.some((entry) => parseMark(entry.source)?.scope === machine.scope)) return [];
  const [top] = stack.slice(-1);
  if (!top) return [];
  const owner = parseMark(top.source);
  const whose = owner ? `belongs to ${markOf(owner)}` : 'carries no mark of ob';
  const what = `a mount (${top.type}, ${top.source}) is on ${top.point} and ${whose}`;
  const hint = owner
    ? 'give the subhost another "live" in one of the two files'
    : `umount ${top.point}, or give the subhost another "live"`;
  return [{ address: spec.address, what, hint }];
}

/** All that has to be done before the root is mounted. STACKS: what is mounted now, by point. */
export async function prepare(
  machine: Machine,
  spec: MountSpec,
  stacks: ReadonlyMap<string, readonly MountEntry[]>,
  inUse: InUse,
): Promise<RootToMount> {
  const { address, extra } = spec;
  const { mark, subhost } = extra;
  const [blocker] = blockerOf(machine, spec, stacks.get(spec.fields.live) ?? []);
  if (blocker) throw new ObError(blocker.what, { hint: blocker.hint });
  const setup = subhost.hooks?.setup;
  if (setup === undefined) refuseInUse(subhost.upper, inUse);
  makeFolders(subhost);
  takeUpper(machine, spec);
  const upper = setup === undefined ? subhost.upper : await setUp(machine, address, subhost, setup);
  if (setup !== undefined) refuseInUse(upper, machine.look.mountsOfUppers([upper]));
  const real = { ...subhost, upper };
  const { premount } = subhost.hooks ?? {};
  if (premount) await runHook('premount', premount, subhost.base, environmentOf(machine.scope, real));
  if (setup !== undefined) makeFolder(real.work);
  const mask = maskOf(real);
  // Last of all: what the commands have made of it was there when the root was mounted.
  const below = real.upper === real.lower ? undefined : machine.look.tree(real.lower);
  return {
    key: address,
    mark: below ? rootMarkOf(mark, stampOf(below)) : mark,
    subhost: mask === null ? real : { ...real, lower: `${mask}:${real.lower}` },
  };
}

export async function runPostmount(machine: Machine, subhost: Subhost): Promise<void> {
  const { postmount } = subhost.hooks ?? {};
  if (postmount) await runHook('postmount', postmount, subhost.base, environmentOf(machine.scope, subhost));
}

/** In what is not there yet nothing can be hidden: and it has to be before anything is in it. */
export function makeParents({ base, upper, work, live, hooks }: Subhost): void {
  const folders = hooks?.setup === undefined ? [base, upper, work, live] : [base, live];
  for (const folder of folders.filter((one) => !one.startsWith(`${base}/`)))
    try {
      mkdirSync(dirname(folder), { recursive: true });
    } catch {
      // Told by whoever makes the folder itself.
    }
}

/** Base is for root alone: what is set-user-ID inside must not be run by the machine's users (see SECURITY). */
function makeFolders({ base, upper, work, live, lower, hooks }: Subhost): void {
  mkdirSync(base, { recursive: true });
  takeForRoot(base);
  // A program makes the upper directory, on a filesystem of its choice, and work has to be on that.
  const isLiveAlone = upper === lower || hooks?.setup !== undefined;
  for (const folder of isLiveAlone ? [live] : [upper, work, live]) makeFolder(folder);
}

export function makeFolder(folder: string): void {
  if (existsSync(folder)) return;
  mkdirSync(folder, { recursive: true });
  // Upper becomes the subhost's root directory, which its services' own users have to pass.
  chmodSync(folder, 0o755);
}
