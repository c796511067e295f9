import { relative } from 'node:path';
import type { HostsFile, Subhost } from '../../resources/hosts.ts';
import type { Facts } from './facts.ts';
import type { RawFile, RawSubhost } from './format.ts';
import type { Report, Spot } from './node.ts';
import type { Placed } from './shape.ts';

type Role = 'upper' | 'work' | 'live';

interface Folder {
  readonly path: string;
  readonly role: Role;
  readonly owner: string;
  readonly spot: Spot;
}

/** The directories of all subhosts: there, on the right filesystem, inside base, and none inside another. */
export function checkFolders(raw: RawFile, file: HostsFile, facts: Facts, report: Report): void {
  const folders: Folder[] = [];
  for (const [index, { name, value }] of (raw.subhosts ?? []).entries()) {
    const written = { ...raw.defaults, ...value };
    const subhost = file.subhosts[index];
    if (!value.keys.has('base') && !raw.defaults?.keys.has('base')) report(name, 'the key "base" is missing');
    if (written.base && subhost) {
      checkOne(subhost, written, written.base, facts, report);
      folders.push(...foldersOf(subhost, written, written.base));
    }
  }
  checkNested(folders, report);
}

function checkOne(subhost: Subhost, written: RawSubhost, base: Spot, facts: Facts, report: Report): void {
  const { upper, lower, work } = subhost;
  if (subhost.base === '/') report(base, 'base is the root directory of this machine');
  for (const role of ['upper', 'work', 'live'] as const) checkBelow(subhost, written[role], subhost[role], report);
  if (lower === subhost.live) return;
  if (!facts.isDirectory(lower)) report(written.lower ?? base, `lower ${lower} is no directory`);
  if (upper !== lower && facts.deviceOf(upper) !== facts.deviceOf(work))
    report(written.work ?? written.upper ?? base, `work ${work} is on another filesystem than upper ${upper}: overlay needs both on one`);
}

/** A relative path means a place below base; where it leads out of it, something else was meant. */
function checkBelow({ base }: Subhost, written: Placed<string> | undefined, path: string, report: Report): void {
  if (!written) return;
  if (path === '/') report(written, 'this is the root directory of this machine');
  else if (!written.value.startsWith('/') && (path === base || relative(base, path).startsWith('..')))
    report(written, `"${written.value}" leads out of base ${base}: write an absolute path if you mean ${path}`);
}

/** What a subhost has for itself alone. */
function foldersOf(subhost: Subhost, written: RawSubhost, base: Spot): Folder[] {
  const { upper, lower, live } = subhost;
  const roles: Role[] = lower === live ? ['live'] : upper === lower ? ['upper', 'live'] : ['upper', 'work', 'live'];
  return roles.map((role) => ({ path: subhost[role], role, owner: subhost.name, spot: written[role] ?? base }));
}

/** Sorted by path, a directory comes right after the nearest one that it is inside of. */
function checkNested(folders: readonly Folder[], report: Report): void {
  const sorted = [...folders].sort((a, b) => compare(`${a.path}/`, `${b.path}/`));
  const open: Folder[] = [];
  for (const folder of sorted) {
    while (open.length > 0 && !`${folder.path}/`.startsWith(`${open.at(-1)?.path}/`)) open.pop();
    const outer = open.at(-1);
    if (outer)
      report(
        folder.spot,
        `${folder.role} of ${folder.owner}, ${folder.path}, ${outer.path === folder.path ? 'is also' : 'is inside'} ${outer.role} of ${outer.owner}${outer.path === folder.path ? '' : `, ${outer.path}`}`,
      );
    open.push(folder);
  }
}

function compare(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
