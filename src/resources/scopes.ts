import { ownerOf } from './link-rules.ts';
import type { Look } from './machine.ts';
import { type Owner, parseMark } from './marks.ts';

/** Whatever carries a mark of ours on this machine, in any scope: owner by owner, each once. */
export async function listOwners(look: Look): Promise<Owner[]> {
  const names = look.netnsNames().filter((one) => one.real);
  const loopbacks = await Promise.all(names.map(async ({ name }) => (await look.inside(name))?.links.find((link) => link.name === 'lo')));
  const links = (await look.links()).flatMap((link) => {
    const owner = ownerOf(link);
    return owner && owner !== 'unfinished' ? owner : [];
  });
  const marks = [...look.mounts().map((entry) => entry.source), ...loopbacks.map((lo) => lo?.alias)];
  const owners = [...links, ...look.cgroups(), ...marks.flatMap((mark) => parseMark(mark) ?? [])];
  return [...new Map(owners.map((owner) => [`${owner.scope}/${owner.name}`, owner])).values()];
}
