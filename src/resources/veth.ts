import { tellLostBridges } from './bridge-lost.ts';
import type { ObError } from './error.ts';
import type { Cable, HostsFile, Subhost } from './hosts.ts';
import { ifdown, ifup } from './ifup.ts';
import type { Kind, Need, Result, Task } from './kind.ts';
import { addressOrders } from './link-inside.ts';
import { markWords, removeLinks } from './link-rules.ts';
import { configureLinks, type Order } from './linux/configure.ts';
import { type BatchLine, runIpBatch } from './linux/ip-batch.ts';
import type { Machine } from './machine.ts';
import { LINK_GROUP, markOf } from './marks.ts';
import { needProgram } from './programs.ts';
import { listCables, type VethExtra, type VethFields, type VethHandle, type VethLive, type VethSpec } from './veth-seen.ts';

type VethTask = Task<VethSpec, VethLive>;

/** A cable: a veth pair, one end at the machine (NAME0), the other inside (eth0); both are one resource. */
export const veth: Kind<VethFields, VethExtra, VethHandle, VethSpec, VethLive> = {
  name: 'veth',
  rules: {
    mark: { class: 'live', why: 'its group or its alias is missing' },
    up: { class: 'live', why: "the machine's end is set up" },
    netns: { class: 'replace', why: 'the other end is not in the subhost' },
    inside: { class: 'live', why: "the subhost's end is renamed" },
    crossed: { class: 'replace', why: 'the cables inside have swapped their names' },
    inside_up: { class: 'live', why: "the subhost's end is set up" },
    bridge: { class: 'live', why: "the machine's end is plugged into another bridge" },
    mac: { class: 'live', why: 'peers learn the new MAC with the next packet' },
    mtu: { class: 'live', why: 'both ends get it' },
    address: { class: 'live', why: 'connections over an address that goes are cut' },
    gateway: { class: 'live', why: 'the default route is set anew' },
  },

  desired: (file) =>
    file.subhosts.flatMap((subhost) => subhost.cables.flatMap((cable) => (cable.vlan ? [] : [toSpec(file, subhost, cable)]))),

  takesLong: (object) => 'extra' in object && object.extra.runsIfup,

  preflight: () => void needProgram('ip'),

  list: listCables,

  async converge(machine, tasks) {
    await ifdown(tasks.filter(isPluggedAnew).map((task) => nameOf(task.spec.address)));
    const errors = await runIpBatch(tasks.flatMap(setLines));
    const plugged = tasks.filter((task) => !errors.has(task.spec.address));
    for (const [address, error] of await configureLinks(machine.reaper, groupInner(plugged))) errors.set(address, error);
    await tellLostBridges(machine, tasks, errors);
    return Promise.all(tasks.map((task) => toResult(machine, task, errors)));
  },

  async remove(machine, live) {
    const addresses = live.map((one) => one.address);
    await ifdown(addresses.map(nameOf));
    return removeLinks(machine, addresses);
  },
};

function nameOf(address: string): string {
  return address.slice('veth/'.length);
}

function toSpec(file: HostsFile, subhost: Subhost, cable: Cable): VethSpec {
  const needs: Need[] = [{ address: `netns/${subhost.name}`, class: 'replace', why: "the subhost's end goes with its netns" }];
  if (cable.bridge && cable.ownBridge)
    needs.push({ address: `bridge/${cable.bridge}`, class: 'live', why: 'it is plugged into the new bridge' });
  const mark = markOf({ scope: file.scope, name: subhost.name });
  return {
    address: `veth/${cable.hostEnd}`,
    subhost: subhost.name,
    needs,
    holds: [`link:${cable.hostEnd}`, `link:${subhost.name}/${cable.inside}`],
    fields: {
      mark,
      up: true,
      netns: subhost.name,
      inside: cable.inside,
      inside_up: true,
      crossed: false,
      bridge: cable.bridge,
      ...(cable.mac ? { mac: cable.mac } : {}),
      ...(cable.mtu ? { mtu: String(cable.mtu) } : {}),
      ...(cable.address.length > 0 ? { address: [...cable.address].sort() } : {}),
      // Who gives a cable its addresses gives it its routes: then no gateway means none.
      ...(cable.address.length + cable.gateway.length > 0 ? { gateway: [...cable.gateway].sort() } : {}),
    },
    extra: { mark, netns: subhost.name, runsIfup: !cable.bridge },
    summary: summaryOf(cable),
  };
}

