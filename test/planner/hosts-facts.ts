import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Facts, What } from '../../src/planner/hosts/facts.ts';

/** The machine that the files in fixtures/bad and fixtures/good are read on; see fixtures/bad/README.md. */
export const FACTS: Facts = {
  realPath: (path) => path.replace(/^\/srv\/comma\b/, '/data/a,b').replace(/^\/srv\/link\b/, '/data/real'),
  deviceOf: (path) => (path.startsWith('/secret') ? undefined : path.startsWith('/data') ? 2 : 1),
  whatIs,
  bridges: new Set(['br0', 'br1']),
  untrusted: (path) => (path.startsWith('/open') ? '/open' : undefined),
};

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
