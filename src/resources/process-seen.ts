import { existsSync } from 'node:fs';
import { findAdopted, foreignBlocker } from './adopted.ts';
import { type Confinement, confinementOf, showCapabilities, withUngivable } from './confinement.ts';
import { type End, type Ended, fieldsOf, restOf } from './end.ts';
import type { Share, Subhost } from './hosts.ts';
import { showIds } from './ids.ts';
import type { Blocker, Live, Spec } from './kind.ts';
import { showSeen } from './limits.ts';
import { cgroupName, cgroupPath } from './linux/cgroup.ts';
import { hasFailed, type Init, isPending, serviceOf } from './linux/init.ts';
import { formatSize, type Mount, optionValue, parseMountinfo, parseSize } from './linux/mountinfo.ts';
import type { NetnsName } from './linux/netns-names.ts';
import { type ProcessId, readIfThere, uptimeSeconds } from './linux/proc.ts';
import { defaultLog } from './log.ts';
import type { LiveInit, Machine } from './machine.ts';
import { markOf, type Owner, ownName, parseMark } from './marks.ts';
import { findExposed } from './masks.ts';
import { homelessInit } from './netns-home.ts';
import { networksOf, withNetwork } from './process-network.ts';
import { isInDev, listShares, sharesOf } from './shares.ts';
import type { Startable } from './start.ts';

export type ProcessFields = {
  readonly [field: string]: string | number | null | readonly string[];
  readonly running: string;
  readonly cgroup: string;
  /** Left out of what is not in its cgroup. */
  readonly limits?: readonly string[];
  readonly netns: string | null;
  /** The ids of the machine's that its own are, or `none`: its root is the machine's. */
  readonly userns: string;
  readonly boot: string;
  readonly start: string;
  /** Size of /run, e.g. `50M`; left out where it is not mounted. */
  readonly ram_size?: string;
  readonly run_in_memory: string;
  readonly inside: readonly string[];
  readonly hostname?: string;
  readonly missing_in_dev?: readonly string[];
  readonly exposed?: readonly string[];
  readonly capabilities: string;
  readonly seccomp: string;
  readonly no_new_privs: string;
  readonly shares: readonly string[];
  readonly devices: readonly string[];
  readonly not_started: readonly string[];
  /** Of a subhost whose services are asked. */
  readonly dead_services?: readonly string[];
};
/** INIT is undefined where only a cgroup is left; ADOPTED: where overlay-boot has started what is in it. */
export type ProcessHandle = {
  readonly cgroup: string;
  readonly init: Init | undefined;
  readonly adopted?: ProcessId;
  readonly ended?: Ended;
};
export type ProcessSpec = Spec<ProcessFields, Startable>;
export type ProcessLive = Live<ProcessFields, ProcessHandle>;

/** What the reaper mounts inside, beside /run; sorted. */
export const INNER_MOUNTS = ['/dev', '/dev/pts', '/dev/shm', '/proc', '/sys'];

export function listEntries(entries: readonly string[]): string {
  return entries.join(' ') || 'none';
}

/** Every PID 1 of the scope, every cgroup that one has left, and what stands in the way. */
export async function listProcesses(
  machine: Machine,
  desired: readonly ProcessSpec[],
): Promise<{ live: ProcessLive[]; blockers: Blocker[] }> {
  const { look, scope } = machine;
  const networks = networksOf(await look.links(), scope);
  const names = new Set([
    ...look.cgroups().flatMap((owner) => ownName(owner, scope)),
    ...desired.flatMap((spec) => spec.subhost ?? []),
    // Whose cgroup is gone may still run, and its namespace may have lost its name as well.
    ...look.netnsNames().map((one) => one.name),
    ...networks.keys(),
    ...look.mounts().flatMap(({ source }) => ownName(parseMark(source), scope)),
  ]);
  const wanted = new Map(desired.map((spec) => [spec.subhost, spec.extra.subhost]));
  const found = await Promise.all([...names].map((name) => toLive(machine, name, wanted.get(name))));
  const live = found.map((some) => some.map((one) => withNetwork(one, networks)));
  const foreign = await Promise.all(desired.map((spec) => runsElsewhere(machine, spec)));
  return { live: live.flat(), blockers: [...foreign.flat(), ...desired.flatMap((spec) => blockerOf(machine, spec))] };
}

