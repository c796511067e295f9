import { setTimeout as sleep } from 'node:timers/promises';
import { isAdoptedCgroup } from './adopted.ts';
import { ObError } from './error.ts';
import type { Blocker } from './kind.ts';
import { readCgroup } from './linux/cgroup.ts';
import { type KnownMounts, type UpperUse, whereOf } from './linux/holders.ts';
import type { Machine } from './machine.ts';
import { isRootMark, parseMark } from './marks.ts';
import type { MountLive, MountSpec } from './mount-seen.ts';

// Two overlays on one upper directory corrupt it, and the kernel does no more than log a warning.

const IN_USE = 'is the upper directory of another mount already';
const IN_USE_HINT = 'end that one first';

export type InUse = ReadonlyMap<string, readonly UpperUse[]>;

export function hasOwnUpper({ extra }: MountSpec): boolean {
  return extra.subhost.hooks?.setup === undefined;
}

/** ROOTS with whether each is alone on its upper directory, and what stands in the way of DESIRED for want of that. */
export async function seeUppers(
  machine: Machine,
  roots: readonly MountLive[],
  desired: readonly MountSpec[],
): Promise<{ live: MountLive[]; blockers: Blocker[] }> {
  const wanted = new Map(desired.map((spec) => [spec.address, spec]));
  const there = new Map(roots.map((root) => [root.address, upperOf(root)]));
  const fresh = desired.filter(
    (spec) => spec.fields.type === 'overlay' && hasOwnUpper(spec) && there.get(spec.address) !== spec.extra.subhost.upper,
  );
  const shown = roots.flatMap((root) => (wanted.has(root.address) ? (upperOf(root) ?? []) : []));
  const known = await knownMounts(machine, desired);
  const inUse = machine.look.mountsOfUppers([...shown, ...fresh.map((spec) => spec.extra.subhost.upper)], known);
  const others = new Map(
    roots.flatMap((root) => {
      const spec = wanted.get(root.address);
      const other = spec && otherThan(machine, root, spec, inUse.get(upperOf(root) ?? '') ?? []);
      return other ? [[root.address, other] as const] : [];
    }),
  );
  const live = roots.map((root) => (upperOf(root) ? { ...root, fields: { ...root.fields, alone: !others.has(root.address) } } : root));
  const blockers = [...others].map(([address, other]) => toBlocker(address, there.get(address) ?? '', other));
  return { live, blockers: [...blockers, ...fresh.flatMap((spec) => usedByOther(machine, spec, inUse))] };
}

/** Nearly all mount namespaces are those of subhosts, and what is in these is read for another reason as well. */
async function knownMounts({ look, scope }: Machine, desired: readonly MountSpec[]): Promise<KnownMounts> {
  const inits = await Promise.all(desired.map(({ extra }) => look.initSeen({ scope, name: extra.subhost.name })));
  return new Map(inits.flatMap((init) => (init ? [[init.pid, init.mounts]] : [])));
}

function upperOf({ fields }: MountLive): string | undefined {
  return fields.type === 'overlay' && typeof fields['upper'] === 'string' && fields['upper'] !== '' ? fields['upper'] : undefined;
}

/** One and the same overlay has one device, wherever it shows: what PID 1 has is ours, else what is mounted. */
function otherThan(machine: Machine, root: MountLive, { extra, fields }: MountSpec, uses: readonly UpperUse[]): UpperUse | undefined {
  if (uses.every(({ device }) => device === uses[0]?.device)) return undefined;
  const { mark, subhost } = extra;
  const isRoot = (point: string) => (one: { type: string; source: string; point: string }) =>
    one.type === 'overlay' && isRootMark(one.source, mark) && one.point === point;
  const kept = machine.look.init({ scope: machine.scope, name: subhost.name })?.mounts.find(isRoot('/'));
  const own = kept ?? machine.look.mountinfo().find(isRoot(root.fields.live ?? fields.live));
  return uses.find(({ device }) => device !== own?.device);
}

/** Where one of our own has it, that one is known as live, and goes first. */
function usedByOther({ scope }: Machine, { address, extra }: MountSpec, inUse: InUse): Blocker[] {
  const owner = { scope, name: extra.subhost.name };
  // What has been taken over is known as live too, with its processes.
  const isOther = ({ source, pid }: UpperUse): boolean => parseMark(source)?.scope !== scope && !isAdoptedCgroup(readCgroup(pid), owner);
  const other = inUse.get(extra.subhost.upper)?.find(isOther);
  return other ? [toBlocker(address, extra.subhost.upper, other)] : [];
}

function toBlocker(address: Blocker['address'], upper: string, use: UpperUse): Blocker {
  return { address, what: `${upper} ${IN_USE}: ${whereOf(use)}`, hint: IN_USE_HINT };
}

const COPY_LIMIT_MS = 1000;

/** Another subhost that is just being booted has copies of all mounts of the machine for a moment. */
export async function waitForUppers(machine: Machine, uppers: readonly string[]): Promise<InUse> {
  const deadline = performance.now() + COPY_LIMIT_MS;
  for (;;) {
    const inUse = machine.look.mountsOfUppers(uppers);
    if (inUse.size === 0 || performance.now() > deadline) return inUse;
    await sleep(10);
  }
}

export function refuseInUse(upper: string, inUse: InUse): void {
  const [other] = inUse.get(upper) ?? [];
  if (other) throw new ObError(`${upper} ${IN_USE}: ${whereOf(other)}`, { hint: IN_USE_HINT });
}
