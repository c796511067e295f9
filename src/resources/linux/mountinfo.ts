/** One line of /proc/PID/mountinfo, proc_pid_mountinfo(5). Options are split, not parsed. */
export interface Mount {
  readonly id: number;
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

/** In the order in which they were mounted: of two at one point the later one is on top. */
export function parseMountinfo(text: string): Mount[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .flatMap(parseLine);
}

function parseLine(line: string): Mount[] {
  // ID PARENT MAJOR:MINOR ROOT POINT OPTIONS [TAG…] - TYPE SOURCE SUPEROPTIONS
  const fields = line.split(' ');
  const separator = fields.indexOf('-', 6);
  const [id, , , root, point, options] = fields;
  const [type, source, superOptions] = fields.slice(separator + 1);
  if (separator < 0 || !id || !root || !point || !type) return [];
  return [
    {
      id: Number(id),
      root: unescapeOctal(root),
      point: unescapeOctal(point),
      options: (options ?? '').split(','),
      type,
      source: unescapeOctal(source ?? ''),
      superOptions: (superOptions ?? '').split(',').map(unescapeOctal),
    },
  ];
}

/** One line of /proc/mounts: DEVICE POINT TYPE OPTIONS 0 0, proc_pid_mounts(5). */
export interface MountEntry {
  readonly source: string;
  readonly point: string;
  readonly type: string;
  readonly options: readonly string[];
}

/** In the order of mounting, like mountinfo. */
export function parseMounts(text: string): MountEntry[] {
  return text.split('\n').flatMap((line) => {
    const [source, point, type, options] = line.split(' ');
    if (!source || !point || !type || !options) return [];
    return [{ source: unescapeOctal(source), point: unescapeOctal(point), type, options: options.split(',').map(unescapeOctal) }];
  });
}

/** The value of `NAME=value` among options, or undefined. */
export function optionValue(options: readonly string[], name: string): string | undefined {
  const start = `${name}=`;
  return options.find((option) => option.startsWith(start))?.slice(start.length);
}

/** The kernel writes space, tab, newline and backslash as \040 \011 \012 \134 (and # as \043). */
export function unescapeOctal(text: string): string {
  if (!text.includes('\\')) return text;
  // Bytes, not characters: a name in UTF-8 may hold any of them.
  return text.replace(/\\([0-3][0-7]{2})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));
}

/** The same size in the largest unit that gives a whole number, e.g. `50M`; parseSize reads it back. */
export function formatSize(bytes: number): string {
  const unit = (['g', 'm', 'k'] as const).find((one) => bytes % (UNITS[one] ?? 1) === 0) ?? '';
  return `${bytes / (UNITS[unit] ?? 1)}${unit === 'k' ? 'k' : unit.toUpperCase()}`;
}

const UNITS: Readonly<Record<string, number>> = { '': 1, k: 2 ** 10, m: 2 ** 20, g: 2 ** 30 };

/** Bytes of a tmpfs size such as `51200k`; undefined if it is none. */
export function parseSize(text: string | undefined): number | undefined {
  const match = /^(\d+)([kmg]?)$/i.exec(text ?? '');
  const unit = UNITS[match?.[2]?.toLowerCase() ?? ''];
  return match?.[1] && unit ? Number(match[1]) * unit : undefined;
}
