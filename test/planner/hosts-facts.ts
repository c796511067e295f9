import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Facts, What } from '../../src/planner/hosts/facts.ts';
import type { Disk } from '../../src/resources/linux/block.ts';
import type { Image } from '../../src/resources/linux/image.ts';

/** The machine that the files in fixtures/bad and fixtures/good are read on; see fixtures/bad/README.md. */
export const FACTS: Facts = {
  realPath: (path) => path.replace(/^\/srv\/comma\b/, '/data/a,b').replace(/^\/srv\/link\b/, '/data/real'),
  deviceOf: (path) => (path.startsWith('/secret') ? undefined : path.startsWith('/data') ? 2 : 1),
  whatIs,
  bridges: new Set(['br0', 'br1']),
  image,
  disk,
  deviceProblem: (path) =>
    /\bgone\b/.test(path) ? 'does not exist' : /\bcdrom\b/.test(path) ? 'is reached by a symbolic link: name /dev/sr0' : undefined,
  mountedAt: (path) => (path.startsWith('/data') ? '/data' : undefined),
  untrusted: (path) => (path.startsWith('/open') ? '/open' : undefined),
};

/** Every image has the partitions 1 and 2. */
function image(path: string, partition: number | null): Image | undefined {
  if (path.startsWith('/secret')) return undefined;
  if (/\/gone\b/.test(path)) return { problem: { of: 'image', words: 'there is no such file' } };
  if (partition !== null && partition > 2)
    return { problem: { of: 'partition', words: `there is no partition ${partition}: it has 1, 2` } };
  const range = partition === null ? { offset: 0, size: 0 } : { offset: partition << 20, size: 1 << 20 };
  return { range, type: path.endsWith('.squashfs') ? 'squashfs' : 'ext4' };
}

/** /data is on one disk, /volatile on none, all else on another. */
function disk(path: string): Disk | undefined {
  if (path.startsWith('/secret')) return undefined;
  if (/\/gone\b/.test(path)) return { problem: 'it does not exist' };
  if (path.startsWith('/volatile')) return { problem: 'it is on no disk' };
  return { device: path.startsWith('/data') ? '8:16' : '8:0' };
}

function whatIs(path: string): What {
  if (path.startsWith('/secret')) return 'unknown';
  if (path.endsWith('.sh')) return 'program';
  if (/\/file\b/.test(path)) return 'other';
  return /\/gone\b/.test(path) ? 'nothing' : 'directory';
}

/** Where the hosts file is said to be. */
export const PATH = '/srv/hosts.yaml';

/** The folders of cases in fixtures/KIND, as paths by name. */
export function casesOf(kind: 'bad' | 'good'): ReadonlyMap<string, string> {
  const root = fileURLToPath(new URL(`../../fixtures/${kind}`, import.meta.url));
  const folders = readdirSync(root, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  return new Map(folders.map(({ name }): [string, string] => [name, `${root}/${name}`]).toSorted());
}
