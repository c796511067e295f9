import { stableMac } from './bridge-mac.ts';
import type { Inside } from './linux/inside.ts';
import type { Link } from './linux/ip.ts';
import type { Machine } from './machine.ts';
import { markOf, parseMark } from './marks.ts';

/** The end of a cable that is in a subhost. */
export function peerOf(link: Link, inside: Inside | undefined): Link | undefined {
  return inside?.links.find((one) => one.kind !== undefined && one.index === link.peerIndex && one.peerIndex === link.index);
}

/** Where neither alias nor name tells whose a cable is: the network namespace in which its other end is. */
export async function homeOf({ look }: Machine, link: Link): Promise<string | undefined> {
  for (const { name } of look.netnsNames()) if (peerOf(link, await look.inside(name))) return name;
  return undefined;
}

/**
 * Is a link that has lost its alias another scope's, by what it is connected with? Of a bridge that is so unless something shows that
 * it is this one's: it may have nothing plugged in.
 */
export async function isOfOtherScope(machine: Machine, link: Link): Promise<boolean> {
  const isOwnBridge = link.kind === 'bridge' && link.mac === stableMac(markOf({ scope: machine.scope, name: link.name }));
  if (isOwnBridge) return false;
  const scope = await scopeOf(machine, link);
  return scope === undefined ? link.kind === 'bridge' : scope !== machine.scope;
}

async function scopeOf(machine: Machine, link: Link): Promise<string | undefined> {
  const marked = parseMark(link.alias);
  if (marked) return marked.scope;
  if (link.kind === 'veth') {
    const home = await homeOf(machine, link);
    const lo = home === undefined ? undefined : (await machine.look.inside(home))?.links.find(({ name }) => name === 'lo');
    return parseMark(lo?.alias)?.scope;
  }
  const others = await machine.look.links();
  const near =
    link.kind === 'vlan' ? others.filter(({ name }) => name === link.carrier) : others.filter(({ master }) => master === link.name);
  for (const one of near) {
    const scope = one.kind === 'veth' || one.kind === 'vlan' ? await scopeOf(machine, one) : undefined;
    if (scope !== undefined) return scope;
  }
  return undefined;
}