function summaryOf({ inside, bridge, mac, mtu, address, gateway }: Cable): string {
  const parts = [
    inside,
    bridge ? `bridge ${bridge}` : 'ifup',
    mac ?? '',
    mtu ? `mtu ${mtu}` : '',
    address.join(' '),
    gateway.map((one) => `via ${one}`).join(' '),
  ];
  return parts.filter(Boolean).join(', ');
}

/** In the words of reaper/configure.h, `-` for what the kernel chooses. */
function cableOrders({ spec: { address, fields, extra }, live }: VethTask): Order[] {
  if (live) return [];
  const { inside, bridge, mtu, mac } = fields;
  const words = [inside, bridge, mtu, mac?.replaceAll(':', ''), String(LINK_GROUP), extra.mark];
  return [{ address, what: 'cable', link: nameOf(address), argument: words.map((word) => word ?? '-').join(' ') }];
}

/** What is done at the machine's end of one that is there. */
function setLines({ spec: { address, fields, extra }, live, changes }: VethTask): BatchLine[] {
  if (!live) return [];
  const set = ['link', 'set', 'dev', nameOf(address)];
  const mtu = fields.mtu ? ['mtu', fields.mtu] : [];
  const master = fields.bridge ? ['master', fields.bridge] : isUnplugged(changes) ? ['nomaster'] : [];
  const lines = [
    [...set, ...mtu, ...master, 'up'],
    [...set, ...markWords(extra.mark)],
  ];
  return lines.map((words) => ({ address, words }));
}

/** Whatever ifupdown knows of a link of this name is about one that is gone, or was plugged in otherwise. */
function isPluggedAnew({ live, changes }: VethTask): boolean {
  return !live || changes.some((change) => change.field === 'bridge');
}

function isUnplugged(changes: VethTask['changes']): boolean {
  return changes.some((change) => change.field === 'bridge' && change.new === null);
}

/** What is done inside of one that is there. */
function innerOrders({ spec, live, changes }: VethTask): Order[] {
  const { address, fields } = spec;
  const link = fields.inside;
  const order = (what: Order['what'], argument: string, name = link): Order => ({ address, what, link: name, argument });
  const seen = live?.handle.inside ?? link;
  // A link has to be down for that.
  const renamed = seen === link ? [] : [order('state', 'down', seen), order('name', link, seen)];
  const mac = fields.mac && changes.some((change) => change.field === 'mac') ? [order('mac', fields.mac.replaceAll(':', ''))] : [];
  const mtu = fields.mtu && changes.some((change) => change.field === 'mtu') ? [order('mtu', fields.mtu)] : [];
  return [...renamed, ...mac, ...mtu, order('state', 'up'), ...addressOrders(address, link, live?.fields, fields, renamed.length > 0)];
}

function groupInner(tasks: readonly VethTask[]): Map<string, Order[]> {
  const groups = new Map<string, Order[]>();
  for (const task of tasks)
    groups.set(task.spec.extra.netns, [...(groups.get(task.spec.extra.netns) ?? []), ...cableOrders(task), ...innerOrders(task)]);
  return groups;
}

async function toResult(machine: Machine, task: VethTask, errors: ReadonlyMap<string, ObError>): Promise<Result> {
  const address = task.spec.address;
  const error = errors.get(address);
  if (error) return { address, error };
  if (!task.spec.extra.runsIfup || (task.live && !isUnplugged(task.changes))) return { address };
  return { address, notes: await machine.turn(() => ifup(nameOf(address))) };
}
