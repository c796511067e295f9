import type { Address } from './kind.ts';
import type { Link } from './linux/ip.ts';
import { ownName, parseMark } from './marks.ts';
import type { ProcessLive } from './process-seen.ts';

export type Networks = ReadonlyMap<string, readonly Address[]>;

/** By subhost: its cables and VLANs, and what they are plugged into. */
export function networksOf(links: readonly Link[], scope: string): Networks {
  const networks = new Map<string, Address[]>();
  for (const { name, kind, alias, master } of links) {
    if (kind !== 'veth' && kind !== 'vlan') continue;
    for (const subhost of ownName(parseMark(alias), scope)) {
      const known = networks.get(subhost) ?? [];
      networks.set(subhost, [...known, `${kind}/${name}`, ...(master ? [`bridge/${master}` as const] : [])]);
    }
  }
  return networks;
}

/** A service that is stopped may have something to say to others still. Where nothing was started the network can go meanwhile. */
export function withNetwork(live: ProcessLive, networks: Networks): ProcessLive {
  const { init, adopted } = live.handle;
  const hasServices = adopted !== undefined || (init !== undefined && init.entries.length > 0);
  return hasServices ? { ...live, needs: [...live.needs, ...(networks.get(live.subhost ?? '') ?? [])] } : live;
}
