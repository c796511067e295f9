import { createHash } from 'node:crypto';
import { closeSync, constants, openSync, readdirSync, readFileSync, type Stats } from 'node:fs';
import { basename, dirname } from 'node:path';
import { ifThere, lstatIfThere, readIfThere } from './proc.ts';

// A tree of files is known by its package database: whoever upgrades it writes that. The kernel's own words on an overlay
// whose lower tree changes while it is mounted (Documentation/filesystems/overlayfs.rst, "Changes to underlying
// filesystems"): "the behavior of the overlay is undefined, though it will not result in a crash or deadlock".

/** What a tree is, seen once. Reads what is needed for an answer, and keeps it. */
export interface Tree {
  /** 8 hex digits: numbers, sizes and times of what the tree is known by. */
  readonly shape: string;
  /** 8 hex digits: what stands in it. */
  content(): string;
  /** When it was changed last, in milliseconds since 1970. */
  readonly changedAt: number;
  /** Is its package manager at work right now? */
  isChanging(): boolean;
}

interface Database {
  readonly file: string;
  /** Its package manager has one of them locked for as long as it works; apt the second one, around all runs of dpkg. */
  readonly locks: readonly string[];
}

const DATABASES: readonly Database[] = [
  { file: 'var/lib/dpkg/status', locks: ['var/lib/dpkg/lock', 'var/lib/dpkg/lock-frontend'] },
  { file: 'var/lib/rpm/rpmdb.sqlite', locks: ['var/lib/rpm/.rpm.lock'] },
  { file: 'usr/lib/sysimage/rpm/rpmdb.sqlite', locks: ['usr/lib/sysimage/rpm/.rpm.lock'] },
  { file: 'lib/apk/db/installed', locks: ['lib/apk/db/lock'] },
  { file: 'var/lib/pacman/local', locks: [] },
];

/** Of a tree without packages: where programs are. A file that is put there, or replaced, leaves its time on the folder. */
const FOLDERS = ['bin', 'lib', 'sbin', 'usr/bin', 'usr/lib', 'usr/sbin'];

/** Larger ones (rpm's) are told apart by their times alone. */
const MAX_DIGESTED_BYTES = 16 << 20;

/** Undefined: there is no such directory. */
export function readTree(root: string): Tree | undefined {
  const top = lstatIfThere(root);
  if (!top?.isDirectory()) return undefined;
  const found = listMarks(root);
  // Another tree in its place, with files of the same age, is another.
  const shape = digest([top.dev, top.ino, ...found.flatMap(({ path, seen }) => [path, seen.ino, seen.size, seen.mtimeMs])]);
  let content: string | undefined;
  return {
    shape,
    content() {
      content ??= digest([top.dev, top.ino, ...found.flatMap(({ path, seen }) => [path, contentOf(path, seen)])]);
      return content;
    },
    changedAt: found.length > 0 ? Math.max(...found.map(({ seen }) => seen.mtimeMs)) : top.ctimeMs,
    isChanging: () => isLocked(DATABASES.flatMap(({ locks }) => locks.map((name) => join(root, name)))),
  };
}

/** What is kept of a tree: SHAPE-CONTENT. */
export function stampOf(tree: Tree): string {
  return `${tree.shape}-${tree.content()}`;
}

/** A database that was written anew with the same in it is no change. Only where its shape differs it is read. */
export function isAsStamped(tree: Tree, stamp: string): boolean {
  const [shape, content] = stamp.split('-');
  return tree.shape === shape || tree.content() === content;
}

/** Directories in which a name moves when the tree changes. */
export function foldersOf(root: string): string[] {
  const found = listMarks(root).map(({ path, seen }) => (seen.isDirectory() ? path : dirname(path)));
  return [...new Set(found)];
}

/** Debian packages that were unpacked since then (milliseconds since 1970), the newest first. */
export function newestPackages(root: string, since: number): string[] {
  const folder = join(root, 'var/lib/dpkg/info');
  const lists = (ifThere(() => readdirSync(folder)) ?? []).filter((name) => name.endsWith('.list'));
  return lists
    .flatMap((name) => {
      const time = lstatIfThere(`${folder}/${name}`)?.mtimeMs ?? 0;
      return time > since ? [{ name: basename(name, '.list').replace(/:.*/, ''), time }] : [];
    })
    .sort((one, other) => other.time - one.time || (one.name < other.name ? -1 : 1))
    .map(({ name }) => name);
}

interface Mark {
  readonly path: string;
  readonly seen: Stats;
}

function listMarks(root: string): Mark[] {
  const look = (names: readonly string[]): Mark[] =>
    names.flatMap((name) => {
      const path = join(root, name);
      const seen = lstatIfThere(path);
      return seen?.isFile() || seen?.isDirectory() ? [{ path, seen }] : [];
    });
  const databases = look(DATABASES.map(({ file }) => file));
  return databases.length > 0 ? databases : look(FOLDERS);
}

/** What is not read is told apart by its time. */
function contentOf(path: string, seen: Stats): string | number {
  if (!seen.isFile() || seen.size > MAX_DIGESTED_BYTES) return seen.mtimeMs;
  const bytes = ifThere(() => readRegular(path));
  return bytes ? createHash('sha256').update(bytes).digest('hex') : seen.mtimeMs;
}

/** Nothing planted in the tree is followed, or waited for. */
function readRegular(path: string): Buffer {
  const fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    return readFileSync(fd);
  } finally {
    closeSync(fd);
  }
}

/** Whoever holds a lock on one of these files; proc_locks(5) has the number of the file in its sixth field. */
function isLocked(files: readonly string[]): boolean {
  const numbers = new Set(files.flatMap((file) => lstatIfThere(file)?.ino ?? []).map(String));
  if (numbers.size === 0) return false;
  const lines = (readIfThere('/proc/locks') ?? '').split('\n').map((line) => line.split(/\s+/));
  return lines.some(([, , , mode, , file = '']) => mode === 'WRITE' && numbers.has(file.split(':')[2] ?? ''));
}

function digest(parts: readonly (string | number)[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 8);
}

function join(root: string, name: string): string {
  return `${root === '/' ? '' : root}/${name}`;
}