async function toLive(machine: Machine, name: string, wanted: Subhost | undefined): Promise<ProcessLive[]> {
  const { look, scope } = machine;
  const owner = { scope, name };
  const init = await look.initSeen(owner);
  const root = look.cgroupRoot();
  const isThere = init || look.cgroups().some((one) => one.scope === scope && one.name === name);
  if (!root || !isThere) return [];
  const adopted = init ? undefined : findAdopted(look, owner);
  if (adopted) return [toAdopted(name, cgroupPath(root, owner), adopted)];
  const handle = { cgroup: cgroupPath(root, owner), init };
  const base = baseOf(name);
  if (!init) return [toEnded({ ...base, fields: { running: 'no' }, handle }, owner, look.end(owner), wanted)];
  if (look.inBrief) return [{ ...base, fields: { running: init.isStopping ? 'stopping' : 'yes' }, handle }];
  const dead = wanted?.checkServices ? { dead_services: await look.deadServices(owner, init) } : {};
  const fields = {
    ...(await seenFields(machine, init, name)),
    ...limitsSeen(machine, owner, init, wanted),
    ...dead,
    ...confinementFields(init.confinement, wanted && { wanted: confinementOfSubhost(wanted), own: look.capabilities() }),
    ...seenShares(machine, init, name, wanted ? sharesOf(wanted) : []),
  };
  return [{ ...base, holds: layersOf(init), fields, handle }];
}

function baseOf(name: string): Pick<ProcessLive, 'address' | 'subhost' | 'needs' | 'holds'> {
  const needs = [`netns/${name}`, `mount/${name}`, `disk/${name}.lower`, `disk/${name}.upper`] as const;
  return { address: `process/${name}`, subhost: name, needs, holds: [] };
}

/** Without an END it has never been up, or a run was cut off that had stopped it: then it is started, whatever the file says. */
function toEnded(live: ProcessLive, owner: Owner, end: End | undefined, wanted: Subhost | undefined): ProcessLive {
  if (!end) return live;
  const rests = restOf(owner.name, end, wanted?.restart);
  const ended = { end, log: wanted?.log ?? defaultLog(owner) };
  return { ...live, fields: { ...live.fields, ...fieldsOf(end) }, handle: { ...live.handle, ended }, ...(rests ? { rests } : {}) };
}

/** What overlay-boot has started and ob has taken over: it goes on as it is until it is started anew. */
function toAdopted(name: string, cgroup: string, adopted: ProcessId): ProcessLive {
  const mounts = parseMountinfo(readIfThere(`/proc/${adopted.pid}/mountinfo`) ?? '');
  const fields = { running: 'yes', boot: 'overlay-boot', pid: adopted.pid, uptime_s: uptimeSeconds(adopted) };
  const handle = { cgroup, init: undefined, adopted };
  return { address: `process/${name}`, subhost: name, needs: [`netns/${name}`], holds: layersOf({ mounts }), fields, handle };
}

/** Runs in its place what overlay-boot has started? Only where its namespace has no mark of ours is there reason to look for that. */
async function runsElsewhere({ look }: Machine, { address, extra: { mark, subhost } }: ProcessSpec): Promise<Blocker[]> {
  const { name } = subhost;
  const lo = (await look.inside(name))?.links.find((link) => link.name === 'lo');
  return !lo || lo.alias === mark ? [] : foreignBlocker({ name, address, subhost }, look);
}

/** It has a copy of its root mount: another overlay on these directories has to wait for its end. */
function layersOf(init: Pick<LiveInit, 'mounts'>): string[] {
  const root = init.mounts.find((mount) => mount.point === '/' && mount.type === 'overlay');
  return ['upperdir', 'workdir'].flatMap((option) => optionValue(root?.superOptions ?? [], option) ?? []).map((path) => `dir:${path}`);
}

function seenShares(
  { scope, look }: Machine,
  init: LiveInit,
  name: string,
  wanted: readonly Share[],
): Pick<ProcessFields, 'shares' | 'devices'> {
  const all = listShares(init, markOf({ scope, name }), look.mountinfo, wanted);
  return { shares: all.filter((text) => !isInDev(text)), devices: all.filter(isInDev) };
}

