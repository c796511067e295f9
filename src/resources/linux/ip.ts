import { ObError } from '../error.ts';

/** One link of `ip -j -d -N link show` (or `address show`). Unknown keys are ignored: iproute2 adds some every year. */
export interface Link {
  readonly index: number;
  readonly name: string;
  readonly up: boolean;
  readonly kind: string | undefined;
  readonly master: string | undefined;
  readonly group: number;
  readonly alias: string | undefined;
  readonly mac: string | undefined;
  /** Index of the other end of a veth pair, in the other end's namespace. */
  readonly peerIndex: number | undefined;
  /** Addresses that a person or a DHCP client set; never those the kernel makes (scope link, host). */
  readonly addresses: readonly string[];
}

export interface Route {
  readonly destination: string;
  readonly gateway: string | undefined;
  readonly link: string | undefined;
}

type Loose = Readonly<Record<string, unknown>>;

/** Scope of an address that is valid everywhere: RT_SCOPE_UNIVERSE, rtnetlink(7). `-N` prints the number. */
const SCOPE_GLOBAL = new Set(['0', 'global']);

/** Parses what `ip -j` printed for several commands: one JSON array after another. */
export function parseIpJson(text: string): Loose[][] {
  // In a batch every array ends its line; a warning of ip before the JSON would be on a line of its own.
  return text
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map(parseArray);
}

function parseArray(line: string): Loose[] {
  try {
    const value: unknown = JSON.parse(line);
    if (Array.isArray(value)) return value.filter(isLoose);
  } catch {
    // Said below, with what was printed instead.
  }
  throw new ObError(`ip printed something that is no JSON list: ${line.slice(0, 120)}`, {
    hint: 'ip -V should say iproute2-5.0 or newer',
  });
}

function isLoose(value: unknown): value is Loose {
  // An empty object stands for an entry that vanished while ip looked at it.
  return typeof value === 'object' && value !== null && Object.keys(value).length > 0;
}

export function toLink(entry: Loose): Link {
  const flags = Array.isArray(entry['flags']) ? entry['flags'] : [];
  const info = asLoose(entry['linkinfo']);
  return {
    index: Number(entry['ifindex'] ?? 0),
    name: String(entry['ifname'] ?? ''),
    up: flags.includes('UP'),
    kind: asText(info['info_kind']),
    master: asText(entry['master']),
    group: Number(entry['group'] ?? 0) || 0,
    alias: asText(entry['ifalias']),
    mac: asText(entry['address']),
    peerIndex: typeof entry['link_index'] === 'number' ? entry['link_index'] : undefined,
    addresses: (Array.isArray(entry['addr_info']) ? entry['addr_info'] : []).map(asLoose).flatMap(toAddress),
  };
}

function toAddress(entry: Loose): string[] {
  const local = asText(entry['local']);
  if (!local || !SCOPE_GLOBAL.has(String(entry['scope']))) return [];
  return [`${local}/${String(entry['prefixlen'])}`];
}

export function toRoute(entry: Loose): Route {
  return { destination: String(entry['dst'] ?? ''), gateway: asText(entry['gateway']), link: asText(entry['dev']) };
}

function asText(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function asLoose(value: unknown): Loose {
  return isLoose(value) ? value : {};
}
