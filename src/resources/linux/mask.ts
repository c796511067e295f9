import type { Stats } from 'node:fs';
import { dirname } from 'node:path';
import { type Lstat, lstatIfThere, readIfThere } from './proc.ts';
import { openTree, type Tree } from './tree.ts';

/**
 * One thing in a layer that hides what is below it. `folder`: what is in it still shows, but for what is hidden. `empty`: a
 * folder in which nothing is seen. `gone`: nothing is seen at all. `file`: this is seen in its place.
 */
export type MaskEntry =
  | { readonly kind: 'folder' | 'empty'; readonly path: string; readonly stat: Stats }
  | { readonly kind: 'gone'; readonly path: string }
  | { readonly kind: 'file'; readonly path: string; readonly stat: Stats; readonly text: () => string };

/** What is not to be seen; SHOWN: but for this, wherever it lies. */
export interface Hiding {
  readonly hidden: readonly string[];
  readonly shown: readonly string[];
}

/**
 * What has to be in the layer over LOWER so that nothing of that is seen, a folder before what is in it. POINTS: mount points
 * of the machine: what is mounted in lower is not seen through an overlay anyway.
 */
export function listMaskEntries(lower: string, { hidden: paths, shown }: Hiding, points: ReadonlySet<string>, lstat?: Lstat): MaskEntry[] {
  const tree = openTree(lower, lstat);
  const hidden = new Map<string, 'empty' | 'gone'>();
  for (const path of paths.filter(isOutsideOf(plainOnes(paths))))
    for (const real of realPaths(tree, path))
      if (!isMounted(tree, dirname(real), lower, points)) {
        const isFolder = path.endsWith('/') && tree.stat(real)?.isDirectory() === true;
        if (hidden.get(real) !== 'gone') hidden.set(real, isFolder ? 'empty' : 'gone');
      }
  for (const one of shown) showIn(tree, hidden, paths, tree.resolve(one, true) ?? '');
  const entries = new Map<string, MaskEntry>();
  for (const path of [...hidden.keys()].filter(isOutsideOf(new Set(hidden.keys())))) {
    for (const folder of foldersAbove(path)) {
      const stat = tree.stat(folder);
      if (stat) entries.set(folder, { kind: 'folder', path: folder, stat });
    }
    entries.set(path, toEntry(tree, path, hidden.get(path) ?? 'gone'));
  }
  return [...entries.values()].sort((one, other) => (one.path < other.path ? -1 : 1));
}

/** Hides, instead of the folder that PATH is in, all else that is in it, or is to be: of PATHS. */
function showIn(tree: Tree, hidden: Map<string, 'empty' | 'gone'>, paths: readonly string[], path: string): void {
  const above = [...foldersAbove(path), path];
  for (const folder of above.filter((one) => hidden.delete(one) && one !== path))
    for (const other of [...tree.expand(`${folder}/*`), ...paths.filter((one) => dirname(one) === folder)])
      if (!hidden.has(other)) hidden.set(other, 'gone');
  if (above.some((one) => hidden.has(one))) showIn(tree, hidden, paths, path);
}

/** Those of them that the layer at MASK does not hide. */
export function listUnhidden(mask: string, entries: readonly MaskEntry[]): string[] {
  const isThere = (path: string): boolean => lstatIfThere(mask + path) !== undefined;
  return entries.flatMap(({ kind, path }) => (kind === 'folder' || isThere(path) ? [] : [path]));
}

function plainOnes(paths: readonly string[]): Set<string> {
  return new Set(paths.filter((path) => !path.includes('*')).map((path) => path.replace(/\/$/, '')));
}

/** Of paths, those that lie in none of these folders. */
export function isOutsideOf(folders: ReadonlySet<string>): (path: string) => boolean {
  return (path) => {
    for (let at = path.lastIndexOf('/', path.length - 2); at > 0; at = path.lastIndexOf('/', at - 1))
      if (folders.has(path.slice(0, at))) return false;
    return true;
  };
}

/** `/a` and `/a/b` of `/a/b/c`. */
function foldersAbove(path: string): string[] {
  const names = path.replace(/\/$/, '').split('/').slice(1, -1);
  return names.map((_, index) => `/${names.slice(0, index + 1).join('/')}`);
}

/** A link, and what it leads to. */
function realPaths(tree: Tree, pattern: string): string[] {
  const all = tree.expand(pattern.replace(/\/$/, ''));
  if (all.length === 1 && all.every(tree.isPlain)) return all;
  const found = all.flatMap((path) => [tree.resolve(path), tree.resolve(path, true)]);
  return [...new Set(found)].filter((path): path is string => path !== undefined && path !== '/');
}

function isMounted(tree: Tree, folder: string, lower: string, points: ReadonlySet<string>): boolean {
  if (folder === '/') return false;
  return points.has(tree.onMachine(folder)) || isMounted(tree, dirname(folder), lower, points);
}

function toEntry(tree: Tree, path: string, kind: 'empty' | 'gone'): MaskEntry {
  const stat = tree.stat(path);
  if (kind === 'empty' && stat) return { kind: 'empty', path, stat };
  const users = LOCKED[path];
  if (!users || !stat?.isFile()) return { kind: 'gone', path };
  return { kind: 'file', path, stat, text: () => users(tree) };
}

/**
 * Without these no account is valid, and neither sshd nor su lets anybody in. So all have no password, shadow(5): `*` is one
 * that nothing fits. (With `!` sshd would refuse keys as well.)
 */
const LOCKED: Readonly<Record<string, (tree: Tree) => string>> = {
  '/etc/shadow': (tree) =>
    namesIn(tree, '/etc/passwd')
      .map((name) => `${name}:*:19000:0:99999:7:::\n`)
      .join(''),
  '/etc/gshadow': (tree) =>
    namesIn(tree, '/etc/group')
      .map((name) => `${name}:*::\n`)
      .join(''),
};

function namesIn(tree: Tree, path: string): string[] {
  const text = readIfThere(tree.onMachine(tree.resolve(path, true) ?? path)) ?? '';
  return text.split('\n').flatMap((line) => /^([^:+-][^:]*):/.exec(line)?.[1] ?? []);
}

/** One argument of a program has 128 KB at most. */
const ARGUMENT_BYTES = 100_000;

/** The same in the words of `reaper hide`; FOLDER: the layer, from its filesystem's root on. */
export function toMaskWords(folder: string, entries: readonly MaskEntry[]): string[] {
  return entries.flatMap((entry) => {
    const path = `${folder}${entry.path}`;
    if (entry.kind === 'gone') return ['gone', path];
    const { mode, uid, gid } = entry.stat;
    const attributes = [String(mode & 0o7777), String(uid), String(gid)];
    if (entry.kind !== 'file') return [entry.kind, path, ...attributes];
    const [first = '', ...more] = cut(entry.text());
    return ['file', path, ...attributes, first, ...more.flatMap((text) => ['more', path, text])];
  });
}

function cut(text: string): string[] {
  const pieces: string[] = [];
  for (let at = 0; at < text.length; at += ARGUMENT_BYTES) pieces.push(text.slice(at, at + ARGUMENT_BYTES));
  return pieces;
}
