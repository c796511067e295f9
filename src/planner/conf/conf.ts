import { basename, dirname, resolve as resolvePath } from 'node:path';
import type { KeyNode, MapNode, Node, Report, Spot } from '../hosts/node.ts';
import { subhostName } from '../hosts/values.ts';
import { toDiskfile } from './diskfile.ts';
import type { Known } from './known.ts';
import { type Line, plain, splitLines, type Variable } from './lines.ts';
import { type Kept, sift } from './sift.ts';
import { type Reading, toShare, toValue } from './values.ts';

/** A file of overlay-boot's. */
export interface Source {
  readonly path: string;
  readonly text: string;
}

/** Lines that stand above a key or an item; those of a subhost's own node stand below its last key. */
export type Comments = Map<KeyNode | Node, readonly string[]>;

type Entry = MapNode['entries'][number];

/** What all conf files are read with. */
export interface Desk {
  readonly known: Known;
  readonly comments: Comments;
  readonly warn: Report;
  /** Of what means something else once it stands in another file. */
  readonly warnOfImport: Report;
  readonly report: Report;
}

/** One conf file as a subhost of a hosts file; undefined if it is no text. FIRST: the number of its first line. */
export function readConf({ path, text }: Source, first: number, desk: Desk): Entry | undefined {
  const lines = splitLines(text, first);
  const binary = lines.find((line) => 'text' in line && line.text.includes('\0'));
  if (binary) {
    desk.report(binary, 'it holds a NUL character: this is no text');
    return undefined;
  }
  const key = readName(path, first, findVariable(lines, 'NAME'), desk.report);
  const baseLine = findVariable(lines, 'BASE');
  const written = baseLine?.value.text ?? '';
  if (baseLine && written.startsWith('!'))
    desk.warnOfImport(baseLine, 'BASE is printed by a command: a relative path will be meant from the folder of hosts.yaml');
  if (written === '') desk.report(key, 'BASE is missing');
  const folder = dirname(resolvePath(path));
  // What a command prints comes later.
  const base = written.startsWith('!') ? undefined : resolvePath(folder, plain(written));
  const { kept, end } = sift(lines, {
    ...desk,
    mounts: pathIn(lines, base ?? folder, 'LOWER', '/') !== pathIn(lines, base ?? folder, 'LIVE', 'live'),
  });
  const entries = toEntries(kept, key, { ...desk, folder, base, mountPoint: mountPointOf(lines) });
  if (seesMachine(lines, base ?? folder)) entries.push(hideNothing(key));
  const value: MapNode = { kind: 'map', line: key.line, column: key.column, entries };
  keep(desk, value, end);
  return { key, value };
}

function pathIn(lines: readonly Line[], base: string, name: string, otherwise: string): string {
  return resolvePath(base, plain(findVariable(lines, name)?.value.text || otherwise));
}

/** May its lower layer be the machine's own tree? */
function seesMachine(lines: readonly Line[], base: string): boolean {
  const written = findVariable(lines, 'LOWER')?.value.text ?? '';
  return written.startsWith('!') || pathIn(lines, base, 'LOWER', '/') === '/';
}

/** In overlay-boot nothing of it is hidden. */
export function hideNothing({ line, column }: Spot): Entry {
  return { key: { line, column, text: 'hide' }, value: { kind: 'scalar', line, column, value: 'none', source: 'none' } };
}

/** The line of a variable that counts: the first, also if it is empty. */
function findVariable(lines: readonly Line[], name: string): Variable | undefined {
  return lines.find((line): line is Variable => line.kind === 'variable' && !line.spaced && line.name === name);
}

function readName(path: string, first: number, line: Variable | undefined, report: Report): KeyNode {
  const written = line && line.value.text !== '' ? line.value : undefined;
  const text = written ? plain(written.text) : basename(path, '.conf');
  const spot = written ? { line: written.line, column: written.column } : { line: first, column: 1 };
  if (text.startsWith('!')) {
    report(spot, 'NAME cannot be a command (!…) here: write what it prints');
    return { ...spot, text };
  }
  const hint = written ? '' : '; it is from the name of the file: NAME=… gives another';
  subhostName.read({ kind: 'scalar', value: text, source: text, ...spot }, (at, message) => report(at, `${message}${hint}`));
  return { ...spot, text };
}

interface Place extends Desk {
  readonly folder: string;
  readonly base: string | undefined;
  readonly mountPoint: string | undefined;
}

/** Where the image is mounted that UPPER is in. */
function mountPointOf(lines: readonly Line[]): string | undefined {
  const upper = findVariable(lines, 'UPPER');
  return upper && toDiskfile(upper.value)?.mountPoint;
}

function toEntries(kept: readonly Kept[], name: KeyNode, place: Place): Entry[] {
  const shares = kept.filter(({ line }) => line.name === 'SHARE');
  return kept.flatMap((one) => {
    if (one.line.name === 'NAME') keep(place, name, one.above);
    if (one.line.name === 'NAME' || (one.line.name === 'SHARE' && one !== shares[0])) return [];
    return [one.line.name === 'SHARE' ? toShares(shares, place) : toEntry(one, place)];
  });
}

function toEntry({ line, above }: Kept, place: Place): Entry {
  const key = keyOf(line);
  const dropped: string[] = [];
  const reading: Reading = {
    ...place,
    refuse: place.report,
    drop(word, what) {
      place.warn(word, `${what} is not supported yet: ignored`);
      dropped.push(`# ${what} is not supported yet`);
    },
  };
  const value = toValue(key.text, line.value, reading);
  keep(place, key, [...above, ...dropped]);
  return { key, value };
}

/** Of all variables, SHARE alone may be there many times. */
function toShares(shares: readonly Kept[], place: Place): Entry {
  const [first, ...more] = shares.map(({ line }) => toShare(line.value, place.base));
  const key = keyOf((shares[0] as Kept).line);
  keep(place, key, shares[0]?.above ?? []);
  for (const [index, item] of more.entries()) keep(place, item, shares[index + 1]?.above ?? []);
  return { key, value: { kind: 'list', line: key.line, column: key.column, items: first ? [first, ...more] : [] } };
}

function keyOf({ line, column, name }: Variable): KeyNode {
  return { line, column, text: name.toLowerCase() };
}

function keep({ comments }: Desk, node: KeyNode | Node, above: readonly string[]): void {
  if (above.length > 0) comments.set(node, above);
}
