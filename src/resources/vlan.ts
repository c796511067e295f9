import { existsSync } from 'node:fs';
import { tellLostBridges } from './bridge-lost.ts';
import { ObError } from './error.ts';
import type { Cable, HostsFile, Subhost } from './hosts.ts';
import { ifdown, ifup } from './ifup.ts';
import type { Kind, Need, Result } from './kind.ts';
import { removeLinks } from './link-rules.ts';
import { configureLinks, type Order } from './linux/configure.ts';
import { type BatchLine, makeThenSet, runIpBatch } from './linux/ip-batch.ts';
import { hasModule } from './linux/modules.ts';
import type { Machine } from './machine.ts';
import { markOf } from './marks.ts';
import { needProgram } from './programs.ts';
import { seenInside } from './veth-seen.ts';
import { findInside, listVlans, type VlanExtra, type VlanFields, type VlanHandle, type VlanLive, type VlanSpec } from './vlan-seen.ts';
import { innerOrders, insideLine, makeLines, nameOf, setLines, type VlanTask } from './vlan-words.ts';

/** Traffic with a tag (802.1Q) over a cable: a link on either end of it, NAME0.302 at the machine and eth0.302 inside. */
export const vlan: Kind<VlanFields, VlanExtra, VlanHandle, VlanSpec, VlanLive> = {
  name: 'vlan',
  rules: {
    mark: { class: 'live', why: 'its group or its alias is missing' },
    up: { class: 'live', why: "the machine's end is set up" },
    cable: { class: 'replace', why: 'it is on another link' },
    vlan: { class: 'replace', why: 'the number of a VLAN is settled when it is made' },
    bridge: { class: 'live', why: "the machine's end is plugged into another bridge" },
    inside: { class: 'live', why: "the subhost's end is made" },
    inside_up: { class: 'live', why: "the subhost's end is set up" },
    mtu: { class: 'live', why: 'it has that of its cable' },
    address: { class: 'live', why: 'connections over an address that goes are cut' },
    gateway: { class: 'live', why: 'the default route is set anew' },
  },

  desired: (file) => file.subhosts.flatMap((subhost) => subhost.cables.flatMap((cable) => toSpec(file, subhost, cable))),

  preflight(desired) {
    needProgram('ip');
    if (desired.length === 0 || existsSync('/proc/net/vlan') || hasModule('8021q')) return;
    throw new ObError('this kernel has no VLANs (802.1Q)', {
      hint: "its module 8021q is needed: Debian's own kernels have it (CONFIG_VLAN_8021Q)",
    });
  },

  list: listVlans,

  async converge(machine, tasks) {
    await ifdown(tasks.filter(isPluggedAnew).map(({ spec }) => nameOf(spec.address)));
    const errors = await makeThenSet(tasks.flatMap(makeLines), tasks.flatMap(setLines));
    const made = tasks.filter((task) => !errors.has(task.spec.address));
    const seen = await seenInsides(machine, made);
    const fresh = made.filter((task) => !seen.has(task));
    for (const [netns, lines] of groupLines(fresh))
      for (const [address, error] of await runIpBatch(lines, netns)) errors.set(address, error);
    const ready = made.filter((task) => !errors.has(task.spec.address));
    for (const [address, error] of await configureLinks(machine.reaper, groupOrders(ready, seen))) errors.set(address, error);
    await tellLostBridges(machine, tasks, errors);
    return Promise.all(tasks.map((task) => toResult(machine, task, errors.get(task.spec.address))));
  },

  async remove(machine, live) {
    await ifdown(live.map(({ address }) => nameOf(address)));
    // The other end goes with its cable or its namespace, if that goes; if these stay, it has to be taken away.
    const errors = new Map<string, ObError>();
    for (const [netns, lines] of groupRemovals(live))
      for (const [address, error] of await runIpBatch(lines, netns)) if (!isGone(error)) errors.set(address, error);
    const results = await removeLinks(
      machine,
      live.map((one) => one.address),
    );
    return results.map((result) => {
      const error = result.error ?? errors.get(result.address);
      return error ? { ...result, error } : result;
    });
  },
};

