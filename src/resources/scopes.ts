import { ownerOf } from './link-rules.ts';
import type { Link } from './linux/ip.ts';
import type { Look } from './machine.ts';
import { type Owner, parseDiskMark, parseMark } from './marks.ts';

/** Whatever carries a mark of ours on this machine, in any scope: owner by owner, each once. */
export async function listOwners(look: Look): Promise<Owner[]> {
  return ownersOf(look, await look.links());
}

/** Only subhosts: what they share has a mark with a name of its own. */
export async function listSubhosts(look: Look): Promise<Owner[]> {
  return ownersOf(
    look,
    (await look.links()).filter((link) => link.kind !== 'bridge'),
  );
}

async function ownersOf(look: Look, links: readonly Link[]): Promise<Owner[]> {
  const names = look.netnsNames().filter((one) => one.real);
  const loopbacks = await Promise.all(names.map(async ({ name }) => (await look.inside(name))?.links.find((link) => link.name === 'lo')));
  const cables = links.flatMap((link) => {
    const owner = ownerOf(link);
    return owner && owner !== 'unfinished' ? owner : [];
  });
  const marks = [...look.mounts().map((entry) => entry.source), ...loopbacks.map((lo) => lo?.alias)];
  const owners = [...cables, ...look.cgroups(), ...marks.flatMap((mark) => parseMark(mark) ?? parseDiskMark(mark) ?? [])];
  return [...new Map(owners.map((owner) => [`${owner.scope}/${owner.name}`, owner])).values()];
}
