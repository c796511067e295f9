import { join, relative, resolve as resolvePath } from 'node:path';
import type { Subhost } from '../../resources/hosts.ts';
import type { Facts } from './facts.ts';
import { diskfileOf, isOutside } from './layers.ts';
import type { Report, Spot } from './node.ts';
import { oncePerPlace, placeOf } from './problems.ts';
import { showName, showPath, unseenIn } from './show.ts';
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
  const folders = wholes.flatMap((whole) => {
    const roles = rolesOf(whole.subhost).filter((role) => isKnown(role, whole) && isRight(role, whole, facts, once));
    checkLayers(whole, roles, facts, once);
    return [...roles.filter((role) => role !== 'base' && role !== 'lower').map((role) => toFolder(role, whole)), ...inImages(whole)];
  });
  checkNested(folders, once);
}

/** Can it be said where this is? Not of what is written but wrong, nor of what is below a base that is missing. */
function isKnown(role: Role, { written }: Whole): boolean {
  const text = textOf(role, written);
  if (text === undefined) return !written.keys.has(role) && (role === 'lower' || written.base !== undefined);
  return role === 'base' || text.startsWith('/') || written.base !== undefined;
}

/** What is not written comes from base. */
function spotOf(role: Role, { raw, written }: Whole): Spot {
  return written[role] ?? written.base ?? raw.name;
}

function toFolder(role: Role, whole: Whole): Folder {
  const { line, column } = spotOf(role, whole);
  const { name } = whole.subhost;
  return { line, column, path: whole.subhost[role], role, owner: showName(name) };
}

/** What is written, if it is a path on the machine. */
function textOf(role: Role, written: Whole['written']): string | undefined {
  const value = written[role]?.value;
  return typeof value === 'string' ? value : undefined;
}

/** What is written in an image, under the name of that: two subhosts may well be in one. */
function inImages(whole: Whole): Folder[] {
  const disk = whole.subhost.disks?.find(({ role }) => role === 'upper');
  if (!disk) return [];
  // That has a message of its own.
  if (whole.subhost.upper !== whole.subhost.lower && disk.folders.some((folder) => folder === '' || isOutside(folder))) return [];
  const raw = diskfileOf(whole.written.upper?.value);
  const upper = raw?.path ?? raw?.image ?? spotOf('upper', whole);
  const spots = { upper, work: whole.written.work ?? upper };
  const image = disk.partition === null ? disk.image : `${disk.image}#${disk.partition}`;
  const roles = whole.subhost.upper === whole.subhost.lower ? (['upper'] as const) : (['upper', 'work'] as const);
  return roles.map((role) => ({
    ...toFolder(role, whole),
    line: spots[role].line,
    column: spots[role].column,
    path: join(image, whole.subhost[role].slice(disk.point.length)),
  }));
}

function isRight(role: Role, whole: Whole, facts: Facts, report: Report): boolean {
  const wrong = wrongRelative(role, whole) ?? wrongRole(role, whole.subhost, facts);
  if (wrong) report(spotOf(role, whole), wrong);
  return !wrong;
}

/** Of roles that are right, whether an overlay can have them together. */
function checkLayers(whole: Whole, roles: readonly Role[], facts: Facts, report: Report): void {
  const { lower, upper, work } = whole.subhost;
  for (const role of ['upper', 'work'] as const)
    if (roles.includes('lower') && roles.includes(role) && isInside(lower, whole.subhost[role]))
      report(spotOf('lower', whole), `lower ${lower} is inside ${role} ${whole.subhost[role]}: no overlay can have it so`);
  if (!roles.includes('upper') || !roles.includes('work')) return;
  const devices = [facts.deviceOf(upper), facts.deviceOf(work)];
  if (devices.includes(undefined) || devices[0] === devices[1]) return;
  const spot = spotOf(whole.written.work ? 'work' : 'upper', whole);
  report(spot, `work ${work} is on another filesystem than upper ${upper}: overlay needs both on one`);
}

/** What is used of a subhost. A tree that is mounted already is looked for by the plan. */
function rolesOf(subhost: Subhost): Role[] {
  // What is in images is no directory of the machine's yet.
  const inImages = (subhost.disks ?? []).flatMap(({ role }): Role[] => (role === 'upper' ? ['upper', 'work'] : ['lower']));
  return usedRoles(subhost).filter((role) => !inImages.includes(role));
}

function usedRoles({ lower, upper, live, hooks }: Subhost): Role[] {
  if (lower === live) return ['base', 'live'];
  // A program sets upper up: where it is, only that can tell.
  if (hooks?.setup !== undefined) return ['base', 'lower', 'work', 'live'];
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
  return what === 'other' || what === 'program' ? `${role} ${path} is no directory` : undefined;
}

/** A relative path means a place below base; where it leads out of it, something else was meant. */
function wrongRelative(role: Role, { written, subhost }: Whole): string | undefined {
  const text = textOf(role, written);
  if (text === undefined || text.startsWith('/') || role === 'base' || role === 'lower') return undefined;
  const way = relative(subhost.base, resolvePath(subhost.base, text));
  if (way !== '' && !/^\.\.(\/|$)/.test(way)) return undefined;
  const where = way === '' ? 'is base itself' : `leads out of base ${subhost.base}`;
  return `"${text}" ${where}: write an absolute path if you mean ${subhost[role]}`;
}

/** Sorted by path, a directory comes right after the nearest one that it is inside of. */
function checkNested(folders: readonly Folder[], report: Report): void {
  const sorted = folders.map((folder) => ({ folder, key: `${folder.path}/` })).sort((a, b) => compare(a.key, b.key));
  const open: Folder[] = [];
  for (const { folder } of sorted) {
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
