import type { Address, Blocker, Live, Spec } from './kind.ts';
import { homeOf, peerOf } from './link-home.ts';
import { blockerInside, markSeen, ownerOf, partLinks } from './link-rules.ts';
import { addressesOf, type Link, type Route } from './linux/ip.ts';
import type { Machine } from './machine.ts';
import { insideOf } from './netns-home.ts';

/** An index signature lets the planner read fields whose names it does not know. */
export type VethFields = {
  readonly [field: string]: string | boolean | null | readonly string[];
  readonly mark: string | null;
  readonly up: boolean;
  /** The namespace in which the other end is; null: in none that is ours. */
  readonly netns: string | null;
  readonly inside: string;
  readonly inside_up: boolean;
  /** Does another link have the name that the subhost's end should have? */
  readonly crossed: boolean;
  readonly bridge: string | null;
  readonly mac?: string;
  /** Of both ends, e.g. `1400`; where they differ, of each. */
  readonly mtu?: string;
  readonly address?: readonly string[];
  readonly gateway?: readonly string[];
};
export type VethExtra = { readonly mark: string; readonly netns: string; readonly runsIfup: boolean };
export type VethSpec = Spec<VethFields, VethExtra>;
/** INSIDE: the name that the other end has now. */
export type VethHandle = { readonly inside: string | undefined };
export type VethLive = Live<VethFields, VethHandle>;

/** Every cable that carries the scope's mark, and what stands in the way of those that are wanted. */
export async function listCables(machine: Machine, desired: readonly VethSpec[]): Promise<{ live: VethLive[]; blockers: Blocker[] }> {
  const wanted = new Map(desired.map((spec) => [spec.address, spec]));
  const { own, blockers } = await partLinks(machine, 'veth', desired);
  const live = await Promise.all(own.map((link) => toLive(machine, link, wanted.get(`veth/${link.name}`))));
  const held = new Set(live.flatMap((one) => one.holds));
  const inside = await Promise.all(desired.map((spec) => blockerOf(machine, spec, held)));
  return { live: markCrossed(live, wanted), blockers: [...blockers, ...inside.flat()] };
}

async function blockerOf(machine: Machine, { address, fields, extra }: VethSpec, held: ReadonlySet<string>): Promise<Blocker[]> {
  const links = (await insideOf(machine, extra.netns))?.links ?? [];
  const wanted = { address, ...extra, name: fields.inside, noun: 'cable' };
  return blockerInside(links, wanted, (link) => held.has(`link:${extra.netns}/${link.name}`));
}

async function toLive(machine: Machine, link: Link, spec: VethSpec | undefined): Promise<VethLive> {
  const owner = ownerOf(link);
  const name = owner && owner !== 'unfinished' ? owner.name : null;
  // Where the alias is lost, the file knows; a name may end in digits itself.
  const netns = name ?? spec?.extra.netns ?? (await homeOf(machine, link)) ?? /^(.*?)\d+$/.exec(link.name)?.[1] ?? '';
  const inside = await insideOf(machine, netns);
  const peer = peerOf(link, inside);
  return {
    address: `veth/${link.name}`,
    subhost: name,
    needs: [`netns/${netns}`],
    holds: [`link:${link.name}`, ...(peer ? [`link:${netns}/${peer.name}`] : [])],
    fields: {
      mark: markSeen(link),
      up: link.up,
      mtu: peer && peer.mtu !== link.mtu ? `${link.mtu}, ${peer.mtu} inside` : String(link.mtu),
      // A cable without a bridge belongs to ifupdown, which may well plug it in somewhere: but not into a bridge of ours.
      ...(spec?.fields.bridge === null && !(await isOurs(machine, link.master)) ? {} : { bridge: link.master ?? null }),
      netns: peer ? netns : null,
      ...(peer && inside ? seenInside(peer, inside.routes, spec?.fields.address) : {}),
    },
    handle: { inside: peer?.name },
  };
}

/** Is this a bridge of the scope's? */
export async function isOurs(machine: Machine, bridge: string | undefined): Promise<boolean> {
  const link = (await machine.look.links()).find((one) => one.name === bridge);
  const owner = link && ownerOf(link);
  return owner !== undefined && owner !== 'unfinished' && owner.scope === machine.scope;
}

/** A free name is taken in place. Where several cables have each other's, no order of renaming is right: they are made anew. */
function markCrossed(live: readonly VethLive[], wanted: ReadonlyMap<Address, VethSpec>): VethLive[] {
  const misnamed = live.filter(({ address, fields }) => {
    const spec = wanted.get(address);
    return spec && fields.inside !== undefined && fields.inside !== spec.fields.inside;
  });
  const isCrossed = (one: VethLive): boolean =>
    misnamed.includes(one) && misnamed.some((other) => other !== one && other.fields.netns === one.fields.netns);
  return live.map((one) => ({ ...one, fields: { ...one.fields, crossed: isCrossed(one) } }));
}

/** What is seen of the end of a cable, or of a VLAN, that is in a subhost; WANTED: the addresses that it is to have. */
export function seenInside(peer: Link, routes: readonly Route[], wanted: readonly string[] | undefined): Partial<VethFields> {
  const gateways = routes.filter((route) => route.link === peer.name && route.gateway);
  return {
    inside: peer.name,
    inside_up: peer.up,
    ...(peer.mac ? { mac: peer.mac } : {}),
    address: addressesOf(peer, wanted),
    gateway: [...new Set(gateways.map((route) => route.gateway ?? ''))].sort(),
  };
}
