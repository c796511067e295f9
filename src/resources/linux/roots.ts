import type { ObError } from '../error.ts';
import type { Subhost } from '../hosts.ts';
import { parseMark } from '../marks.ts';
import { runForEach } from '../reaper.ts';
import { isOutsideOf } from './mask.ts';
import { readMounts } from './mountinfo.ts';

/** A root to mount; KEY tells it from the others, MARK becomes the source of the mount. */
export interface RootToMount {
  readonly key: string;
  readonly mark: string;
  readonly subhost: Subhost;
}

/** What tells, beneath a root, that a program has to be run after its end, and in which environment. */
export interface Setup {
  readonly key: string;
  readonly mark: string;
  readonly live: string;
  readonly environment: string;
}

export function mountSetups(reaper: string, setups: readonly Setup[]): Promise<Map<string, ObError>> {
  const words = setups.flatMap(({ key, mark, live, environment }) => ['setup', key, mark, live, environment]);
  return runForEach(reaper, 'mount', words, keysOf(setups));
}

/** Mount points with so many mounts to take off, topmost first. */
export interface RootToUnmount {
  readonly key: string;
  readonly point: string;
  readonly depth: number;
}

/** Mounts all of them with one program: mount(8) mounts one. Gives the errors by key. */
export function mountRoots(reaper: string, roots: readonly RootToMount[]): Promise<Map<string, ObError>> {
  const words = roots.flatMap(({ key, mark, subhost: { upper, lower, work, live, userns } }) => {
    if (upper === lower) return ['bind', key, mark, live, upper];
    const words = [key, mark, live, lower, upper, work];
    return userns ? ['mapped', ...words, String(userns)] : ['overlay', ...words];
  });
  return runForEach(reaper, 'mount', words, keysOf(roots));
}

export async function unmountRoots(reaper: string, roots: readonly RootToUnmount[]): Promise<Map<string, ObError>> {
  const all = [...(roots.length > 0 ? mountsBelow(roots) : []), ...roots];
  const words = all.flatMap(({ key, point, depth }) => [key, point, String(depth)]);
  const errors = await runForEach(reaper, 'umount', words, keysOf(all));
  // What is left below a root keeps that busy, which is told with who holds it.
  return new Map([...errors].filter(([key]) => !key.startsWith(BELOW)));
}

const BELOW = 'below:';

/** What lies in a root, as by a postmount command, has to go before it: the deepest first. */
function mountsBelow(roots: readonly RootToUnmount[]): RootToUnmount[] {
  const isOutside = isOutsideOf(new Set(roots.map(({ point }) => point)));
  return readMounts()
    .filter(({ point, source }) => !isOutside(point) && !parseMark(source))
    .sort((a, b) => b.point.length - a.point.length)
    .map(({ point }, index) => ({ key: `${BELOW}${index}`, point, depth: 1 }));
}

function keysOf(roots: readonly { readonly key: string }[]): string[] {
  return roots.map(({ key }) => key);
}
