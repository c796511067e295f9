import type { RawCable } from './cable.ts';
import { numberCables } from './cables.ts';
import { type Claim, checkOnce } from './check-once.ts';
import type { Facts } from './facts.ts';
import type { RawBridge, RawFile } from './format.ts';
import { isIn, isLinkLocal } from './inet.ts';
import type { Report } from './node.ts';
import { oncePerPlace } from './problems.ts';
import { type Named, nearest, type Placed } from './shape.ts';
import { MAX_LINK_NAME } from './values.ts';
import type { Whole } from './whole.ts';

/** Links, MACs, addresses and routes of the whole file. */
export function checkCables(raw: RawFile, wholes: readonly Whole[], facts: Facts, report: Report): void {
  const bridges = raw.bridges ?? [];
  checkOnce(
    [...bridges.filter((one) => one.isNameGood).map(({ name }) => toLink(name)), ...wholes.flatMap((one) => endsOf(one, report))],
    report,
  );
  checkOnce(wholes.flatMap(macsOf), report);
  checkOnce([...bridges.flatMap(machineAddresses), ...wholes.flatMap(addressesOf)], report);
  const all = [raw.defaults, ...wholes.map((whole) => whole.raw.value)].map(cablesOf);
  for (const cables of all) {
    const once = oncePerPlace(report);
    for (const cable of cables) {
      checkGateway(cable, once);
      checkMtu(cable, once);
    }
    checkVlans(cables, once);
    checkDefaultRoutes(cables, once);
  }
  checkBridges(all.flat(), bridges, facts, report);
}

function cablesOf({ cables = [] }: { readonly cables?: readonly Placed<RawCable>[] } = {}): RawCable[] {
  return cables.map(({ value }) => value);
}

function toLink(name: Placed<string>): Claim {
  return { ...name, what: `link ${name.value}`, keys: [name.value] };
}

/** The machine's ends. Bridges and they share one name space. */
function endsOf({ raw, written }: Whole, report: Report): Claim[] {
  if (!raw.isNameGood) return [];
  const spots = new Map((written.cables ?? []).map((cable) => [cable.value, cable]));
  return numberCables(raw.name.value, cablesOf(written)).map(({ raw: cable, hostEnd: value }) => {
    const end = { ...((raw.value.cables && spots.get(cable)) || raw.name), value };
    if (value.length > MAX_LINK_NAME) report(end, `the link ${value} would have more than ${MAX_LINK_NAME} characters`);
    return toLink(end);
  });
}

function macsOf({ written }: Whole): Claim[] {
  return cablesOf(written).flatMap(({ mac }) => (mac ? [{ ...mac, what: `MAC ${mac.value}`, keys: [mac.value] }] : []));
}

function machineAddresses({ name, value }: Named<RawBridge>): Claim[] {
  return (value.address ?? []).map((one) => toAddress(one, ['this machine', `bridge ${name.value}`]));
}

function addressesOf({ raw, written }: Whole): Claim[] {
  return cablesOf(written).flatMap(({ address = [], bridge }) => {
    const places = [`subhost ${raw.name.value}`, ...(bridge ? [`bridge ${bridge.value}`] : [])];
    return address.map((one) => toAddress(one, places));
  });
}

/** Networks that do not meet may use the same addresses, and every link has its own link-local ones. */
function toAddress(cidr: Placed<string>, places: readonly string[]): Claim {
  const address = cidr.value.replace(/\/.*/, '');
  const there = isLinkLocal(address) ? places.slice(1) : places;
  return { ...cidr, what: `address ${address}`, keys: there.map((place) => `${address} at ${place}`) };
}

function checkGateway({ address = [], gateway = [] }: RawCable, report: Report): void {
  const networks = address.map(({ value }) => value);
  for (const one of gateway) {
    const why = isLinkLocal(one.value) ? undefined : whyUnreachable(one.value, networks);
    if (why) report(one, `gateway ${one.value} cannot be reached: ${why}`);
  }
}

function whyUnreachable(gateway: string, networks: readonly string[]): string | undefined {
  if (networks.length === 0) return 'the cable has no address';
  if (networks.some((network) => network.startsWith(`${gateway}/`))) return "it is the cable's own address";
  return isIn(gateway, networks) ? undefined : `it is in none of ${networks.join(', ')}`;
}

/** RFC 8200, section 5: the kernel takes IPv6 off a link with a smaller one. */
const MIN_MTU_OF_IPV6 = 1280;

function checkMtu({ mtu, address = [] }: RawCable, report: Report): void {
  const ipv6 = address.find(({ value }) => value.includes(':'));
  if (mtu && ipv6 && mtu.value < MIN_MTU_OF_IPV6)
    report(mtu, `mtu ${mtu.value} is too small for ${ipv6.value}: IPv6 needs ${MIN_MTU_OF_IPV6}`);
}

/** A VLAN is on the nearest cable before it, and looks like it. */
function checkVlans(cables: readonly RawCable[], report: Report): void {
  let hasCarrier = false;
  for (const { vlan, mac, mtu } of cables) {
    if (vlan && !hasCarrier) report(vlan, `there is no cable before it that could carry VLAN ${vlan.value}`);
    if (vlan && mac) report(mac, 'a VLAN has the MAC of the cable that carries it');
    if (vlan && mtu) report(mtu, 'a VLAN has the mtu of the cable that carries it');
    hasCarrier ||= !vlan;
  }
}

/** The kernel takes the second one for the first one's replacement. */
function checkDefaultRoutes(cables: readonly RawCable[], report: Report): void {
  const first = new Map<string, Placed<string>>();
  for (const one of cables.flatMap(({ gateway }) => gateway ?? [])) {
    const family = one.value.includes(':') ? 'IPv6' : 'IPv4';
    const before = first.get(family);
    if (before) report(one, `a subhost has one default route for ${family}, and it is there already`, before);
    else first.set(family, one);
  }
}

/** So many names are compared with one that is unknown. */
const MAX_KNOWN = 64;

function checkBridges(cables: readonly RawCable[], written: readonly Named<RawBridge>[], { bridges }: Facts, report: Report): void {
  if (!bridges) return;
  const there = new Set([...written.map(({ name }) => name.value), ...bridges]);
  const known = [...written.flatMap(({ name, isNameGood }) => (isNameGood ? name.value : [])), ...bridges].slice(0, MAX_KNOWN);
  for (const { bridge } of cables) {
    if (!bridge || there.has(bridge.value)) continue;
    const hint = known.length > 0 ? nearest(bridge.value, known) : '; write it under "bridges" and ob makes it';
    report(bridge, `unknown bridge "${bridge.value}": it is neither in this file nor on this machine${hint}`);
  }
}
