import { hasCode, ObError, toObError } from './error.ts';
import type { Limits, Subhost } from './hosts.ts';
import { cgroupPath, enableIn, listNames, makeCgroup, readMembers, sharedOut } from './linux/cgroup.ts';
import { CONTROLLERS, type Controller, type Place, type Places, whyNowhere } from './linux/controllers.ts';
import { readLimit, writeLimit } from './linux/limit-files.ts';
import { formatSize } from './linux/mountinfo.ts';
import type { Owner } from './marks.ts';

/** Of every subhost whose file says nothing else: no fork bomb gets at the machine. */
const DEFAULT_PIDS = 2048;

/** Limits as a cgroup has them. */
export type Seen = { readonly [C in Controller]?: NonNullable<Limits[C]> };

/** In the form in which they are compared: `cpu 1.5`, `io 8:0 read 20M`, `memory 512M`, `pids 2048`; sorted. */
export function showLimits({ cpu, io, memory, pids }: Seen): string[] {
  const rates = (io ?? []).flatMap(({ device, read, write }) => [
    ...(read === undefined ? [] : [`io ${device} read ${formatSize(read)}`]),
    ...(write === undefined ? [] : [`io ${device} write ${formatSize(write)}`]),
  ]);
  return [
    ...(cpu === undefined ? [] : [`cpu ${cpu}`]),
    ...rates.sort(),
    ...(memory === undefined ? [] : [`memory ${formatSize(memory)}`]),
    ...(pids === undefined ? [] : [`pids ${pids}`]),
  ];
}

/** What a subhost is to have, its default among it. */
export function limitsOf({ limits = {} }: Pick<Subhost, 'limits'>): Seen {
  const { pids = DEFAULT_PIDS, ...others } = limits;
  return pids === null ? others : { ...others, pids };
}

/** Reads the limits that a subhost has. PID: its PID 1; in a v1 tree it may be elsewhere than in the group that has them. */
export type LimitReader = (owner: Owner, pid: number) => Seen;

/** What many subhosts have in common is read once: most have few limits, and to look for a file that is not there costs most. */
export function createLimitReader(places: Places): LimitReader {
  const groups = new Map<string, ReadonlySet<string>>();
  /** The subhosts with a group in a v1 tree; the controllers that are shared out to those of a scope in the v2 tree. */
  const membersOf = ({ version, root }: Place, scope: string): ReadonlySet<string> => {
    const key = `${root}/${scope}`;
    const known = groups.get(key) ?? new Set(version === 1 ? listNames(root, scope) : sharedOut(root, scope));
    groups.set(key, known);
    return known;
  };
  return (owner, pid) => {
    const seen = [...places].flatMap(([controller, place]) => {
      const isThere = membersOf(place, owner.scope).has(place.version === 1 ? owner.name : controller);
      const value = isThere ? readOne(place, controller, owner, pid) : undefined;
      return value === undefined ? [] : [[controller, value]];
    });
    return Object.fromEntries(seen);
  };
}

function readOne({ version, root }: Place, controller: Controller, owner: Owner, pid: number): Seen[Controller] {
  const folder = cgroupPath(root, owner);
  const value = readLimit(version, controller, folder);
  return value === undefined || version === 2 || readMembers(folder).includes(pid) ? value : undefined;
}

/**
 * Those in the form of `showLimits`. The default counts as there where the machine has no controller for it: nobody has
 * asked for that.
 */
export function showSeen(seen: Seen, places: Places, wanted: Subhost | undefined): string[] {
  const isLacking = wanted !== undefined && wanted.limits?.pids === undefined && !places.has('pids');
  return showLimits({ ...seen, ...(isLacking ? { pids: DEFAULT_PIDS } : {}) });
}

/** Throws what the machine lacks for limits that the file asks for. */
export function needControllers(places: Places, { name, limits = {} }: Subhost): void {
  const lacking = CONTROLLERS.find(
    (controller) => limits[controller] !== undefined && limits[controller] !== null && !places.has(controller),
  );
  if (!lacking) return;
  const { why, hint } = whyNowhere(lacking);
  throw new ObError(`this machine cannot limit ${lacking} of ${name}: ${why}`, { hint });
}

/** Makes the groups that it takes in every tree, and sets all limits: before PID 1 is there, or under what runs. */
export function setLimits(places: Places, owner: Owner, limits: Seen): void {
  for (const controller of CONTROLLERS) {
    const place = places.get(controller);
    if (place) setOne(place, controller, owner, limits[controller]);
  }
}

function setOne<C extends Controller>({ version, root }: Place, controller: C, owner: Owner, value: Seen[C]): void {
  const folder = cgroupPath(root, owner);
  if (value !== undefined) {
    if (version === 2) enableIn(root, owner, controller);
    else makeCgroup(folder);
  }
  const [now, wanted] = [readLimit(version, controller, folder), value].map((one) => showLimits({ [controller]: one }).join(', '));
  if (now === wanted) return;
  try {
    writeLimit(version, controller, folder, value);
  } catch (error) {
    throw new ObError(`cannot set the limit ${wanted || `${controller} none`}: ${toObError(error).message}`, {
      cause: error,
      ...(hasCode(error, 'EBUSY') ? { hint: 'more than that is in use now' } : {}),
    });
  }
}
