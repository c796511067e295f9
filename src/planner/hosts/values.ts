import { parseSize } from '../../resources/linux/mountinfo.ts';
import { normaliseCidr, normaliseIp, wrongCidr, wrongIp } from './inet.ts';
import { describe, map, type Placed, placed, type Shape, text } from './shape.ts';
import { quote, showText } from './show.ts';

/** The kernel's limit for the name of a link: IFNAMSIZ less the closing NUL. */
export const MAX_LINK_NAME = 15;

export const subhostName = pattern(
  'the name of a subhost',
  /^[a-z][a-z0-9-]{0,11}$/,
  '1 to 12 characters of a-z, 0-9 and "-", a letter first',
);

export const scopeName = pattern('a scope', /^[a-z][a-z0-9-]{0,31}$/, '1 to 32 characters of a-z, 0-9 and "-", a letter first');

/** Folders of these names in /proc/sys/net are no links, and `lo` is in every network namespace. */
const NO_LINKS = ['all', 'default', 'lo'];

export const linkName: Shape<string> = text(
  'the name of a bridge',
  (value) => {
    if (value.length > MAX_LINK_NAME) return `the kernel allows ${MAX_LINK_NAME} characters`;
    if (!/^[A-Za-z][A-Za-z0-9_.-]*$/.test(value)) return 'letters, digits, "_", "." and "-", a letter first';
    return NO_LINKS.includes(value) ? 'the kernel has another use for it' : undefined;
  },
  { pattern: `^[A-Za-z][A-Za-z0-9_.-]{0,${MAX_LINK_NAME - 1}}$`, not: { enum: NO_LINKS } },
);

export const path: Shape<Placed<string>> = placed(
  text('a path', wrongPath, { pattern: '^[^~$,:\\\\\\x00-\\x1f\\x7f][^,:\\\\\\x00-\\x1f\\x7f]*$' }),
);

export const mac: Shape<string> = map(text('a MAC', wrongMac, { pattern: '^[0-9A-Fa-f][02468ACEace](:[0-9A-Fa-f]{2}){5}$' }), (value) =>
  value.toLowerCase(),
);

export const cidr: Shape<Placed<string>> = placed(
  map(text('an address with prefix length', wrongCidr, { pattern: '^[0-9A-Fa-f:.]+/[0-9]{1,3}$' }), normaliseCidr),
);

export const ip: Shape<Placed<string>> = placed(map(text('an address', wrongIp, { pattern: '^[0-9A-Fa-f:.]+$' }), normaliseIp));

export const startEntry: Shape<Placed<string>> = placed(
  text(
    'a service or a path',
    (value) => {
      if (/^\.{0,2}\//.test(value)) return wrongPath(value) ?? wrongProgram(value);
      return /^[A-Za-z0-9][A-Za-z0-9_.@+-]*$/.test(value)
        ? undefined
        : 'a service is a name in /etc/init.d, a path begins with "/" or "./"';
    },
    { pattern: '^(\\.{0,2}/[^,:\\\\\\s]*[^,:\\\\\\s/]|[A-Za-z0-9][A-Za-z0-9_.@+-]*)$' },
  ),
);

function pattern(what: string, form: RegExp, words: string): Shape<string> {
  return text(what, (value) => (form.test(value) ? undefined : words), { pattern: form.source });
}

/** What a shell would have put another text for. */
const SHELLS = /^[~$]/;

/** Overlay options are separated by commas and colons and know a backslash; a path with one of them would say something else. */
export function wrongPath(value: string): string | undefined {
  if (value === '') return 'it is empty';
  const bad = /[,:\\]/.exec(value)?.[0];
  if (bad) return `it holds "${bad}", which mount options have another use for`;
  if (SHELLS.test(value)) return `no shell reads this, so "${value[0]}" means nothing: write the whole path`;
  // PATH_MAX of limits.h
  return Buffer.byteLength(value) > 4095 ? 'it is longer than 4095 bytes' : undefined;
}

function wrongProgram(value: string): string | undefined {
  if (value.endsWith('/')) return 'it is a directory';
  return /\s/.test(value) ? 'it holds a space' : undefined;
}

function wrongMac(value: string): string | undefined {
  if (!/^([0-9a-f]{2}:){5}[0-9a-f]{2}$/i.test(value)) return 'write it like 02:00:0a:4d:00:02';
  if (/^(00:){5}00$/.test(value)) return 'it is all zero';
  return Number.parseInt(value.slice(0, 2), 16) & 1 ? 'it is for multicast: the first byte must be even' : undefined;
}

/** Of a veth pair: ETH_MIN_MTU and ETH_MAX_MTU of the kernel. */
const MIN_MTU = 68;
const MAX_MTU = 65535;

export const mtu: Shape<number> = wholeNumber(MIN_MTU, MAX_MTU);

/** 0 and 4095 have a meaning of their own: IEEE 802.1Q, 9.6. */
export const vlan: Shape<number> = wholeNumber(1, 4094);

export function wholeNumber(least: number, most: number): Shape<number> {
  return {
    schema: { type: 'integer', minimum: least, maximum: most },
    read(node, report) {
      const isNumber = node.kind === 'scalar' && typeof node.value === 'number';
      const value = isNumber ? Number(node.value) : undefined;
      if (value !== undefined && Number.isInteger(value) && value >= least && value <= most) return value;
      report(node, `a whole number from ${least} to ${most} is wanted here, not ${isNumber ? showText(node.source) : describe(node)}`);
      return undefined;
    },
  };
}

export const restart = oneOf(['always', 'on-failure', 'never']);
export const lowerChange = oneOf(['warn', 'restart']);

/** One of a few words. MORE: what else can stand there, which another shape reads. */
export function oneOf<const T extends string>(words: readonly T[], ...more: readonly string[]): Shape<T> {
  return {
    schema: { enum: words },
    read(node, report) {
      const found = words.find((one) => node.kind === 'scalar' && node.value === one);
      const all = [...words, ...more];
      const list = `${all.slice(0, -1).join(', ')} or ${all.at(-1)}`;
      const isText = node.kind === 'scalar' && typeof node.value === 'string';
      if (!found) report(node, `${list} is wanted here, not ${isText ? quote(String(node.value)) : describe(node)}`);
      return found;
    },
  };
}

export const flag: Shape<boolean> = {
  schema: { type: 'boolean' },
  read(node, report) {
    if (node.kind === 'scalar' && typeof node.value === 'boolean') return node.value;
    report(node, `true or false is wanted here, not ${describe(node)}`);
    return undefined;
  },
};

/** Bytes; null: none. */
export interface RamSize {
  readonly bytes: number | null;
}

export const PAGE_BYTES = 4096;

export const ramSize: Shape<RamSize> = {
  schema: {
    anyOf: [
      { type: 'integer', minimum: 1 },
      { type: 'string', pattern: '^(0*[1-9][0-9]*[kKmMgG]?|none)$' },
    ],
  },
  read(node, report) {
    if (node.kind !== 'scalar' || node.value === null || typeof node.value === 'boolean') {
      report(node, `a size like 50M, or none, is wanted here, not ${describe(node)}`);
      return undefined;
    }
    if (node.value === 'none') return { bytes: null };
    const bytes = parseSize(node.source);
    if (bytes && Number.isSafeInteger(bytes)) return { bytes: Math.ceil(bytes / PAGE_BYTES) * PAGE_BYTES };
    // tmpfs(5) means no limit by it.
    const why = bytes === 0 ? 'write none if no /run is to be mounted' : 'write it like 50M (k, M, G), or none';
    report(node, `${quote(node.source)} is no size: ${why}`);
    return undefined;
  },
};
