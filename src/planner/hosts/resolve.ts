import { dirname, resolve as resolvePath } from 'node:path';
import { type Bridge, type Cable, type HostsFile, INIT_SCRIPT, type StartEntry, type Subhost } from '../../resources/hosts.ts';
import { type Numbered, numberCables } from './cables.ts';
import { toConfinement } from './confine.ts';
import type { Facts } from './facts.ts';
import type { RawBridge, RawFile } from './format.ts';
import { inherit } from './inherit.ts';
import { toLayers } from './layers.ts';
import { toLimits } from './limits.ts';
import type { Named, Placed } from './shape.ts';
import { toShare } from './share.ts';
import type { RawSubhost } from './subhost.ts';
import { withIds } from './userns.ts';

/** overlay-boot's. A subhost that has one of them not is no error: nobody asked for it by name. */
const DEFAULT_START: readonly StartEntry[] = ['networking', 'ssh'].map((name) => ({ name, optional: true }));
const INIT_START: readonly StartEntry[] = [{ name: INIT_SCRIPT, optional: false }];
const DEFAULT_RAM_BYTES = 50 * 2 ** 20;

/** What is nothing but a name, as the usual folders are, need not be taken apart. */
const IS_NAME = /^[a-z]+$/;

/** FOLDER: where the hosts file is; FILE_OF: the full path of the file in which a line is. */
interface Source {
  readonly folder: string;
  readonly fileOf: (line: number) => string;
}

/** Fills in every default and makes every path absolute. Pure but for the facts. */
export function resolve(raw: RawFile, source: Source, facts: Facts): HostsFile {
  const bridges = (raw.bridges ?? []).map(toBridge);
  const { fileOf } = source;
  const own = new Set(bridges.map((bridge) => bridge.name));
  const scope = raw.scope ?? 'default';
  const context = { ...source, facts, own, scope };
  const wishes = (raw.subhosts ?? []).map(({ name, value }) => {
    const one = inherit(raw.defaults, value);
    return { wanted: one.userns?.value ?? 'none', subhost: toSubhost(name, one, context) } as const;
  });
  const subhosts = withIds(scope, wishes, facts);
  const files = [...new Set((raw.subhosts ?? []).map(({ name }) => fileOf(name.line)))];
  return { scope, bridges, subhosts, ...(files.length > 0 ? { files } : {}) };
}

/** Everything that is checked later needs all its values; what is missing is reported there. */
interface Context extends Source {
  readonly facts: Facts;
  readonly own: ReadonlySet<string>;
  readonly scope: string;
}

function toBridge({ name, value }: Named<RawBridge>): Bridge {
  return { name: name.value, address: valuesOf(value.address) };
}

function toSubhost({ value: name, line }: Placed<string>, raw: RawSubhost, { folder, fileOf, facts, own, scope }: Context): Subhost {
  const base = facts.realPath(resolvePath(raw.base ? dirname(fileOf(raw.base.line)) : folder, raw.base?.value ?? ''));
  const below = (path: string): string => facts.realPath(IS_NAME.test(path) && base !== '/' ? `${base}/${path}` : resolvePath(base, path));
  const { lower, upper, work, disks } = toLayers(raw, { name, scope, facts, below });
  const hooks = {
    ...(typeof raw.upper?.value === 'string' && facts.whatIs(upper) === 'program' ? { setup: upper } : {}),
    ...(raw.premount ? { premount: raw.premount.value } : {}),
    ...(raw.postmount ? { postmount: raw.postmount.value } : {}),
    ...(raw.init ? { init: raw.init.value } : {}),
  };
  const limits = toLimits(raw.limits ?? {}, below, facts);
  return {
    name,
    base,
    lower,
    upper,
    work,
    ...(disks ? { disks } : {}),
    ...(raw.hide ? { hide: raw.hide === 'none' ? raw.hide : valuesOf(raw.hide).sort() } : {}),
    live: below(raw.live?.value ?? 'live'),
    cables: numberCables(
      name,
      (raw.cables ?? []).map(({ value }) => value),
    ).map((cable) => toCable(cable, own)),
    start: raw.init ? INIT_START : (raw.start?.map(({ value }) => toEntry(value, folder)) ?? DEFAULT_START),
    // Not the real path: a link in its place is not followed.
    ...(raw.log ? { log: resolvePath(base, raw.log.value) } : {}),
    shares: (raw.share ?? []).map(({ value }) => toShare(value, below)),
    ramSize: raw.ram_size ? raw.ram_size.bytes : DEFAULT_RAM_BYTES,
    ...(raw.restart && raw.restart !== 'always' ? { restart: raw.restart } : {}),
    ...(raw.on_lower_change === 'restart' ? { onLowerChange: 'restart' } : {}),
    ...(raw.check_services ? { checkServices: true } : {}),
    ...(limits ? { limits } : {}),
    ...(raw.devices?.length ? { devices: valuesOf(raw.devices).sort() } : {}),
    ...toConfinement(raw),
    ...(Object.keys(hooks).length > 0 ? { hooks: { config: fileOf(line), ...hooks } } : {}),
  };
}

function toCable({ raw, hostEnd, inside, carrier }: Numbered, own: ReadonlySet<string>): Cable {
  const bridge = raw.bridge?.value ?? null;
  return {
    ...(raw.vlan && carrier ? { vlan: { id: raw.vlan.value, hostEnd: carrier.hostEnd, inside: carrier.inside } } : {}),
    hostEnd,
    inside,
    bridge,
    ownBridge: bridge !== null && own.has(bridge),
    mac: raw.mac?.value ?? null,
    mtu: (carrier?.raw ?? raw).mtu?.value ?? null,
    address: valuesOf(raw.address),
    gateway: valuesOf(raw.gateway),
  };
}

/** `./x` and `../x` are meant from the hosts file, as every relative path of the machine's is. */
function toEntry(text: string, folder: string): StartEntry {
  return { name: text.startsWith('.') ? resolvePath(folder, text) : text, optional: false };
}

function valuesOf(values: readonly Placed<string>[] | undefined): string[] {
  return [...new Set((values ?? []).map(({ value }) => value))];
}
