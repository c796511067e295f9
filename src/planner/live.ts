import type { HostsFile } from '../resources/hosts.ts';
import type { Address, Blocker, Kind, Live, Spec } from '../resources/kind.ts';
import type { Machine } from '../resources/machine.ts';

/** What a file wants, as a flat list; each kind makes its own. */
export function listDesired(kinds: readonly Kind[], file: HostsFile): Spec[] {
  return kinds.flatMap((kind) => kind.desired(file));
}

/** What there is, by address, and what stands in the way. */
export interface World {
  readonly live: ReadonlyMap<Address, Live>;
  readonly blockers: readonly Blocker[];
}

/** Asks every kind what exists. Reads only. */
export async function readWorld(kinds: readonly Kind[], machine: Machine, desired: readonly Spec[]): Promise<World> {
  const byKind = new Map<string, Spec[]>(kinds.map(({ name }) => [name, []]));
  for (const spec of desired) byKind.get(kindOf(spec.address))?.push(spec);
  const seen = await Promise.all(kinds.map((kind) => kind.list(machine, byKind.get(kind.name) ?? [])));
  const live = new Map<Address, Live>();
  for (const one of seen.flatMap((some) => some.live)) live.set(one.address, one);
  return { live, blockers: seen.flatMap((one) => one.blockers) };
}

/** The kind's name in an address. */
export function kindOf(address: Address): string {
  return address.slice(0, address.indexOf('/'));
}
