import type { HostsFile } from '../../resources/hosts.ts';
import { checkFolders } from './check-folders.ts';
import type { Facts } from './facts.ts';
import { MAX_LINK_NAME, type Named, type RawCable, type RawFile, type RawSubhost } from './format.ts';
import { isIn } from './inet.ts';
import type { Report, Spot } from './node.ts';
import { nearest, type Placed } from './shape.ts';

/** What no single value can show: that values fit together, and to the machine. */
export function check(raw: RawFile, file: HostsFile, facts: Facts, report: Report): void {
  const subhosts = raw.subhosts ?? [];
  checkLinkNames(raw, report);
  checkOnce(
    cablesOf(subhosts).flatMap((cable) => cable.mac ?? []),
    'MAC',
    report,
  );
  checkOnce([...bridgeAddresses(raw), ...cablesOf(subhosts).flatMap((cable) => cable.address ?? [])].map(withoutPrefix), 'address', report);
  for (const cable of [...cablesOf(subhosts), ...defaultCables(raw)]) {
    checkGateway(cable, report);
    checkBridge(cable, file, facts, report);
  }
  for (const cables of [...subhosts.map((one) => cablesOf([one])), defaultCables(raw)]) checkDefaultRoutes(cables, report);
  for (const { value } of subhosts) checkOnce(value.start ?? [], 'start entry', report);
  checkFolders(raw, file, facts, report);
}

function cablesOf(subhosts: readonly Named<RawSubhost>[]): RawCable[] {
  return subhosts.flatMap(({ value }) => (value.cables ?? []).map((cable) => cable.value));
}

function defaultCables(raw: RawFile): RawCable[] {
  return (raw.defaults?.cables ?? []).map((cable) => cable.value);
}

function bridgeAddresses(raw: RawFile): Placed<string>[] {
  return (raw.bridges ?? []).flatMap(({ value }) => value.address ?? []);
}

function withoutPrefix(cidr: Placed<string>): Placed<string> {
  return { ...cidr, value: cidr.value.replace(/\/.*/, '') };
}

/** Names of one kind that may stand only once in the whole file. */
function checkOnce(values: readonly Placed<string>[], what: string, report: Report): void {
  const first = new Map<string, Spot>();
  for (const one of values) {
    const before = first.get(one.value);
    if (before) report(one, `${what} ${one.value} is there already`, before);
    else first.set(one.value, one);
  }
}

/** Bridges and the machine's ends of all cables share one name space. */
function checkLinkNames(raw: RawFile, report: Report): void {
  const bridges = (raw.bridges ?? []).map(({ name }) => name);
  const ends = (raw.subhosts ?? []).flatMap(({ name, value }) =>
    (value.cables ?? raw.defaults?.cables ?? []).map((cable, index) => ({
      ...(value.cables ? cable : name),
      value: `${name.value}${index}`,
    })),
  );
  for (const end of ends)
    if (end.value.length > MAX_LINK_NAME) report(end, `the link ${end.value} would have more than ${MAX_LINK_NAME} characters`);
  checkOnce([...bridges, ...ends], 'link', report);
}

function checkGateway({ address = [], gateway = [] }: RawCable, report: Report): void {
  const networks = address.map(({ value }) => value);
  for (const one of gateway) {
    if (/^fe80:/i.test(one.value) || (networks.length > 0 && isIn(one.value, networks))) continue;
    const why = networks.length > 0 ? `it is in none of ${networks.join(', ')}` : 'the cable has no address';
    report(one, `gateway ${one.value} cannot be reached: ${why}`);
  }
}

/** The kernel takes the second one for the first one's replacement. */
function checkDefaultRoutes(cables: readonly RawCable[], report: Report): void {
  const first = new Map<string, Spot>();
  for (const one of cables.flatMap((cable) => cable.gateway ?? [])) {
    const family = one.value.includes(':') ? 'IPv6' : 'IPv4';
    const before = first.get(family);
    if (before) report(one, `a subhost has one default route for ${family}: line ${before.line} names it already`);
    else first.set(family, one);
  }
}

function checkBridge({ bridge }: RawCable, file: HostsFile, facts: Facts, report: Report): void {
  const own = file.bridges.map(({ name }) => name);
  if (!bridge || !facts.bridges || own.includes(bridge.value) || facts.bridges.has(bridge.value)) return;
  const known = [...own, ...facts.bridges];
  const hint = known.length > 0 ? nearest(bridge.value, known) : '; write it under "bridges" and ob makes it';
  report(bridge, `unknown bridge "${bridge.value}": it is neither in this file nor on this machine${hint}`);
}