async function seenFields(machine: Machine, init: LiveInit, name: string): Promise<Omit<ProcessFields, 'shares' | 'devices'>> {
  const mark = markOf({ scope: machine.scope, name });
  const mounts = init.mounts.filter((mount) => mount.source === mark);
  const memory = mounts.find((mount) => mount.point === '/run');
  return {
    running: init.isStopping ? 'stopping' : 'yes',
    cgroup: init.cgroup,
    // Where the name has got lost it comes back to this one.
    netns: lives(machine, init, name) || (await homelessInit(machine, name)) ? name : null,
    userns: showIds(init.firstId),
    boot: init.digest,
    start: listEntries(init.entries.map((entry) => entry.name)),
    run_in_memory: memory ? 'yes' : 'no',
    ...(memory ? { ram_size: showSizeOf(memory) } : {}),
    inside: INNER_MOUNTS.filter((point) => mounts.some((mount) => mount.point === point)),
    // Of the mount, not of the filesystem: that one is the resource mount's to see to.
    root: init.mounts.findLast((mount) => mount.point === '/')?.options.includes('ro') ? 'ro' : 'rw',
    ...(await hostnameSeen(machine, init)),
    ...missingInDev(machine, init),
    exposed: findExposed(init.mounts, mark, machine.look.maskable()),
    not_started: init.entries
      .filter((entry) => hasFailed(entry) || isPending(entry))
      .map((entry) => `${serviceOf(entry)} (${shortState(entry.state)})`),
    pid: init.pid,
    uptime_s: init.uptimeSeconds,
    services: init.entries.map((entry) => `${serviceOf(entry)}: ${stateWord(entry.state)}`),
  };
}

/** Of one that is not in its cgroup nothing more is to be said: with that it gets its limits back. */
function limitsSeen({ look }: Machine, owner: Owner, init: LiveInit, wanted: Subhost | undefined): Pick<ProcessFields, 'limits'> {
  return init.cgroup === cgroupName(owner) ? { limits: showSeen(look.limits(owner, init), look.places(), wanted) } : {};
}

async function hostnameSeen({ look }: Machine, init: LiveInit): Promise<Pick<ProcessFields, 'hostname'>> {
  const hostname = await look.hostname(init);
  return hostname === undefined ? {} : { hostname };
}

/** What the reaper makes there: devices and links; sorted. */
const IN_DEV = ['fd', 'full', 'null', 'ptmx', 'random', 'stderr', 'stdin', 'stdout', 'tty', 'urandom', 'zero'];

/** Where /dev itself is not mounted, that is told, and they are made with it. */
function missingInDev({ look }: Machine, init: LiveInit): Pick<ProcessFields, 'missing_in_dev'> {
  const there = init.mounts.some(({ point }) => point === '/dev') ? look.devices(init) : undefined;
  return there ? { missing_in_dev: IN_DEV.filter((name) => !there.includes(name)) } : {};
}

/** A tmpfs without a limit shows no size. */
function showSizeOf({ superOptions }: Mount): string {
  const bytes = parseSize(optionValue(superOptions, 'size'));
  return bytes ? formatSize(bytes) : 'unlimited';
}

const STATE_WORDS: Readonly<Record<string, string>> = { '...': 'waiting', '>>>': 'starting', '000': 'started', skp: 'skipped' };

function stateWord(state: string): string {
  return STATE_WORDS[state] ?? `failed (${shortState(state)})`;
}

function shortState(state: string): string {
  return STATE_WORDS[state] ?? `exit ${Number(state)}`;
}

const inodes = new WeakMap<readonly NetnsName[], ReadonlyMap<string, number>>();

function inodesOf(names: readonly NetnsName[]): ReadonlyMap<string, number> {
  const known = inodes.get(names) ?? new Map(names.map(({ name, inode }) => [name, inode]));
  inodes.set(names, known);
  return known;
}

function lives(machine: Machine, init: LiveInit, name: string): boolean {
  const inode = inodesOf(machine.look.netnsNames()).get(name);
  return inode !== undefined && init.netns === inode;
}

/** Where lower is live, no mount is ours: the tree has to be there already. */
function blockerOf(machine: Machine, spec: ProcessSpec): Blocker[] {
  const { live, lower } = spec.extra.subhost;
  if (lower !== live || existsSync(live)) return [];
  if (machine.look.mounts().some((entry) => entry.point === live)) return [];
  return [
    { address: spec.address, what: `the tree ${live} is not there`, hint: 'with "lower" equal to "live" it must be mounted already' },
  ];
}

/** WANTED: of what the hosts file wants, only what the machine can give is compared. OWN: what that is. */
export function confinementFields(
  { capabilities, seccomp, noNewPrivs }: Confinement,
  against?: { readonly wanted: Confinement; readonly own: string },
): Pick<ProcessFields, 'capabilities' | 'seccomp' | 'no_new_privs'> {
  const set = against ? withUngivable(capabilities, against.wanted.capabilities, against.own) : capabilities;
  return { capabilities: showCapabilities(set), seccomp, no_new_privs: noNewPrivs ? 'yes' : 'no' };
}

export function confinementOfSubhost({ confinement }: Subhost): Confinement {
  return confinement ?? confinementOf('default');
}
