import { parseSize } from '../../resources/linux/mountinfo.ts';
import { normaliseCidr, normaliseIp, wrongCidr, wrongIp } from './inet.ts';
import { byKind, choice, keyed, list, map, object, oneOrMore, type Placed, placed, record, type Shape, text } from './shape.ts';

/** A hosts file as it is written: checked value by value, nothing filled in. */
export interface RawFile {
  readonly scope?: string;
  readonly defaults?: RawSubhost;
  readonly bridges?: readonly Named<RawBridge>[];
  readonly subhosts?: readonly Named<RawSubhost>[];
}

export interface Named<T> {
  readonly name: Placed<string>;
  readonly value: T;
}

interface RawBridge {
  readonly address?: readonly Placed<string>[];
}

export interface RawSubhost {
  readonly keys: ReadonlySet<string>;
  readonly base?: Placed<string>;
  readonly lower?: Placed<string>;
  readonly upper?: Placed<string>;
  readonly work?: Placed<string>;
  readonly live?: Placed<string>;
  readonly cables?: readonly Placed<RawCable>[];
  readonly start?: readonly Placed<string>[];
  readonly ram_size?: RamSize;
}

/** Bytes; null: none. */
interface RamSize {
  readonly bytes: number | null;
}

export interface RawCable {
  readonly bridge?: Placed<string>;
  readonly mac?: Placed<string>;
  readonly address?: readonly Placed<string>[];
  readonly gateway?: readonly Placed<string>[];
}

/** The kernel's limit for the name of a link: IFNAMSIZ less the closing NUL. */
export const MAX_LINK_NAME = 15;

export const subhostName = pattern(
  'the name of a subhost',
  /^[a-z][a-z0-9-]{0,11}$/,
  '1 to 12 characters of a-z, 0-9 and "-", a letter first',
);
const scopeName = pattern('a scope', /^[a-z][a-z0-9-]{0,31}$/, '1 to 32 characters of a-z, 0-9 and "-", a letter first');
const linkName = text(
  'the name of a bridge',
  (value) => {
    if (value.length > MAX_LINK_NAME) return `the kernel allows ${MAX_LINK_NAME} characters`;
    if (!/^[A-Za-z][A-Za-z0-9_.-]*$/.test(value)) return 'letters, digits, "_", "." and "-", a letter first';
    // Folders of these names in /proc/sys/net are no links.
    return ['all', 'default', 'lo'].includes(value) ? 'the kernel has another use for it' : undefined;
  },
  { pattern: `^[A-Za-z][A-Za-z0-9_.-]{0,${MAX_LINK_NAME - 1}}$` },
);
const path = placed(text('a path', wrongPath, { pattern: '^[^,:\\\\]+$' }));
const mac = map(text('a MAC', wrongMac, { pattern: '^([0-9A-Fa-f]{2}:){5}[0-9A-Fa-f]{2}$' }), (value) => value.toLowerCase());
const cidr = placed(map(text('an address with prefix length', wrongCidr), normaliseCidr));
const ip = placed(map(text('an address', wrongIp), normaliseIp));
const addresses = oneOrMore('addresses with prefix length, e.g. 10.77.0.2/24', cidr);

const bridge: Shape<RawBridge> = object<RawBridge>({ address: addresses });

const cable: Shape<RawCable> = byKind<RawCable>({
  map: object<RawCable>({ bridge: placed(linkName), mac: placed(mac), address: addresses, gateway: oneOrMore('default routes', ip) }),
  scalar: shortCable(),
});

const startEntry = placed(
  text('a service or a path', (value) => {
    if (/^\.{0,2}\//.test(value)) return wrongPath(value) ?? (/\s/.test(value) ? 'it holds a space' : undefined);
    return /^[A-Za-z0-9][A-Za-z0-9_.@+-]*$/.test(value) ? undefined : 'a service is a name in /etc/init.d, a path begins with "/" or "./"';
  }),
);

const subhostKeys = object<Omit<RawSubhost, 'keys'>>({
  base: path,
  lower: path,
  upper: path,
  work: path,
  live: path,
  cables: list('cables', placed(cable)),
  start: byKind({ list: list('services and paths', startEntry), scalar: choice('none', () => []) }),
  ram_size: ramSize(),
});
const subhost: Shape<RawSubhost> = keyed(subhostKeys);

/** The whole file. */
export const hostsFileShape: Shape<RawFile> = object<RawFile>(
  { scope: scopeName, defaults: subhost, bridges: record('bridges', linkName, bridge), subhosts: record('subhosts', subhostName, subhost) },
  ['subhosts'],
);

function pattern(what: string, form: RegExp, words: string): Shape<string> {
  return text(what, (value) => (form.test(value) ? undefined : words), { pattern: form.source });
}

/** Overlay options are separated by commas and colons and know a backslash; a path with one of them would say something else. */
function wrongPath(value: string): string | undefined {
  if (value === '') return 'it is empty';
  const bad = /[,:\\]/.exec(value)?.[0];
  if (bad) return `it holds "${bad}", which mount options have another use for`;
  // PATH_MAX of limits.h
  return Buffer.byteLength(value) > 4095 ? 'it is longer than 4095 bytes' : undefined;
}

function wrongMac(value: string): string | undefined {
  if (!/^([0-9a-f]{2}:){5}[0-9a-f]{2}$/i.test(value)) return 'write it like 02:00:0a:4d:00:02';
  if (/^(00:){5}00$/.test(value)) return 'it is all zero';
  return Number.parseInt(value.slice(0, 2), 16) & 1 ? 'it is a multicast MAC: the first byte must be even' : undefined;
}

/** overlay-boot's `[bridge]=[mac]`. */
function shortCable(): Shape<RawCable> {
  const form = placed(
    text('a cable', (value) =>
      /^[^=]*=[^=]*$/.test(value) ? undefined : 'write it like "br0=02:00:00:00:00:07", or as { bridge: …, mac: … }',
    ),
  );
  return {
    schema: { type: 'string', pattern: '^[^=]*=[^=]*$', description: '[bridge]=[mac]' },
    read(node, report) {
      const read = form.read(node, report);
      if (!read) return undefined;
      const { line, column } = node;
      const part = (value: string, shape: Shape<string>): Placed<string> | undefined =>
        value === '' ? undefined : placed(shape).read({ kind: 'scalar', value, source: value, line, column }, report);
      const [bridgeText = '', macText = ''] = read.value.split('=');
      const bridgeName = part(bridgeText, linkName);
      const macValue = part(macText, mac);
      return { ...(bridgeName ? { bridge: bridgeName } : {}), ...(macValue ? { mac: macValue } : {}) };
    },
  };
}

const PAGE_BYTES = 4096;

function ramSize(): Shape<RamSize> {
  return {
    schema: {
      anyOf: [
        { type: 'integer', minimum: 1 },
        { type: 'string', pattern: '^([0-9]+[kKmMgG]?|none)$' },
      ],
      description: 'size of /run',
    },
    read(node, report) {
      if (node.kind !== 'scalar') {
        report(node, 'a size is wanted here, like 50M, or none');
        return undefined;
      }
      if (node.value === 'none') return { bytes: null };
      const bytes = parseSize(node.source);
      // 0 would mean "no limit" to tmpfs(5).
      if (bytes && Number.isSafeInteger(bytes)) return { bytes: Math.ceil(bytes / PAGE_BYTES) * PAGE_BYTES };
      report(node, `${JSON.stringify(node.source)} is no size: write it like 50M (k, M, G), or none`);
      return undefined;
    },
  };
}
