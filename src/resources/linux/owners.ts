import { chownSync, lstatSync, readdirSync, type Stats } from 'node:fs';
import { ID_COUNT, isFirstId, LEAST_ID, layersOf, showIds } from '../ids.ts';
import { markOf, parseMark } from '../marks.ts';
import { optionValue, readMounts } from './mountinfo.ts';
import { ifThere, lstatIfThere, readIfThere } from './proc.ts';

/** Every ext filesystem has it in its root directory, for fsck. */
const FSCK_FOLDER = 'lost+found';

/** What belongs to whom in an upper directory that is not of the ids that it is to be of. */
export interface WrongOwner {
  readonly path: string;
  readonly uid: number;
}

/**
 * What in an upper directory, and right in it, has an owner that is not of FIRST's ids (0: the machine's). What is empty can
 * be given to anybody. ISOURS: the directory itself was of these ids, and is not looked at. Undefined: nothing.
 */
export function findWrongOwner(upper: string, first: number, isOurs = false): WrongOwner | undefined {
  const seen = lstatIfThere(upper);
  if (!seen) return undefined;
  const names = (ifThere(() => readdirSync(upper)) ?? []).filter((name) => name !== FSCK_FOLDER);
  if (names.length === 0) return undefined;
  if (first === 0) return isFirstId(seen.uid) && seen.gid === seen.uid ? { path: upper, uid: seen.uid } : undefined;
  if (!isOurs && isOutside(seen, first)) return { path: upper, uid: seen.uid };
  for (const name of names) {
    const one = lstatIfThere(`${upper}/${name}`);
    // Whiteouts are the overlay's own, which the machine's root has mounted.
    if (one && isOutside(one, first) && !(one.isCharacterDevice() && one.rdev === 0)) return { path: `${upper}/${name}`, uid: one.uid };
  }
  return undefined;
}

function isOutside({ uid, gid }: Stats, first: number): boolean {
  return [uid, gid].some((id) => id < first || id >= first + ID_COUNT);
}

/** Whom the upper directory itself belongs to, as UID:GID, if that is nobody of FIRST's ids. Undefined: it is, or is not there. */
export function strangerOf(upper: string, first: number): string | undefined {
  const seen = lstatIfThere(upper);
  return seen && isOutside(seen, first) ? `${seen.uid}:${seen.gid}` : undefined;
}

/** Gives the upper directory itself to root inside. */
export function giveUpper(upper: string, first: number): void {
  const { uid, gid } = lstatSync(upper);
  if (uid !== first || gid !== first) chownSync(upper, first, first);
}

/**
 * The first of the ids that an upper directory belongs to; undefined: to none that a subhost could have of its own. Root inside
 * can give it to any of his, where no user of the machine's is.
 */
export function firstIdOf(upper: string): number | undefined {
  const seen = lstatIfThere(upper);
  if (!seen) return undefined;
  const [first, ofGroup] = [seen.uid, seen.gid].map((id) => (id < LEAST_ID ? id : id - (id % ID_COUNT)));
  return first !== undefined && isFirstId(first) && first === ofGroup ? first : undefined;
}

/** Ids that something on this machine has for its own. */
export interface UsedIds {
  readonly first: number;
  readonly count: number;
  /** The mark of the subhost that has them. */
  readonly mark?: string;
}

/** Of users for their containers, subuid(5), and of all subhosts that are up, in whatever scope. */
export function readUsedIds(): UsedIds[] {
  const users = ['/etc/subuid', '/etc/subgid'].flatMap((path) => (readIfThere(path) ?? '').split('\n').flatMap(toRange));
  const roots = readMounts().flatMap(({ source, options }) => {
    const owner = parseMark(source);
    const { first } = layersOf(optionValue(options, 'lowerdir') ?? '');
    return owner && first > 0 ? { first, count: ID_COUNT, mark: markOf(owner) } : [];
  });
  return [...users, ...roots];
}

/** USER:FIRST:COUNT */
function toRange(line: string): UsedIds[] {
  const [, first, count] = /^[^:]+:(\d+):(\d+)$/.exec(line.trim()) ?? [];
  return first && count ? [{ first: Number(first), count: Number(count) }] : [];
}

/** For a person: whose it is. */
export function showOwner({ path, uid }: WrongOwner): string {
  const first = uid - (uid % ID_COUNT);
  return `${path} belongs to ${uid === 0 ? "the machine's root" : isFirstId(first) ? `the ids ${showIds(first)}` : `user ${uid} of the machine`}`;
}
