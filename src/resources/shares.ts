import { mayMount } from './confinement.ts';
import type { ObError } from './error.ts';
import type { Share, Subhost } from './hosts.ts';
import type { Mount } from './linux/mountinfo.ts';
import type { ProcessId } from './linux/proc.ts';
import type { LiveInit } from './machine.ts';
import { MASKED } from './masks.ts';
import { runForEach } from './reaper.ts';

/** What the reaper mounts in every subhost. */
const OWN_POINTS = ['/dev', '/dev/pts', '/dev/shm', '/proc', '/run', '/sys', '/.reaper', ...MASKED];

/**
 * A device of the machine's is shared at the place that it has there: read-only, so that nobody inside changes its owner
 * and mode. What is written to it goes to the device, not to the mount.
 */
function toDevice(path: string): Share {
  return { source: path, target: path, readOnly: true, isDevice: true };
}

/** All of the machine's that a subhost sees too. */
export function sharesOf({ shares, devices = [] }: Subhost): Share[] {
  return [...shares, ...devices.map(toDevice)];
}

/** How a share is told: `/srv/data on /data`, with ` (ro)` behind it; a device by its path. */
export function showShare({ source, target, readOnly, isDevice }: Share): string {
  if (isDevice) return target;
  return `${source} on ${target}${readOnly ? ' (ro)' : ''}`;
}

/**
 * What is shared with a subhost, sorted, by its mounts: all but its root and what the reaper mounts, as nothing inside
 * may mount anything. If it may, a share is what is on a filesystem of the machine's. A mount tells its filesystem
 * and the directory of that: where the machine has the same is its source.
 */
export function listShares(
  { mounts: inside, confinement }: Pick<LiveInit, 'mounts' | 'confinement'>,
  mark: string,
  readMachine: () => readonly Mount[],
  wanted: readonly Share[],
): string[] {
  const root = inside.findLast(({ point }) => point === '/')?.device;
  const shared = new Set(
    mayMount(confinement) ? readMachine().flatMap(({ device }) => (device === root ? [] : device)) : inside.map(({ device }) => device),
  );
  const own = inside.filter(
    ({ point, source, device }) => point !== '/' && !(source === mark && OWN_POINTS.includes(point)) && shared.has(device),
  );
  // Of two on one another only the upper one is seen.
  const seen = [...new Map(own.map((mount) => [mount.point, mount])).values()];
  return seen.map((mount) => showShare(toShare(mount, readMachine(), wanted))).sort();
}

/** One is at its place on the machine, and read-only. */
function isDevice(mount: Mount, machine: readonly Mount[]): boolean {
  return mount.point.startsWith('/dev/') && mount.options.includes('ro') && isAt(mount, placeOf(mount.point, machine));
}

function toShare(mount: Mount, machine: readonly Mount[], wanted: readonly Share[]): Share {
  if (isDevice(mount, machine)) return toDevice(mount.point);
  const same = wanted.find(({ source, target }) => target === mount.point && isAt(mount, placeOf(source, machine)));
  return { source: same?.source ?? `${mount.source}:${mount.root}`, target: mount.point, readOnly: mount.options.includes('ro') };
}

interface Place {
  readonly device: string;
  readonly root: string;
}

function isAt(mount: Mount, place: Place | undefined): boolean {
  return place !== undefined && mount.device === place.device && mount.root === place.root;
}

/** On which filesystem a path of the machine's is, and where in it. */
function placeOf(path: string, machine: readonly Mount[]): Place | undefined {
  const holds = ({ point }: Mount): boolean => point === '/' || path === point || path.startsWith(`${point}/`);
  const longest = Math.max(...machine.filter(holds).map(({ point }) => point.length));
  const mount = machine.findLast((one) => holds(one) && one.point.length === longest);
  if (!mount) return undefined;
  const rest = mount.point === '/' ? path : path.slice(mount.point.length);
  return { device: mount.device, root: mount.root === '/' ? rest || '/' : mount.root + (rest === '/' ? '' : rest) };
}

/** Brings the shares of a running subhost from what is seen to what is wanted; the first error, if any. */
export async function changeShares(
  reaper: string,
  { pid, ticks }: ProcessId,
  seen: readonly string[],
  wanted: readonly Share[],
): Promise<ObError | undefined> {
  const texts = wanted.map(showShare);
  const unwanted = seen.filter((text) => !texts.includes(text)).map(targetOf);
  // What is mounted below one that goes, goes with it, and comes back.
  const isCarriedOff = (target: string): boolean => unwanted.some((one) => target.startsWith(`${one}/`));
  const gone = seen.filter((text) => !texts.includes(text) || isCarriedOff(targetOf(text))).map(targetOf);
  const fresh = wanted.filter((share) => !seen.includes(showShare(share)) || isCarriedOff(share.target));
  const orders = [
    // What lies deeper goes first, and comes last.
    ...gone
      .toSorted()
      .reverse()
      .map((target) => ['remove', target]),
    ...fresh.toSorted((a, b) => (a.target < b.target ? -1 : 1)).map((share) => ['add', ...toWords(share)]),
  ];
  for (const order of orders) {
    const key = String(pid);
    const error = (await runForEach(reaper, 'share', [key, String(ticks), ...order], [key])).get(key);
    if (error) return error;
  }
  return undefined;
}

/** In the reaper's words. */
export function toWords({ source, target, readOnly, isDevice }: Share): string[] {
  return [source, target, isDevice ? 'dev' : readOnly ? 'ro' : 'rw'];
}

/** Where it is seen inside, out of how it is told. */
function targetOf(text: string): string {
  return / on (.*?)(?: \(ro\))?$/.exec(text)?.[1] ?? text;
}

/** Is this how something in /dev is told? No share is there but a device. */
export function isInDev(text: string): boolean {
  return targetOf(text).startsWith('/dev/');
}
