import { readFileSync } from 'node:fs';

/** One line of /proc/PID/mountinfo, proc_pid_mountinfo(5). Options are split, not parsed. */
export interface Mount {
  readonly id: number;
  /** MAJOR:MINOR of the filesystem. */
  readonly device: string;
  /** Directory of the filesystem that is shown here; `/` unless it is a bind mount of a part. */
  readonly root: string;
  readonly point: string;
  /** Of this mount: `ro`, `nosuid`, … */
  readonly options: readonly string[];
  readonly type: string;
  readonly source: string;
  /** Of the filesystem, shared by all its mounts: `rw`, `lowerdir=/`, `size=51200k`, … */
  readonly superOptions: readonly string[];
}

/** What a line says of a mount but for the numbers in front: the same in many subhosts. */
type Told = Omit<Mount, 'id' | 'device'>;

/** In the order in which they were mounted: of two at one point the later one is on top. */
export function parseMountinfo(text: string): Mount[] {
  return text.split('\n').flatMap(parseLine);
}

/** ID PARENT MAJOR:MINOR ROOT POINT OPTIONS [TAG…] - TYPE SOURCE SUPEROPTIONS */
function parseLine(line: string): Mount[] {
  const [id = '', , device = '', ...words] = line.split(' ');
  const told = toTold(words);
  return told && id ? [{ id: Number(id), device, ...told }] : [];
}

/** In the place of a source that is the mark of the subhost: the kernel writes no backslash alone. */
const OWN_SOURCE = '\\';

/**
 * The same as `reaper look` writes it: ID, MAJOR:MINOR and the rest of the line for each mount, one after another. KNOWN: all such
 * rests so far; one that has come before is told by its number there. MARK: of the subhost in which all this is mounted.
 */
export function joinMounts(parts: readonly (string | number)[], known: (Told | undefined)[], mark: string): Mount[] {
  const mounts: Mount[] = [];
  for (let at = 0; at + 2 < parts.length; at += 3) {
    const rest = parts[at + 2] ?? '';
    if (typeof rest === 'string') known.push(toTold(rest.split(' ')));
    const told = known[typeof rest === 'string' ? known.length - 1 : rest];
    if (!told) continue;
    // Field by field: to spread it takes four times as long, and there are twenty for each subhost.
    const { root, point, options, type, superOptions } = told;
    const source = told.source === OWN_SOURCE ? mark : told.source;
    mounts.push({ id: Number(parts[at]), device: String(parts[at + 1]), root, point, options, type, source, superOptions });
  }
  return mounts;
}

function toTold(fields: readonly string[]): Told | undefined {
  const separator = fields.indexOf('-', 3);
  const [root, point, options = ''] = fields;
  const [type, source = '', superOptions = ''] = fields.slice(separator + 1);
  if (separator < 0 || !root || !point || !type) return undefined;
  return {
    root: unescapeOctal(root),
    point: unescapeOctal(point),
    options: options.split(','),
    type,
    source: unescapeOctal(source),
    superOptions: superOptions.split(',').map(unescapeOctal),
  };
}

/**
 * How many mounts lie on one another, by point. Not all that have the same point do: where mounts are propagated, each
 * shows a second time, below the mount of the folder that it is in.
 */
export function countLayers(text: string): Map<string, number> {
  const lines = text.split('\n').map((line) => line.split(' ', 5));
  const points = new Map(lines.map(([id, , , , point]) => [id, point]));
  const layers = new Map<string, number>();
  for (const [, parent, , , point] of lines) {
    if (!point) continue;
    const name = unescapeOctal(point);
    layers.set(name, (layers.get(name) ?? 1) + (points.get(parent) === point ? 1 : 0));
  }
  return layers;
}

/** One line of /proc/mounts: DEVICE POINT TYPE OPTIONS 0 0, proc_pid_mounts(5). */
export interface MountEntry {
  readonly source: string;
  readonly point: string;
  readonly type: string;
  readonly options: readonly string[];
}

/** Of our own mount namespace, as they are now. With a hundred roots in it this file takes a millisecond to read: who has them, gives them. */
export function readMounts(): MountEntry[] {
  return parseMounts(readFileSync('/proc/self/mounts', 'utf8'));
}

/** In the order of mounting, like mountinfo. */
export function parseMounts(text: string): MountEntry[] {
  return text.split('\n').flatMap((line) => {
    const [source, point, type, options] = line.split(' ');
    // A source may be empty: `mount -t tmpfs "" /mnt`.
    if (source === undefined || !point || !type || !options) return [];
    return [{ source: unescapeOctal(source), point: unescapeOctal(point), type, options: options.split(',').map(unescapeOctal) }];
  });
}

/** The mount point, other than `/`, that PATH is at or below; undefined: it is on the root filesystem. */
export function mountOver(path: string, entries: readonly MountEntry[]): string | undefined {
  const over = entries.filter(({ point }) => point !== '/' && `${path}/`.startsWith(`${point}/`));
  return over.map(({ point }) => point).sort((a, b) => b.length - a.length)[0];
}

/** The value of `NAME=value` among options, or undefined. */
export function optionValue(options: readonly string[], name: string): string | undefined {
  const start = `${name}=`;
  return options.find((option) => option.startsWith(start))?.slice(start.length);
}

/**
 * The kernel writes space, tab, newline, backslash (in options also comma and equals sign) as \040 \011 \012 \134 \054 \075.
 * What it escapes are bytes: several may stand for one character.
 */
function unescapeOctal(text: string): string {
  if (!text.includes('\\')) return text;
  return text.replace(/(?:\\[0-3][0-7]{2})+/g, (escapes) => {
    const bytes = escapes.slice(1).split('\\');
    return Buffer.from(bytes.map((digits) => Number.parseInt(digits, 8))).toString();
  });
}

const UNITS = [
  ['G', 2 ** 30],
  ['M', 2 ** 20],
  ['k', 2 ** 10],
] as const;

/** The same size in the largest unit that gives a whole number, e.g. `50M`; parseSize reads it back. */
export function formatSize(bytes: number): string {
  const [unit, size] = UNITS.find(([, one]) => bytes % one === 0) ?? ['', 1];
  return `${bytes / size}${unit}`;
}

/** Bytes of a tmpfs size such as `51200k`; undefined if it is none. */
export function parseSize(text: string | undefined): number | undefined {
  const [, number, letter = ''] = /^(\d+)([kmg]?)$/i.exec(text ?? '') ?? [];
  if (number === undefined) return undefined;
  return Number(number) * (UNITS.find(([unit]) => unit.toLowerCase() === letter.toLowerCase())?.[1] ?? 1);
}
