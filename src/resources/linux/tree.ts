import { readdirSync, readlinkSync, type Stats } from 'node:fs';
import { dirname } from 'node:path';
import { onceFor } from '../once.ts';
import { ifThere, type Lstat, lstatIfThere } from './proc.ts';

/** A directory as somebody sees it whose root it is. Paths begin with `/`. */
export interface Tree {
  /** What is there itself, be it a link. */
  stat(path: string): Stats | undefined;
  /** PATH with no link on the way; undefined: the folder that it should be in is not there. FOLLOW: nor at its end. */
  resolve(path: string, follow?: boolean): string | undefined;
  /** PATH, if that is what `resolve` gives for it in either way: the folder that it should be in is there, and no link on the way or at its end. */
  isPlain(path: string): boolean;
  /** What a path with `*` in its names stands for; one without stands for itself, be it there or not. */
  expand(path: string): string[];
  /** Where PATH is on the machine. */
  onMachine(path: string): string;
}

/** As the kernel has it, path_resolution(7). */
const MAX_LINKS = 40;

/** Names that lead elsewhere. */
const UNPLAIN: ReadonlySet<string> = new Set(['', '.', '..']);

export function openTree(root: string, lstat?: Lstat): Tree {
  const onMachine = (path: string): string => (root === '/' ? path : root + path);
  const stat = onceFor((path: string) => lstatIfThere(onMachine(path), lstat));
  const resolve = (path: string, follow = false): string | undefined => {
    const names = path.split('/');
    let done = '';
    for (let links = 0; names.length > 0; ) {
      const name = names.shift() ?? '';
      if (name === '' || name === '.') continue;
      const next = name === '..' ? dirname(done || '/').replace(/^\/$/, '') : `${done}/${name}`;
      const seen = name === '..' || next === '' ? undefined : stat(next);
      const isLast = names.every((one) => one === '' || one === '.');
      if (seen?.isSymbolicLink() && (follow || !isLast)) {
        if (++links > MAX_LINKS) return undefined;
        const text = ifThere(() => readlinkSync(onMachine(next))) ?? '';
        if (text.startsWith('/')) done = '';
        names.unshift(...text.split('/'));
      } else if (!isLast && name !== '..' && !seen?.isDirectory()) return undefined;
      else done = next;
    }
    return done || '/';
  };
  const plain = new Map([['', true]]);
  const isPlainFolder = (path: string): boolean => {
    const known = plain.get(path) ?? (isPlain(path) && stat(path)?.isDirectory() === true);
    plain.set(path, known);
    return known;
  };
  const isPlain = (path: string): boolean => {
    const at = path.lastIndexOf('/');
    const name = path.slice(at + 1);
    return !UNPLAIN.has(name) && isPlainFolder(path.slice(0, at)) && !stat(path)?.isSymbolicLink();
  };
  const namesIn = onceFor((folder: string) => ifThere(() => readdirSync(onMachine(folder))) ?? []);
  const expand = (path: string): string[] => {
    if (!path.includes('*')) return [path];
    const names = path.split('/');
    const at = names.findIndex((name) => name.includes('*'));
    const folder = names.slice(0, at).join('/');
    const real = resolve(folder, true);
    return (real === undefined ? [] : namesIn(real))
      .filter(toPattern(names[at] ?? ''))
      .sort()
      .flatMap((name) => expand([folder, name, ...names.slice(at + 1)].join('/')));
  };
  return { stat, resolve, isPlain, expand, onMachine };
}

/** To make a regular expression of it takes longer than to look through a folder. */
function toPattern(text: string): (name: string) => boolean {
  const [first = '', ...parts] = text.split('*');
  const last = parts.pop() ?? '';
  return (name) => {
    const end = name.length - last.length;
    let at = first.length;
    if (at > end || !name.startsWith(first) || !name.endsWith(last)) return false;
    return parts.every((part) => {
      const found = name.indexOf(part, at);
      at = found + part.length;
      return found >= 0 && at <= end;
    });
  };
}
