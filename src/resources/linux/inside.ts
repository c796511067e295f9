import { type Check, either, isNumber, isObject, listOf, withFields } from '../checks.ts';
import { ObError } from '../error.ts';
import type { Link, Route } from './ip.ts';

/** The inside of one network namespace. */
export interface Inside {
  readonly links: readonly Link[];
  readonly routes: readonly Route[];
  /** First of the ids of the user namespace that it belongs to, see ids.ts; 0: it is the machine's. Undefined: not to be known. */
  readonly firstId?: number;
  /** Of the namespace: the number in `net:[4026532281]`. Undefined: not told. */
  readonly inode?: number;
}

/** What `reaper look` writes of one namespace; all that belongs to a link is told by its index. */
interface Written {
  readonly error: number;
  readonly inode?: number;
  readonly first?: number;
  readonly links?: readonly WrittenLink[];
  /** Those that are of use beyond their link. */
  readonly addresses?: readonly { link: number; flags: number; prefix: number; address?: string; scope?: number }[];
  /** Default routes of the main table that no router has advertised. */
  readonly routes?: readonly { link: number; gateway?: string }[];
}

interface WrittenLink {
  readonly index: number;
  readonly name?: string;
  readonly up: number;
  readonly mtu: number;
  readonly peer: number;
  /** 1: PEER is in another namespace. */
  readonly away?: number;
  /** Of a VLAN: its number. */
  readonly vlan?: number;
  readonly master: number;
  readonly group: number;
  readonly mac?: string;
  readonly alias?: string;
  readonly kind?: string;
}

/** rtnetlink(7) */
const IFA_F_PERMANENT = 0x80;

/** By name: a line with the namespace's name, a line with what is in it. A namespace that is gone by now is left out. */
export function parseInsides(lines: readonly string[]): Map<string, Inside> {
  const found = new Map<string, Inside>();
  for (let at = 0; at + 1 < lines.length; at += 2) {
    const written = parseJson(lines[at + 1] ?? '', isWritten) as Written;
    if (written.error === 0) found.set(lines[at] ?? '', toInside(written));
  }
  return found;
}

/** A line of the reaper's, which has to be as IS says. */
export function parseJson(text: string, is: Check): unknown {
  try {
    const value: unknown = JSON.parse(text);
    if (is(value)) return value;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  throw new ObError(`the reaper printed something that is not its own: ${text.slice(0, 120)}`);
}

const list = either(listOf(isObject), undefined);
const number = either(isNumber, undefined);
const isWritten = withFields({ error: isNumber, inode: number, first: number, links: list, addresses: list, routes: list });

function toInside({ inode, first, links = [], addresses = [], routes = [] }: Written): Inside {
  const names = new Map(links.map((link) => [link.index, link.name]));
  const wanted = addresses.filter(({ flags, address }) => !isFromRouter(flags, address));
  return {
    ...(first === undefined ? {} : { firstId: first }),
    ...(inode ? { inode } : {}),
    links: links.flatMap((link) => {
      const own = wanted.filter((one) => one.link === link.index);
      return toLink(link, names, own.filter(({ scope }) => !scope).map(toText), own.filter(({ scope }) => scope).map(toText));
    }),
    routes: routes.map(({ link, gateway }) => ({ gateway, link: names.get(link) })),
  };
}

function toText({ address, prefix }: { readonly address?: string; readonly prefix: number }): string {
  return `${address}/${prefix}`;
}

/** Removed, it would be back with the router's next advertisement. */
function isFromRouter(flags: number, address = ''): boolean {
  return address.includes(':') && (flags & IFA_F_PERMANENT) === 0;
}

function toLink(
  link: WrittenLink,
  names: ReadonlyMap<number, string | undefined>,
  addresses: readonly string[],
  local: readonly string[],
): Link[] {
  const { index, name, up, mtu, peer, away, master, group, mac, alias, kind, vlan } = link;
  if (!name) return [];
  const carrier = kind === 'vlan' ? { carrier: away ? undefined : names.get(peer), ...(vlan === undefined ? {} : { vlan }) } : {};
  return [
    {
      index,
      name,
      up: up === 1,
      mtu,
      kind,
      master: names.get(master),
      group,
      alias,
      mac,
      peerIndex: away ? peer : undefined,
      ...carrier,
      addresses,
      ...(local.length > 0 ? { local } : {}),
    },
  ];
}
