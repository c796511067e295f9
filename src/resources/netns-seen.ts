import { showIds } from './ids.ts';
import type { Blocker, Live, Spec } from './kind.ts';
import type { NetnsName } from './linux/netns-names.ts';
import type { LiveInit, Machine } from './machine.ts';
import { markOf, type Owner, parseMark } from './marks.ts';
import { homelessInit } from './netns-home.ts';

/** NAME: what the name shows. */
export type NetnsFields = {
  readonly mark: string | null;
  readonly layers: number;
  readonly lo: 'up' | 'down';
  readonly name: string;
  readonly userns?: string;
};
/** USERNS: first of the ids that are its own, or 0. */
export type NetnsExtra = { readonly mark: string; readonly userns: number };
export type NetnsSpec = Spec<NetnsFields, NetnsExtra>;
/** INIT: who keeps the namespace while the name shows none, or another. */
export type NetnsHandle = { readonly name: string; readonly init?: LiveInit };
export type NetnsLive = Live<NetnsFields, NetnsHandle>;

/** What the name shows where nothing is wrong. */
export const OWN = 'its own';

export function nameOf(address: string): string {
  return address.slice('netns/'.length);
}

export function pathOf(name: string): string {
  return `/run/netns/${name}`;
}

/** Every network namespace that carries the scope's mark or should, and what stands in the way of those that are wanted. */
export async function listNamespaces(machine: Machine, desired: readonly NetnsSpec[]): Promise<{ live: NetnsLive[]; blockers: Blocker[] }> {
  const wanted = new Set(desired.map((spec) => nameOf(spec.address)));
  // They may have to be waited for: first what others have to do without.
  await undefined;
  const names = machine.look.netnsNames();
  const seen = await Promise.all(names.map((one) => lookAt(machine, one, wanted.has(one.name))));
  const there = new Set(names.map((one) => one.name));
  const lost = await Promise.all([...wanted].map((name) => (there.has(name) ? [] : homeless(machine, name, 'missing'))));
  return { live: [...seen.flatMap((one) => one.live), ...lost.flat()], blockers: seen.flatMap((one) => one.blockers) };
}

/** What a name is of ours, or stands in the way of what is wanted. */
export async function lookAt(machine: Machine, seen: NetnsName, isWanted: boolean): Promise<{ live: NetnsLive[]; blockers: Blocker[] }> {
  const { name, real } = seen;
  if (!real && isWanted) return { live: await homeless(machine, name, 'a plain file'), blockers: [] };
  if (!real) return { live: (await hasMore(machine, name)) ? [toFile(machine, seen)] : [], blockers: [] };
  const inside = await machine.look.inside(name);
  const lo = inside?.links.find((link) => link.name === 'lo');
  const owner = parseMark(lo?.alias) ?? (lo ? findTenant(machine, seen) : undefined);
  const [moved] = isWanted && seen.layers === 1 ? await lookForHome(machine, seen, owner) : [];
  if (moved) return { live: [moved], blockers: [] };
  if (lo && owner?.scope === machine.scope)
    return { live: [toLive(machine, seen, markOf(owner), lo.up ? 'up' : 'down', inside?.firstId)], blockers: [] };
  if (!isWanted) return { live: [], blockers: [] };
  const what = `network namespace ${name} exists and ${owner ? `belongs to ${markOf(owner)}` : 'carries no mark of ob'}`;
  return { live: [], blockers: [{ address: `netns/${name}`, what, hint: hintFor(seen, owner !== undefined) }] };
}

/** Without a mark, under the name of another: whose PID 1 lives in it? */
function findTenant({ look, scope }: Machine, { name, inode }: NetnsName): Owner | undefined {
  return look.cgroups().find((owner) => owner.scope === scope && owner.name !== name && look.init(owner)?.netns === inode);
}

function hintFor({ name, layers }: NetnsName, isOurs: boolean): string {
  if (layers > 1) return `it is mounted over another one: umount ${pathOf(name)}`;
  if (isOurs) return 'choose another name in one of the two files';
  return `choose another name, or remove it if nobody needs it: ip netns delete ${name}`;
}

/** A file that a namespace was mounted on has no mark. It is ours if the subhost of that name has left more: a cgroup, a PID 1, a root. */
async function hasMore({ look, scope }: Machine, name: string): Promise<boolean> {
  const isIt = (owner: Owner | undefined): boolean => owner?.scope === scope && owner.name === name;
  return (
    look.cgroups().some(isIt) ||
    look.mounts().some(({ source }) => isIt(parseMark(source))) ||
    (await look.initSeen({ scope, name })) !== undefined
  );
}

/** It goes before the root does: a run that is killed between them must not leave what nothing tells of. */
function toFile(machine: Machine, seen: NetnsName): NetnsLive {
  return { ...toLive(machine, seen, null, 'down'), needs: [`mount/${seen.name}`] };
}

function toLive(
  { look, scope }: Machine,
  { name, layers }: NetnsName,
  mark: string | null,
  lo: 'up' | 'down',
  firstId?: number,
): NetnsLive {
  // Of a namespace that is covered nothing else can be seen but whose PID 1 is; where nothing runs in it, it is not worth being kept.
  const covered = (init = look.init({ scope, name })): Partial<NetnsFields> =>
    init ? { layers, userns: showIds(init.firstId) } : { mark: null, layers };
  const fields = layers > 1 ? covered() : { mark, layers, lo, name: OWN, ...(firstId === undefined ? {} : { userns: showIds(firstId) }) };
  return { address: `netns/${name}`, subhost: name, needs: [], holds: [], fields, handle: { name } };
}

/** The namespace of a subhost that runs, if the name has got lost: SHOWN is what it shows. */
async function homeless(machine: Machine, name: string, shown: string): Promise<NetnsLive[]> {
  const init = await homelessInit(machine, name);
  if (!init) return [];
  const live = { address: `netns/${name}`, subhost: name, needs: [], holds: [], keptBy: `process/${name}` } as const;
  return [{ ...live, fields: { name: shown, userns: showIds(init.firstId) }, handle: { name, init } }];
}

/** Where the name shows a namespace that is another's of this scope, or has lost its mark while a PID 1 of ours lives in it. */
async function lookForHome(machine: Machine, { name, inode }: NetnsName, owner: Owner | undefined): Promise<NetnsLive[]> {
  if (owner) return owner.scope === machine.scope && owner.name !== name ? homeless(machine, name, `that of ${owner.name}`) : [];
  const found = await homeless(machine, name, 'without a mark');
  return found.filter(({ handle }) => handle.init?.netns === inode);
}
