import type { ObError } from './error.ts';
import type { Blocker, Result } from './kind.ts';
import type { Link } from './linux/ip.ts';
import type { BatchLine } from './linux/ip-batch.ts';
import { LINK_GROUP, type Owner, parseMark } from './marks.ts';

/** Whose is this link? `unfinished`: ours, but a crash came before its mark; no run is under way that could finish it. */
export function ownerOf(link: Link): Owner | 'unfinished' | undefined {
  if (link.group !== LINK_GROUP) return undefined;
  return parseMark(link.alias) ?? 'unfinished';
}

/** What links of ours are. */
const KINDS = ['bridge', 'veth'];

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

/** Lines that bring the addresses of a link from what is seen to what is wanted. */
export function addressLines(address: string, link: string, seen: readonly string[], wanted: readonly string[]): BatchLine[] {
  const drop = seen.filter((one) => !wanted.includes(one));
  const add = wanted.filter((one) => !seen.includes(one));
  return [
    ...drop.map((one) => ({ address, words: ['address', 'delete', one, 'dev', link] })),
    // Duplicate address detection would keep an IPv6 address unusable for a second; the file says that it is ours.
    ...add.map((one) => ({ address, words: ['address', 'replace', one, 'dev', link, ...(one.includes(':') ? ['nodad'] : [])] })),
  ];
}

/** One result for each object, with its error if it has one. */
export function toResults(addresses: Iterable<Result['address']>, errors: ReadonlyMap<string, ObError>): Result[] {
  return [...addresses].map((address) => {
    const error = errors.get(address);
    return error ? { address, error } : { address };
  });
}
