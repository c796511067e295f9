import type { Disk, Range } from './hosts.ts';
import type { Blocker, Live, Spec } from './kind.ts';
import type { Mount } from './linux/mountinfo.ts';
import type { Machine } from './machine.ts';
import { diskMarkOf, markOf, parseDiskMark } from './marks.ts';

/** An index signature lets the planner read fields whose names it does not know. */
export type DiskFields = {
  readonly [field: string]: string | boolean | readonly string[];
  readonly image: string;
  /** Bytes of the image, e.g. `1048576+4194304`; `all`. */
  readonly bytes: string;
  /** Of the filesystem, which all its mounts share. */
  readonly filesystem: 'rw' | 'ro';
  /** Of the mount. */
  readonly access: 'rw' | 'ro';
  readonly on_top: boolean;
  /** Of those that are wanted, the ones that are there. */
  readonly folders: readonly string[];
};
export type DiskExtra = { readonly mark: string; readonly disk: Disk };
export type DiskSpec = Spec<DiskFields, DiskExtra>;
/** POINTS: all at which it shows; SOURCE: the loop device, if one is mounted. */
export type DiskHandle = { readonly points: readonly string[]; readonly source: string | undefined };
export type DiskLive = Live<DiskFields, DiskHandle>;

/** All that is mounted at each point, the topmost last. */
export function stacksOf(mounts: readonly Mount[]): Map<string, Mount[]> {
  const stacks = new Map<string, Mount[]>();
  for (const mount of mounts) stacks.set(mount.point, [...(stacks.get(mount.point) ?? []), mount]);
  return stacks;
}

export function showRange({ offset, size }: Range): string {
  return offset + size === 0 ? 'all' : `${offset}+${size}`;
}

/** Every disk that carries the scope's mark, each once: where it shows at several points, it is gone when all of them are. */
export function listDisks(machine: Machine, desired: readonly DiskSpec[]): DiskLive[] {
  // What tells more of each mount takes longer to read.
  if (!machine.look.mounts().some(({ source }) => source.includes('#') && parseDiskMark(source))) return [];
  const found = new Map<string, DiskLive>();
  for (const stack of stacksOf(machine.look.mountinfo()).values())
    for (const one of toLive(machine, stack, desired)) {
      const before = found.get(one.address);
      found.set(
        one.address,
        before ? { ...before, handle: { ...before.handle, points: [...before.handle.points, ...one.handle.points] } } : one,
      );
    }
  return [...found.values()];
}

function toLive(machine: Machine, stack: readonly Mount[], desired: readonly DiskSpec[]): DiskLive[] {
  const at = stack.findIndex(({ source }) => parseDiskMark(source)?.scope === machine.scope);
  const owner = parseDiskMark(stack[at]?.source);
  if (!owner) return [];
  const address = `disk/${owner.name}.${owner.role}` as const;
  const mounted = stack[at + 1];
  const loop = mounted && machine.look.loop(mounted.source);
  const point = stack[at]?.point ?? '';
  const wanted = desired.find((spec) => spec.address === address);
  return [
    {
      address,
      subhost: owner.name,
      needs: [],
      holds: [...(loop ? [`image:${loop.image}`] : []), `dir:${point}`],
      fields: {
        on_top: mounted !== undefined && mounted === stack.at(-1),
        // Of what is not mounted, or covered, nothing else can be seen.
        ...(loop && mounted === stack.at(-1)
          ? {
              image: loop.image,
              bytes: showRange(loop.range),
              filesystem: mounted.superOptions.includes('ro') ? 'ro' : 'rw',
              access: mounted.options.includes('ro') ? 'ro' : 'rw',
              ...(wanted ? { folders: wanted.fields.folders.filter((folder) => machine.look.isPlainFolder(point, folder)) } : {}),
            }
          : {}),
      },
      handle: { points: [point], source: mounted?.source },
    },
  ];
}

/** What is mounted in its place, or mounts its image in another way than it needs. */
export function blockersOf(machine: Machine, spec: DiskSpec): Blocker[] {
  const { address, extra } = spec;
  const stacks = stacksOf(machine.look.mountinfo());
  const [top] = (stacks.get(extra.disk.point) ?? []).slice(-1);
  if (top && !isOurs(machine, stacks.get(top.point) ?? []))
    return [
      { address, what: `a mount (${top.type}, ${top.source}) is on ${top.point} and carries no mark of ob`, hint: `umount ${top.point}` },
    ];
  const other = [...stacks.values()].find((stack) => !isOurs(machine, stack) && stack.some((mount) => clashes(machine, spec, mount)));
  if (!other) return [];
  const [mount] = other.filter((one) => clashes(machine, spec, one));
  const owner = parseDiskMark(other[0]?.source);
  const whose = owner ? `for ${markOf(owner)}` : "and it is no mount of ob's";
  return [
    {
      address,
      what: `${extra.disk.image} is mounted on ${mount?.point} already (${mount?.source}) ${whose}`,
      hint: 'two that write one filesystem destroy it: end that one first, or use a copy of the image',
    },
  ];
}

function isOurs({ scope }: Machine, stack: readonly Mount[]): boolean {
  return stack.some(({ source }) => parseDiskMark(source)?.scope === scope);
}

/** Many may read the same bytes of an image; whoever writes them is alone. */
function clashes(machine: Machine, { fields, extra }: DiskSpec, mount: Mount): boolean {
  const loop = machine.look.loop(mount.source);
  if (!loop || loop.image !== extra.disk.image || !overlaps(loop.range, extra.disk.range)) return false;
  return fields.filesystem === 'rw' || !mount.superOptions.includes('ro') || showRange(loop.range) !== fields.bytes;
}

function overlaps(one: Range, other: Range): boolean {
  const end = ({ offset, size }: Range): number => (size === 0 ? Number.POSITIVE_INFINITY : offset + size);
  return one.offset < end(other) && other.offset < end(one);
}

export function markOfDisk(scope: string, name: string, { role }: Disk): string {
  return diskMarkOf({ scope, name }, role);
}
