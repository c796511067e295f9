import type { Task } from './kind.ts';
import { addressOrders } from './link-inside.ts';
import { markWords } from './link-rules.ts';
import type { Order } from './linux/configure.ts';
import type { BatchLine } from './linux/ip-batch.ts';
import { LINK_GROUP } from './marks.ts';
import type { VlanLive, VlanSpec } from './vlan-seen.ts';

export type VlanTask = Task<VlanSpec, VlanLive>;

export function nameOf(address: string): string {
  return address.slice('vlan/'.length);
}

/** Makes the machine's end, if there is none. */
export function makeLines({ spec: { address, fields }, live }: VlanTask): BatchLine[] {
  if (live) return [];
  const master = fields.bridge ? ['master', fields.bridge] : [];
  const end = ['link', 'add', 'dev', nameOf(address), 'link', String(fields.cable), ...mtuWords(fields), ...master, 'up'];
  return [{ address, words: [...end, 'group', String(LINK_GROUP), 'type', 'vlan', 'id', String(fields.vlan)] }];
}

/** What is done at the machine's end. */
export function setLines({ spec: { address, fields, extra }, live, changes }: VlanTask): BatchLine[] {
  const set = ['link', 'set', 'dev', nameOf(address)];
  const isUnplugged = changes.some((change) => change.field === 'bridge' && change.new === null);
  const master = fields.bridge ? ['master', fields.bridge] : isUnplugged ? ['nomaster'] : [];
  const lines = [...(live ? [[...set, ...mtuWords(fields), ...master, 'up']] : []), [...set, ...markWords(extra.mark)]];
  return lines.map((words) => ({ address, words }));
}

/** Makes the subhost's end; to be run in its namespace. */
export function insideLine({ spec: { address, fields, extra } }: VlanTask): BatchLine {
  const words = ['link', 'add', 'dev', String(fields.inside), 'link', extra.carrier, 'type', 'vlan', 'id', String(fields.vlan)];
  return { address, words };
}

/** What is done inside. BEFORE: what is seen of the end that is there; undefined: it has just been made. */
export function innerOrders({ spec: { address, fields } }: VlanTask, before: VlanLive['fields'] | undefined): Order[] {
  const link = String(fields.inside);
  const mtu: Order[] = fields.mtu ? [{ address, what: 'mtu', link, argument: fields.mtu }] : [];
  return [...mtu, { address, what: 'state', link, argument: 'up' }, ...addressOrders(address, link, before, fields)];
}

function mtuWords({ mtu }: VlanSpec['fields']): string[] {
  return mtu ? ['mtu', mtu] : [];
}
