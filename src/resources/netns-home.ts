import { statSync } from 'node:fs';
import type { Inside } from './linux/inside.ts';
import type { LiveInit, Machine } from './machine.ts';
import { markOf } from './marks.ts';

/**
 * The PID 1 of a subhost that keeps its network namespace where the name shows none, or another: as long as it lives
 * nothing in there is lost, and the name can be given back. Undefined: the name shows what it should, or nothing lives.
 */
export async function homelessInit({ look, scope }: Machine, name: string): Promise<LiveInit | undefined> {
  const mark = markOf({ scope, name });
  const shown = await look.inside(name);
  if (shown?.links.some((link) => link.name === 'lo' && link.alias === mark)) return undefined;
  const init = look.init({ scope, name });
  // One that somebody has put into the machine's own is no subhost's.
  return init?.netns === undefined || init.netns === statSync('/proc/self/ns/net').ino ? undefined : init;
}

/** What is in the network namespace of a subhost, also where the name has got lost. */
export async function insideOf(machine: Machine, name: string): Promise<Inside | undefined> {
  const init = await homelessInit(machine, name);
  return init ? machine.look.insideOf(init) : machine.look.inside(name);
}
