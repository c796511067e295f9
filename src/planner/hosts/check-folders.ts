import { relative, resolve as resolvePath } from 'node:path';
import type { Subhost } from '../../resources/hosts.ts';
import type { Facts } from './facts.ts';
import type { Report, Spot } from './node.ts';
import { oncePerPlace, placeOf } from './problems.ts';
import { quote, showPath, unseenIn } from './show.ts';
import { wrongPath } from './values.ts';
import type { Whole } from './whole.ts';

type Role = 'base' | 'lower' | 'upper' | 'work' | 'live';

interface Folder extends Spot {
  readonly path: string;
  readonly role: Role;
  readonly owner: string;
}

/** The directories of all subhosts: there, or to be made; on the right filesystem; and none inside another. */
export function checkFolders(wholes: readonly Whole[], facts: Facts, report: Report): void {
  const once = oncePerPlace(report);
  for (const whole of wholes) if (whole.written.base) checkOne(whole, whole.written.base, facts, once);
  checkNested(wholes.flatMap(foldersOf), once);
}

function checkOne({ written, subhost }: Whole, base: Spot, facts: Facts, report: Report): void {
  const spotOf = (role: Role): Spot => written[role] ?? base;
  for (const role of rolesOf(subhost)) {
    const wrong = wrongRole(role, subhost, facts) ?? wrongRelative(role, { written, subhost });
    if (wrong) report(spotOf(role), wrong);
  }
  const { lower, upper, work, live } = subhost;
  if (lower === live || lower === upper) return;
  if (isInside(lower, upper)) report(spotOf('lower'), `lower ${lower} is inside upper ${upper}: no overlay can have it so`);
  if (isInside(lower, work)) report(spotOf('lower'), `lower ${lower} is inside work ${work}: no overlay can have it so`);
  const [one, other] = [facts.deviceOf(upper), facts.deviceOf(work)];
  if (one !== undefined && other !== undefined && one !== other)
    report(written.work ?? written.upper ?? base, `work ${work} is on another filesystem than upper ${upper}: overlay needs both on one`);
}

/** What is used of a subhost. A tree that is mounted already is looked for by the plan. */
function rolesOf({ lower, upper, live }: Subhost): Role[] {
  if (lower === live) return ['base', 'live'];
  return upper === lower ? ['base', 'upper', 'live'] : ['base', 'lower', 'upper', 'work', 'live'];
}

/** All else is made. */
function mustExist(role: Role, { lower, upper }: Subhost): boolean {
  return role === 'lower' || (role === 'upper' && upper === lower);
}

/** Directories that a machine needs as they are: base gets another mode, upper is written, live is covered. */
const MACHINES = /^\/(bin|boot|dev|etc|home|lib\w*|proc|root|run|sbin|sys|tmp|usr|var)$/;

function wrongRole(role: Role, subhost: Subhost, facts: Facts): string | undefined {
  const path = subhost[role];
  const unseen = unseenIn(path);
  const wrong = unseen ? `it holds ${unseen}, which cannot be seen` : wrongPath(path);
  if (wrong) return `${role} is ${showPath(path)}: ${wrong}`;
  if (role !== 'lower' && path === '/') return 'this is the root directory of this machine';
  if (role !== 'lower' && MACHINES.test(path)) return `${role} is ${path}, which this machine needs as it is`;
  const what = facts.whatIs(path);
  if (what === 'nothing' && mustExist(role, subhost)) return `${role} ${path} is no directory: nothing is there`;
  return what === 'other' ? `${role} ${path} is no directory` : undefined;
}

/** A relative path means a place below base; where it leads out of it, something else was meant. */
function wrongRelative(role: Role, { written, subhost }: Pick<Whole, 'written' | 'subhost'>): string | undefined {
  const text = written[role]?.value;
  if (text === undefined || text.startsWith('/') || role === 'base' || role === 'lower') return undefined;
  const way = relative(subhost.base, resolvePath(subhost.base, text));
  if (way !== '' && !/^\.\.(\/|$)/.test(way)) return undefined;
  const where = way === '' ? 'is base itself' : `leads out of base ${subhost.base}`;
  return `"${text}" ${where}: write an absolute path if you mean ${subhost[role]}`;
}

/** What a subhost has for itself alone. A role that was written, but wrong, is nowhere. */
function foldersOf({ raw, written, subhost }: Whole): Folder[] {
  const { base } = written;
  if (!base) return [];
  const owner = raw.isNameGood ? subhost.name : quote(subhost.name);
  return rolesOf(subhost)
    .filter((role) => role !== 'base' && role !== 'lower' && (written[role] || !written.keys.has(role)))
    .map((role) => {
      const { line, column } = written[role] ?? base;
      return { line, column, path: subhost[role], role, owner };
    });
}

/** Sorted by path, a directory comes right after the nearest one that it is inside of. */
function checkNested(folders: readonly Folder[], report: Report): void {
  const sorted = folders.toSorted((a, b) => compare(`${a.path}/`, `${b.path}/`));
  const open: Folder[] = [];
  for (const folder of sorted) {
    while (open.length > 0 && !isInside(folder.path, open.at(-1)?.path ?? '')) open.pop();
    const outer = open.at(-1);
    if (outer) report(folder, toClash(folder, outer), placeOf(folder) === placeOf(outer) ? undefined : outer);
    open.push(folder);
  }
}

function toClash({ role, owner, path }: Folder, outer: Folder): string {
  if (path !== outer.path) return `${role} of ${owner}, ${path}, is inside ${outer.role} of ${outer.owner}, ${outer.path}`;
  return `${role} of ${owner}, ${path}, is also ${outer.role} of ${outer.owner}`;
}

/** Also true of the very same one. */
function isInside(path: string, outer: string): boolean {
  return `${path}/`.startsWith(outer === '/' ? '/' : `${outer}/`);
}

function compare(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
