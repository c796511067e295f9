import { readdirSync, readFileSync, statSync } from 'node:fs';
import { hasCode } from '../error.ts';
import { once } from '../once.ts';
import { countLayers, type MountEntry } from './mountinfo.ts';

/** One name in /run/netns. */
export interface NetnsName {
  readonly name: string;
  /** False: a plain file, left behind by a crash; no namespace is mounted on it. */
  readonly real: boolean;
  /** Inode of the namespace: the number in `net:[4026532281]`. */
  readonly inode: number;
  /** How many namespaces are mounted there on one another; the topmost is what the name shows. */
  readonly layers: number;
}

const FOLDER = '/run/netns';

/**
 * All names there are. MOUNTS: those of this machine; asked for where there is a name. TOLD: by name, the namespaces that have been
 * read by it; undefined: what has that name could not be read as one.
 */
export function readNetnsNames(mounts: () => readonly MountEntry[], told?: ReadonlyMap<string, number | undefined>): NetnsName[] {
  const names = told ? [...told.keys()] : listNames();
  if (names.length === 0) return [];
  const layersOf = readLayers(mounts());
  const device = once(() => statSync('/proc/self/ns/net').dev);
  return names.sort().flatMap((name) => {
    const layers = layersOf.get(`${FOLDER}/${name}`) ?? 1;
    const inode = told?.get(name);
    return inode === undefined ? readNetnsName(name, layers, device) : { name, real: true, inode, layers };
  });
}

function listNames(): string[] {
  try {
    return readdirSync(FOLDER);
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return [];
    throw error;
  }
}

/** By point, where two may lie on one another: nearly always no point is there twice, and no more has to be read. */
function readLayers(mounts: readonly MountEntry[]): ReadonlyMap<string, number> {
  const points = new Set<string>();
  for (const { point } of mounts) {
    if (points.has(point) && point.startsWith(FOLDER)) return countLayers(readFileSync('/proc/self/mountinfo', 'utf8'));
    points.add(point);
  }
  return new Map();
}

/** DEVICE: of the filesystem that all namespaces are on. */
function readNetnsName(name: string, layers: number, device: () => number): NetnsName[] {
  try {
    const { dev, ino } = statSync(`${FOLDER}/${name}`);
    return [{ name, real: dev === device(), inode: ino, layers }];
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return [];
    throw error;
  }
}
