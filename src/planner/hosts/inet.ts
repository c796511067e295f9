import { BlockList, isIP, SocketAddress } from 'node:net';

const EXAMPLE = 'write it like 10.77.0.2/24 or fd00::2/64';

/** Why a text is no address with prefix length that a link can have; undefined if it is one. */
export function wrongCidr(text: string): string | undefined {
  const [address = '', prefix, ...rest] = text.split('/');
  const family = familyNumber(address);
  if (family === 0 || rest.length > 0) return EXAMPLE;
  if (prefix === undefined) return `the prefix length is missing, ${EXAMPLE}`;
  if (!/^\d{1,3}$/.test(prefix) || Number(prefix) > (family === 4 ? 32 : 128)) return `/${prefix} is no prefix length`;
  return wrongHost(address);
}

/** The same for an address without prefix length. */
export function wrongIp(text: string): string | undefined {
  if (familyNumber(text) === 0) return 'write it like 10.77.0.1 or fd00::1';
  return wrongHost(text);
}

/** 4, 6, or 0. A zone (`fe80::1%eth0`) names a link, and which one that is the file says already. */
function familyNumber(address: string): number {
  return address.includes('%') ? 0 : isIP(address);
}

const MULTICAST = 'it is a multicast address';
const LOOPBACK = 'it is a loopback address';
const NO_ADDRESS = 'it means "no address"';

const NO_HOSTS_6: readonly (readonly [network: string, why: string])[] = [
  ['ff00::/8', MULTICAST],
  ['::1/128', LOOPBACK],
  ['::/128', NO_ADDRESS],
  ['::ffff:0:0/96', 'it stands for an IPv4 address: write that one'],
];

function wrongHost(address: string): string | undefined {
  if (familyOf(address) === 'ipv4') return wrongHost4(address);
  return NO_HOSTS_6.find(([network]) => isIn(address, [network]))?.[1];
}

/** Without the lists of Node, which take longer for an address than all the rest of its checks. */
function wrongHost4(address: string): string | undefined {
  const first = Number(address.slice(0, address.indexOf('.')));
  if (first >= 224 && first < 240) return MULTICAST;
  if (first === 127) return LOOPBACK;
  if (address === '0.0.0.0') return NO_ADDRESS;
  return address === '255.255.255.255' ? 'it is the broadcast address' : undefined;
}

export function isLinkLocal(address: string): boolean {
  return familyOf(address) === 'ipv6' && isIn(address, ['fe80::/10']);
}

/** As the kernel prints it (RFC 5952), so that it compares equal with what is read back. */
export function normaliseIp(address: string): string {
  return isIP(address) === 6 ? new SocketAddress({ address, family: 'ipv6' }).address : address;
}

export function normaliseCidr(text: string): string {
  const [address = '', prefix = ''] = text.split('/');
  return `${normaliseIp(address)}/${Number(prefix)}`;
}

/** True for an address in one of these networks. */
export function isIn(address: string, networks: readonly string[]): boolean {
  const family = familyOf(address);
  return listOf(networks, family).check(address, family);
}

/** Making one takes longer than asking it a hundred times. */
const lists = new Map<string, BlockList>();

function listOf(networks: readonly string[], family: 'ipv4' | 'ipv6'): BlockList {
  const key = `${family} ${networks.join(' ')}`;
  const known = lists.get(key);
  if (known) return known;
  const list = new BlockList();
  for (const network of networks) {
    const [start = '', prefix] = network.split('/');
    // Left to itself, the list looks for an IPv4 address in networks of IPv6 as well.
    if (familyOf(start) === family) list.addSubnet(start, Number(prefix), family);
  }
  lists.set(key, list);
  return list;
}

/** Of what is known to be an address: the expression that Node knows one of IPv6 by takes 5 ms to compile. */
function familyOf(address: string): 'ipv4' | 'ipv6' {
  return address.includes(':') ? 'ipv6' : 'ipv4';
}
