import { mayMount } from './confinement.ts';
import type { ObError } from './error.ts';
import type { Share } from './hosts.ts';
import type { Mount } from './linux/mountinfo.ts';
import type { ProcessId } from './linux/proc.ts';
import type { LiveInit } from './machine.ts';
import { MASKED } from './masks.ts';
import { runForEach } from './reaper.ts';

/** What the reaper mounts in every subhost. */
const OWN_POINTS = ['/dev', '/dev/pts', '/dev/shm', '/proc', '/run', '/sys', '/.reaper', ...MASKED];

/** How a share is told: `/srv/data on /data`, with ` (ro)` behind it. */
export function showShare({ source, target, readOnly }: Share): string {
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
  machine: readonly Mount[],
  wanted: readonly Share[],
): string[] {
  const root = inside.findLast(({ point }) => point === '/')?.device;
  const shared = new Set(
    mayMount(confinement) ? machine.flatMap(({ device }) => (device === root ? [] : device)) : inside.map(({ device }) => device),
  );
  const own = inside.filter(
    ({ point, source, device }) => point !== '/' && !(source === mark && OWN_POINTS.includes(point)) && shared.has(device),
  );
  // Of two on one another only the upper one is seen.
  const seen = [...new Map(own.map((mount) => [mount.point, mount])).values()];
  return seen.map((mount) => showShare(toShare(mount, machine, wanted))).sort();
}

function toShare(mount: Mount, machine: readonly Mount[], wanted: readonly Share[]): Share {
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
  const gone = seen.filter((text) => !texts.includes(text)).map((text) => / on (.*?)(?: \(ro\))?$/.exec(text)?.[1] ?? '');
  const fresh = wanted.filter((share) => !seen.includes(showShare(share)));
  const orders = [
    // What lies deeper goes first, and comes last.
    ...gone
      .toSorted()
      .reverse()
      .map((target) => ['remove', target]),
    ...fresh
      .toSorted((a, b) => (a.target < b.target ? -1 : 1))
      .map(({ source, target, readOnly }) => ['add', source, target, readOnly ? 'ro' : 'rw']),
  ];
  for (const order of orders) {
    const key = String(pid);
    const error = (await runForEach(reaper, 'share', [key, String(ticks), ...order], [key])).get(key);
    if (error) return error;
  }
  return undefined;
}
