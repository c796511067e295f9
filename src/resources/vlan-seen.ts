import type { Blocker, Live, Spec } from './kind.ts';
import { blockerInside, markSeen, ownerOf, partLinks } from './link-rules.ts';
import type { Link } from './linux/ip.ts';
import type { Machine } from './machine.ts';
import { isOurs, seenInside } from './veth-seen.ts';

/** An index signature lets the planner read fields whose names it does not know. */
export type VlanFields = {
  readonly [field: string]: string | number | boolean | null | readonly string[];
  readonly mark: string | null;
  readonly up: boolean;
  /** The machine's end of the cable that carries it. */
  readonly cable: string | null;
  readonly vlan: number;
  readonly bridge: string | null;
  /** The subhost's end; null: there is none. */
  readonly inside: string | null;
  readonly inside_up: boolean;
  readonly mtu?: string;
  readonly address?: readonly string[];
  readonly gateway?: readonly string[];
};
/** CARRIER: the subhost's end of the cable that carries it. */
export type VlanExtra = { readonly mark: string; readonly netns: string; readonly carrier: string };
export type VlanSpec = Spec<VlanFields, VlanExtra>;
/** Where the other end is, and its name there; undefined: it has none. */
export type VlanHandle = { readonly netns: string; readonly inside: string | undefined };
export type VlanLive = Live<VlanFields, VlanHandle>;

/** Every VLAN that carries the scope's mark, and what stands in the way of those that are wanted. */
export async function listVlans(machine: Machine, desired: readonly VlanSpec[]): Promise<{ live: VlanLive[]; blockers: Blocker[] }> {
  const wanted = new Map(desired.map((spec) => [spec.address, spec]));
  const { own, blockers } = await partLinks(machine, 'vlan', desired);
  const live = await Promise.all(own.map((link) => toLive(machine, link, wanted.get(`vlan/${link.name}`))));
  return { live, blockers: [...blockers, ...(await Promise.all(desired.map((spec) => blockerOf(machine, spec)))).flat()] };
}

/** The subhost's end has no mark: it is known by its name, and by the link that it is on. */
export async function findInside(machine: Machine, netns: string, name: string, carrier: string): Promise<Link | undefined> {
  const links = (await machine.look.inside(netns))?.links ?? [];
  return links.find((link) => link.name === name && link.kind === 'vlan' && link.carrier === carrier);
}

async function blockerOf(machine: Machine, { address, fields, extra }: VlanSpec): Promise<Blocker[]> {
  const links = (await machine.look.inside(extra.netns))?.links ?? [];
  const wanted = { address, ...extra, name: fields.inside, noun: 'VLAN' };
  return blockerInside(links, wanted, (link) => link.kind === 'vlan' && link.carrier === extra.carrier);
}

/** The parts of `web0.302`. A subhost's name may end in a digit: without SUBHOST, as a crash may have come before the alias, it is taken for none. */
export function readName(link: string, subhost?: string): { netns: string; number: string; tag: string } {
  const [, name = '', number = '', tag = ''] = /^(.*?)(\d+)\.(\d+)$/.exec(link) ?? [];
  if (subhost === undefined || !link.startsWith(subhost)) return { netns: subhost ?? name, number, tag };
  return { netns: subhost, number: `${name}${number}`.slice(subhost.length), tag };
}

async function toLive(machine: Machine, link: Link, spec: VlanSpec | undefined): Promise<VlanLive> {
  const owner = ownerOf(link);
  const name = owner && owner !== 'unfinished' ? owner.name : null;
  const { netns, number, tag } = readName(link.name, name ?? spec?.subhost ?? undefined);
  const inside = await findInside(machine, netns, `eth${number}.${tag}`, `eth${number}`);
  const routes = (await machine.look.inside(netns))?.routes ?? [];
  const seen = inside ? seenInside(inside, routes, spec?.fields.address) : {};
  return {
    address: `vlan/${link.name}`,
    subhost: name,
    needs: [`netns/${netns}`, `veth/${link.carrier ?? `${netns}${number}`}`],
    holds: [`link:${link.name}`, ...(inside ? [`link:${netns}/${inside.name}`] : [])],
    fields: {
      mark: markSeen(link),
      up: link.up,
      cable: link.carrier ?? null,
      ...(link.vlan === undefined ? {} : { vlan: link.vlan }),
      mtu: inside && inside.mtu !== link.mtu ? `${link.mtu}, ${inside.mtu} inside` : String(link.mtu),
      // As with a cable: without a bridge it belongs to ifupdown, which may well plug it in somewhere.
      ...(spec?.fields.bridge === null && !(await isOurs(machine, link.master)) ? {} : { bridge: link.master ?? null }),
      inside: inside?.name ?? null,
      ...(seen.inside_up === undefined ? {} : { inside_up: seen.inside_up }),
      ...(seen.address ? { address: seen.address } : {}),
      ...(seen.gateway ? { gateway: seen.gateway } : {}),
    },
    handle: { netns, inside: inside?.name },
  };
}
