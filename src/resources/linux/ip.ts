import { ObError } from '../error.ts';

/** One link of `ip -j -d -N link show` (or `address show`). Unknown keys are ignored: iproute2 adds some every year. */
export interface Link {
  readonly index: number;
  readonly name: string;
  readonly up: boolean;
  readonly mtu: number;
  readonly kind: string | undefined;
  readonly master: string | undefined;
  readonly group: number;
  readonly alias: string | undefined;
  readonly mac: string | undefined;
  /** Index of the other end of a veth pair, in the other end's namespace. */
  readonly peerIndex: number | undefined;
  /** Of a VLAN: the link that it is on. */
  readonly carrier?: string | undefined;
  /** Of a VLAN: its number, where it can be seen. */
  readonly vlan?: number;
  /** Addresses that a person or a DHCP client set; never those that come and go with the kernel or an IPv6 router. */
  readonly addresses: readonly string[];
  /** IPv6 addresses for this link alone. It may have some by itself: only those that are asked for count. */
  readonly local?: readonly string[];
}

/** A default route: of others nothing is asked. */
export interface Route {
  readonly gateway: string | undefined;
  readonly link: string | undefined;
}

type Loose = Readonly<Record<string, unknown>>;

/** Of rtnetlink(7): RT_SCOPE_UNIVERSE, RT_TABLE_MAIN, RTPROT_RA. `-N` asks for numbers; not every iproute2 minds it everywhere. */
const SCOPE_GLOBAL = ['0', 'global'];
/** RT_SCOPE_LINK and RT_SCOPE_SITE. */
const SCOPE_LOCAL = ['253', 'link', '200', 'site'];
/** IFAPROT_KERNEL_LL: the kernel has made it. Before Linux 5.18 it does not say so. */
const PROTOCOL_KERNEL = ['3', 'kernel_ll'];
const TABLE_MAIN = ['254', 'main'];
const PROTOCOL_ROUTER = ['9', 'ra'];

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

/** One link, or nothing if the entry names none: for `flatMap`. */
export function toLink(entry: Loose): Link[] {
  const name = asText(entry['ifname']);
  if (!name) return [];
  const flags = Array.isArray(entry['flags']) ? entry['flags'] : [];
  const info = asLoose(entry['linkinfo']);
  const told = (Array.isArray(entry['addr_info']) ? entry['addr_info'] : []).map(asLoose);
  const local = told.filter(isLocal).flatMap(toAddress);
  return [
    {
      index: Number(entry['ifindex'] ?? 0),
      name,
      up: flags.includes('UP'),
      mtu: Number(entry['mtu'] ?? 0),
      kind: asText(info['info_kind']),
      master: asText(entry['master']),
      // A name stands for group 0, `default`: ours has none.
      group: Number(entry['group'] ?? 0) || 0,
      alias: asText(entry['ifalias']),
      mac: asText(entry['address']),
      peerIndex: typeof entry['link_index'] === 'number' ? entry['link_index'] : undefined,
      ...(info['info_kind'] === 'vlan' ? toVlan(entry, asLoose(info['info_data'])) : {}),
      addresses: told.filter((one) => SCOPE_GLOBAL.includes(String(one['scope']))).flatMap(toAddress),
      ...(local.length > 0 ? { local } : {}),
    },
  ];
}

/** Of a link's addresses those that count; WANTED tells which of those for this link alone do. Sorted. */
export function addressesOf({ addresses, local = [] }: Link, wanted: readonly string[] = []): string[] {
  return [...addresses, ...local.filter((one) => wanted.includes(one))].sort();
}

/** `link` is there where it is in the same namespace. */
function toVlan(entry: Loose, data: Loose): Pick<Link, 'carrier' | 'vlan'> {
  const { id } = data;
  return { carrier: asText(entry['link']), ...(typeof id === 'number' ? { vlan: id } : {}) };
}

function isLocal({ family, scope, protocol }: Loose): boolean {
  return family === 'inet6' && SCOPE_LOCAL.includes(String(scope)) && !PROTOCOL_KERNEL.includes(String(protocol));
}

function toAddress(entry: Loose): string[] {
  const local = asText(entry['local']);
  if (!local) return [];
  // Removed, it would be back with the router's next advertisement.
  const isFromRouter = entry['family'] === 'inet6' && entry['dynamic'] === true;
  return isFromRouter ? [] : [`${local}/${String(entry['prefixlen'])}`];
}

/** A default route of the main table that a person or a DHCP client set, else nothing: for `flatMap`. */
export function toRoute(entry: Loose): Route[] {
  if (!TABLE_MAIN.includes(String(entry['table'])) || PROTOCOL_ROUTER.includes(String(entry['protocol']))) return [];
  return entry['dst'] === 'default' ? [{ gateway: asText(entry['gateway']), link: asText(entry['dev']) }] : [];
}

function asText(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function asLoose(value: unknown): Loose {
  return isLoose(value) ? value : {};
}
