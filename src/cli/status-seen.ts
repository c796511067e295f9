import type { Change } from '../planner/diff.ts';
import { kindOf } from '../planner/live.ts';
import type { Fields, Live } from '../resources/kind.ts';
import type { Lower } from './conditions.ts';

export interface Cable {
  readonly name: string;
  readonly state: 'up' | 'down' | 'missing';
  readonly bridge: string | null;
}

export interface Service {
  readonly name: string;
  readonly state: string;
}

export interface Ended {
  readonly how: string;
  /** Exit status, 128 + N by signal N; null: nobody knows. */
  readonly status: number | null;
  /** ISO 8601; null: nobody knows. */
  readonly at: string | null;
  readonly message: string;
  /** By the file's own wish nothing but an order starts it again. */
  readonly rests: boolean;
  /** What its log said last. */
  readonly words: readonly string[];
}

/** Of the start list: one that was started, and does not run any more, is dead. */
export function servicesOf(fields: Fields | undefined): Service[] {
  const dead = new Set(listOf(fields?.['dead_services']));
  const all = listOf(fields?.['services']).map(toService);
  return all.map((one) => (one.state === 'started' && dead.has(one.name) ? { ...one, state: 'dead' } : one));
}

/** What an overlay stands on. PACKAGES: those of a tree that were unpacked since it was mounted; undefined: no overlay. */
export function lowerOf(live: readonly Live[], packages: (root: string) => readonly string[]): Lower | undefined {
  const mount = live.find(({ address }) => kindOf(address) === 'mount')?.fields as Fields | undefined;
  const path = mount?.['lower'];
  if (mount?.['type'] !== 'overlay' || typeof path !== 'string') return undefined;
  const changedAt = textOf(mount['lower_changed_at']);
  const isKnown = changedAt !== null || mount['lower_tree'] !== undefined;
  return {
    path,
    changedAt: isKnown ? changedAt : undefined,
    isChanging: changedAt !== null && mount['lower_tree'] === undefined,
    packages: changedAt === null ? [] : packages(path),
  };
}

/** How it has ended by itself; null: it has not. */
export function endedOf(live: readonly Live[]): Ended | null {
  const one = live.find(({ address }) => kindOf(address) === 'process');
  const fields = one?.fields as Fields | undefined;
  if (typeof fields?.['ended'] !== 'string') return null;
  const { ended: how, ended_status: status, ended_at: at, ended_message: message, ended_words: words } = fields;
  return {
    how,
    status: typeof status === 'number' ? status : null,
    at: textOf(at),
    message: String(message),
    rests: one?.rests !== undefined,
    words: listOf(words),
  };
}

/** A VLAN is told as one of its own. */
const CABLES = ['veth', 'vlan'];

/** Those that are there, and those that are wanted and are not. */
export function cablesOf(live: readonly Live[], changes: readonly Change[]): Cable[] {
  const there = live.filter((one) => CABLES.includes(kindOf(one.address)));
  const missing = changes.filter((change) => CABLES.includes(kindOf(change.address)) && change.action === 'create');
  return [
    ...there.map(({ address, fields }) => {
      const seen = fields as Fields;
      const isUp = seen['up'] === true && seen['inside_up'] === true;
      return { name: nameOf(address), state: isUp ? ('up' as const) : ('down' as const), bridge: textOf(seen['bridge']) };
    }),
    ...missing.map(({ address, spec }) => ({ name: nameOf(address), state: 'missing' as const, bridge: textOf(spec?.fields['bridge']) })),
  ].sort((a, b) => a.name.localeCompare(b.name, 'en', { numeric: true }));
}

function nameOf(address: string): string {
  return address.slice(address.indexOf('/') + 1);
}

function textOf(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}

function listOf(value: unknown): string[] {
  return Array.isArray(value) ? value.map(String) : [];
}

/** `NAME: STATE`, as the kind process writes it. */
function toService(text: string): { name: string; state: string } {
  const at = text.lastIndexOf(': ');
  return { name: text.slice(0, at), state: text.slice(at + 2) };
}
