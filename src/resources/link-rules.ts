import type { ObError } from './error.ts';
import type { Address, Blocker, Result, Spec } from './kind.ts';
import { isOfOtherScope } from './link-home.ts';
import type { Link } from './linux/ip.ts';
import type { BatchLine } from './linux/ip-batch.ts';
import type { Machine } from './machine.ts';
import { LINK_GROUP, markOf, type Owner, parseMark } from './marks.ts';
import { runForEach } from './reaper.ts';

/**
 * Whose is this link? Either half of its mark tells: a link that has lost one is still ours. `unfinished`: ours, but a
 * crash came before its alias; no run is under way that could finish it.
 */
export function ownerOf(link: Link): Owner | 'unfinished' | undefined {
  return parseMark(link.alias) ?? (link.group === LINK_GROUP ? 'unfinished' : undefined);
}

/** The mark of a link, if it is whole. */
export function markSeen(link: Link): string | null {
  const owner = parseMark(link.alias);
  return owner && link.group === LINK_GROUP ? markOf(owner) : null;
}

/** Words of `ip link set` that give a link its mark. */
export function markWords(mark: string): string[] {
  return ['group', String(LINK_GROUP), 'alias', mark];
}

/** What links of ours are. */
const KINDS = ['bridge', 'veth', 'vlan'];

/** Why a link that has this name cannot become ours, or undefined if it is ours. */
export function blockerOf(link: Link, kind: string, scope: string): Blocker | undefined {
  const owner = ownerOf(link);
  const what = `link ${link.name}${link.kind ? ` (${link.kind})` : ''} exists`;
  const address = `${kind}/${link.name}` as const;
  if (owner === undefined)
    return { address, what: `${what} and carries no mark of ob`, hint: `rename it or choose another name: ip link show ${link.name}` };
  if (owner === 'unfinished' || owner.scope === scope) {
    // As a bridge that becomes a cable: its own kind removes it first, since both hold the name.
    if (KINDS.includes(link.kind ?? '')) return undefined;
    return { address, what: `${what}, made by ob, but it is no ${kind}`, hint: `ip link delete ${link.name}` };
  }
  return { address, what: `${what} and belongs to scope "${owner.scope}"`, hint: 'choose another name in one of the two files' };
}

/** Of the machine's links: those of a kind that are ours, and what stands where a wanted one is to be. */
export async function partLinks(machine: Machine, kind: string, desired: readonly Spec[]): Promise<{ own: Link[]; blockers: Blocker[] }> {
  const wanted = new Set(desired.map((spec) => spec.address));
  const own: Link[] = [];
  const blockers: Blocker[] = [];
  for (const link of await machine.look.links()) {
    const blocker = blockerOf(link, kind, machine.scope);
    if (blocker && wanted.has(blocker.address)) blockers.push(blocker);
    if (blocker || link.kind !== kind) continue;
    // Without an alias it is ours in whatever scope; who does not want it must not take it from another.
    const mayBeAnothers = ownerOf(link) === 'unfinished' && !wanted.has(`${kind}/${link.name}`);
    if (!mayBeAnothers || !(await isOfOtherScope(machine, link))) own.push(link);
  }
  return { own, blockers };
}

/** What is wanted in a subhost's namespace: a link NAME that is a NOUN of ours. */
interface WantedInside {
  readonly address: Address;
  readonly netns: string;
  readonly mark: string;
  readonly name: string | null;
  readonly noun: string;
}

/** Among the LINKS inside, one that has the name and is not ours; nothing where the namespace itself is another's. */
export function blockerInside(links: readonly Link[], wanted: WantedInside, isOurs: (link: Link) => boolean): Blocker[] {
  const { address, netns, mark, name, noun } = wanted;
  const other = links.find((link) => link.name === name);
  const isOther = !links.some((link) => link.name === 'lo' && link.alias === mark);
  if (!other || isOther || isOurs(other)) return [];
  const what = `link ${other.name}${other.kind ? ` (${other.kind})` : ''} exists in network namespace ${netns} and is no ${noun} of ob`;
  return [{ address, what, hint: `ip -n ${netns} link delete ${other.name}` }];
}

/** EADDRNOTAVAIL, which newer kernels have words of their own for: another one has taken it along. */
const NO_SUCH_ADDRESS = /Cannot assign requested address|address not found/i;

/** Lines that bring the addresses of a link from what is seen to what is wanted. */
export function addressLines(address: string, link: string, seen: readonly string[], wanted: readonly string[]): BatchLine[] {
  const drop = seen.filter((one) => !wanted.includes(one));
  // The first IPv4 address of a network takes the others of it along when it goes.
  const add = drop.length > 0 ? wanted : wanted.filter((one) => !seen.includes(one));
  return [
    ...drop.map((one) => ({ address, words: ['address', 'delete', one, 'dev', link], forgiven: NO_SUCH_ADDRESS })),
    // Duplicate address detection would keep an IPv6 address unusable for a second; the file says that it is ours.
    ...add.map((one) => ({ address, words: ['address', 'replace', one, 'dev', link, ...(one.includes(':') ? ['nodad'] : [])] })),
  ];
}

/** Deletes links that are still ours, see reaper/drop-links.c. Gone already is fine. */
export async function removeLinks(machine: Machine, addresses: readonly Address[]): Promise<Result[]> {
  const names = addresses.map((address) => address.slice(address.indexOf('/') + 1));
  const errors = await runForEach(machine.reaper, 'drop-links', [String(LINK_GROUP), ...names], names);
  return addresses.map((address, index) => toResult(address, errors.get(names[index] ?? '')));
}

/** One result for each object, with its error if it has one. */
export function toResults(addresses: Iterable<Result['address']>, errors: ReadonlyMap<string, ObError>): Result[] {
  return [...addresses].map((address) => toResult(address, errors.get(address)));
}

function toResult(address: Result['address'], error: ObError | undefined): Result {
  return error ? { address, error } : { address };
}