function groupRemovals(live: readonly VlanLive[]): Map<string, BatchLine[]> {
  const groups = new Map<string, BatchLine[]>();
  for (const { address, handle } of live) {
    if (!handle.inside) continue;
    const line = { address, words: ['link', 'delete', 'dev', handle.inside] };
    groups.set(handle.netns, [...(groups.get(handle.netns) ?? []), line]);
  }
  return groups;
}

/** Gone already, or its namespace is. */
function isGone({ message }: ObError): boolean {
  return /Cannot find device|Cannot open network namespace/.test(message);
}

function toSpec(file: HostsFile, subhost: Subhost, cable: Cable): VlanSpec[] {
  const { vlan: on, hostEnd, inside, bridge, ownBridge, mtu, address, gateway } = cable;
  if (!on) return [];
  const mark = markOf({ scope: file.scope, name: subhost.name });
  const needs: Need[] = [{ address: `veth/${on.hostEnd}`, class: 'replace', why: 'it goes with the cable that carries it' }];
  if (bridge && ownBridge) needs.push({ address: `bridge/${bridge}`, class: 'live', why: 'it is plugged into the new bridge' });
  return [
    {
      address: `vlan/${hostEnd}`,
      subhost: subhost.name,
      needs,
      holds: [`link:${hostEnd}`, `link:${subhost.name}/${inside}`],
      fields: {
        mark,
        up: true,
        cable: on.hostEnd,
        vlan: on.id,
        bridge,
        inside,
        inside_up: true,
        ...(mtu ? { mtu: String(mtu) } : {}),
        ...(address.length > 0 ? { address: [...address].sort() } : {}),
        // As with a cable: who gives it its addresses gives it its routes.
        ...(address.length + gateway.length > 0 ? { gateway: [...gateway].sort() } : {}),
      },
      extra: { mark, netns: subhost.name, carrier: on.inside },
      summary: [inside, bridge ? `bridge ${bridge}` : 'ifup', address.join(' '), gateway.map((one) => `via ${one}`).join(' ')]
        .filter(Boolean)
        .join(', '),
    },
  ];
}

/** As with a cable. */
function isPluggedAnew({ live, changes }: VlanTask): boolean {
  return !live || changes.some((change) => change.field === 'bridge');
}

type Seen = ReadonlyMap<VlanTask, Partial<VlanFields>>;

/** The subhost's ends that are there: also of one that has lost the machine's end. */
async function seenInsides(machine: Machine, tasks: readonly VlanTask[]): Promise<Seen> {
  const found = new Map<VlanTask, Partial<VlanFields>>();
  for (const task of tasks) {
    const { fields, extra } = task.spec;
    const link = await findInside(machine, extra.netns, String(fields.inside), extra.carrier);
    const routes = (await machine.look.inside(extra.netns))?.routes ?? [];
    if (link) found.set(task, seenInside(link, routes, fields.address) as Partial<VlanFields>);
  }
  return found;
}

function groupLines(tasks: readonly VlanTask[]): Map<string, BatchLine[]> {
  const groups = new Map<string, BatchLine[]>();
  for (const task of tasks) groups.set(task.spec.extra.netns, [...(groups.get(task.spec.extra.netns) ?? []), insideLine(task)]);
  return groups;
}

function groupOrders(tasks: readonly VlanTask[], seen: Seen): Map<string, Order[]> {
  const groups = new Map<string, Order[]>();
  for (const task of tasks)
    groups.set(task.spec.extra.netns, [...(groups.get(task.spec.extra.netns) ?? []), ...innerOrders(task, seen.get(task))]);
  return groups;
}

async function toResult(machine: Machine, { spec, live, changes }: VlanTask, error: ObError | undefined): Promise<Result> {
  const { address } = spec;
  if (error) return { address, error };
  const isUnplugged = changes.some((change) => change.field === 'bridge' && change.new === null);
  if (spec.fields.bridge || (live && !isUnplugged)) return { address };
  return { address, notes: await machine.turn(() => ifup(nameOf(address))) };
}
