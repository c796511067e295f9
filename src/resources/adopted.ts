import { rmdirSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { STOP_LIMIT_MS } from './boot.ts';
import { hasCode, ObError } from './error.ts';
import type { Subhost } from './hosts.ts';
import type { Address, Blocker } from './kind.ts';
import { markWords, ownerOf } from './link-rules.ts';
import { cgroupPath, makeCgroup, needCgroupRoot, readMembers } from './linux/cgroup.ts';
import { type Foreign, findForeign, isPid1, membersOf } from './linux/foreign.ts';
import type { Link } from './linux/ip.ts';
import { runIpBatch } from './linux/ip-batch.ts';
import { describeProcess, identify, type ProcessId, readLinkIfThere } from './linux/proc.ts';
import type { Look, Machine } from './machine.ts';
import { markOf, type Owner } from './marks.ts';

// A subhost that overlay-boot has started becomes ob's own while it runs: its processes are moved into a cgroup of ob's, its
// cables and its network namespace get their marks. What cannot be had without a restart is left as it is: PID 1 has another
// argument list, and its root is mounted where only it sees it.
//
// INVARIANTS
// - PID 1 moves first: from then on a stop ends all of it, as nothing in its pid namespace outlives it.
// - The network namespace is marked last: as long as its `lo` has no mark, the rest is to be done (again).
// - Only what the kernel shows to be the subhost that the file describes is touched.

/** Below the cgroup of a subhost: what is in here was started by overlay-boot. */
const FOLDER = 'overlay-boot';

function adoptedPath(root: string, owner: Owner): string {
  return `${cgroupPath(root, owner)}/${FOLDER}`;
}

/** PID 1 of a subhost that was taken over, and not been started anew since. */
export function findAdopted({ cgroupRoot }: Pick<Look, 'cgroupRoot'>, owner: Owner): ProcessId | undefined {
  const root = cgroupRoot();
  const pid = root ? readMembers(adoptedPath(root, owner)).find(isPid1) : undefined;
  return pid === undefined ? undefined : identify(pid);
}

/** Is this the name of such a cgroup? */
export function isAdoptedCgroup(name: string | undefined, { scope, name: subhost }: Owner): boolean {
  return name === `/ob/${scope}/${subhost}/${FOLDER}`;
}

/** Those that overlay-boot runs here. */
export function listForeign({ netnsNames }: Pick<Look, 'netnsNames'>): Foreign[] {
  return findForeign(new Map(netnsNames().flatMap(({ inode, name, real }) => (real ? [[inode, name]] : []))));
}

/** Why a subhost that runs is not, or not surely, the one that the file describes; undefined: it is. */
export function whyNot(subhost: Subhost, all: readonly Foreign[], look: Pick<Look, 'isSameDirectory'>): string | undefined {
  const [own, twin] = all.filter(({ name, upper }) => name === subhost.name || look.isSameDirectory(upper, subhost.upper));
  if (!own) return 'it does not run';
  if (twin) return `it runs twice: PID 1 is ${describeProcess(own.pid)} and ${describeProcess(twin.pid)}`;
  if (own.name !== subhost.name) return `${own.name} runs on its upper directory`;
  if (subhost.hooks?.setup !== undefined) return 'a program sets up its upper directory, and overlay-boot has to end that';
  for (const layer of ['lower', 'upper', 'work'] as const)
    if (!look.isSameDirectory(own[layer], subhost[layer])) return `its ${layer} is ${own[layer]}, and ${subhost[layer]} in the file`;
  return undefined;
}

/** The one that runs in the place of a subhost, named instead of all that it holds. */
export function foreignBlocker({ name, address, subhost }: { name: string; address: Address; subhost: Subhost }, look: Look): Blocker[] {
  const all = listForeign(look);
  const own = all.find((one) => one.name === name);
  if (!own) return [];
  const why = whyNot(subhost, all, look);
  const hint =
    why === undefined ? 'ob apply --adopt takes it over while it runs; or end it: overlay-stop' : `it cannot be taken over: ${why}`;
  return [{ address, what: `overlay-boot runs ${name}: its PID 1 is process ${describeProcess(own.pid)}`, hint, explains: name }];
}

/** What has been taken over, or would be. */
export interface Taken {
  readonly address: Address;
  readonly what: string;
}

/** What of a subhost is to be taken over, in order; empty: all of it has been. */
export async function toTake({ look, scope }: Machine, subhost: Subhost, foreign: Foreign): Promise<Taken[]> {
  const { name } = subhost;
  const owner = { scope, name };
  const inside = await look.inside(name);
  if (inside?.links.some((link) => link.name === 'lo' && link.alias === markOf(owner))) return [];
  const cables = await cablesOf(look, subhost);
  return [
    { address: `process/${name}`, what: `${membersOf(foreign).length} processes, PID 1 is ${foreign.pid}` },
    ...cables.map((link): Taken => ({ address: `${link.kind ?? 'veth'}/${link.name}`, what: '' })),
    { address: `netns/${name}`, what: '' },
  ];
}

/** The cables of the file that are plugged into the namespace, and the VLANs on them; what has an owner's mark is left out. */
async function cablesOf(look: Look, { name, cables }: Subhost): Promise<Link[]> {
  const names = new Set(cables.map(({ hostEnd }) => hostEnd));
  const inside = (await look.inside(name))?.links ?? [];
  const wanted = (await look.links()).filter((link) => names.has(link.name));
  const isPeer = (link: Link): boolean =>
    inside.some((peer) => peer.kind === 'veth' && peer.index === link.peerIndex && peer.peerIndex === link.index);
  const plugged = wanted.filter((link) => link.kind === 'veth' && isPeer(link));
  const vlans = wanted.filter((link) => link.kind === 'vlan' && plugged.some((one) => one.name === link.carrier));
  return [...plugged, ...vlans].filter((link) => !ownerOf(link));
}

/** Takes a subhost over. It must be the one that the file describes, see `whyNot`; nothing in it is stopped or told. */
export async function takeOver(machine: Machine, subhost: Subhost, foreign: Foreign): Promise<void> {
  const { look, scope } = machine;
  const { name } = subhost;
  const owner = { scope, name };
  const path = adoptedPath(needCgroupRoot(), owner);
  makeCgroup(path);
  moveAll(path, foreign);
  removeLeft(foreign);
  const words = markWords(markOf(owner));
  const cables = await cablesOf(look, subhost);
  await orThrow(runIpBatch(cables.map((link) => ({ address: link.name, words: ['link', 'set', 'dev', link.name, ...words] }))));
  await orThrow(runIpBatch([{ address: name, words: ['link', 'set', 'dev', 'lo', 'alias', markOf(owner)] }], name));
}

async function orThrow(errors: Promise<ReadonlyMap<string, ObError>>): Promise<void> {
  for (const error of (await errors).values()) throw error;
}

const MOVE_ROUNDS = 100;

/** Who is born meanwhile is met by the next round. */
function moveAll(path: string, foreign: Foreign): void {
  for (let rounds = 0; rounds < MOVE_ROUNDS; rounds++) {
    // A PID alone may be another's by now.
    if (identify(foreign.pid)?.ticks !== foreign.ticks) throw new ObError(`${foreign.name} has ended: there is nothing to take over`);
    const there = new Set(readMembers(path));
    const strays = membersOf(foreign).filter((pid) => !there.has(pid));
    if (strays.length === 0) return;
    for (const pid of strays) move(path, pid);
  }
}

function move(path: string, pid: number): void {
  try {
    writeFileSync(`${path}/cgroup.procs`, String(pid));
  } catch (error) {
    if (!hasCode(error, 'ESRCH')) throw error;
  }
}

/** overlay-boot makes a cgroup with the subhost's name and never removes it. */
function removeLeft({ cgroup, name }: Foreign): void {
  if (cgroup !== `/${name}`) return;
  try {
    rmdirSync(`${needCgroupRoot()}${cgroup}`);
  } catch (error) {
    if (!hasCode(error, 'EBUSY', 'ENOTEMPTY', 'ENOENT')) throw error;
  }
}

const LOOK_EVERY_MS = 10;

/**
 * Ends what was taken over. Its start list is not known, so each of its processes is told to end by itself and has the time
 * of a service for it; what is left is killed.
 */
export async function endAdopted(init: ProcessId): Promise<void> {
  const pidNamespace = readLinkIfThere(`/proc/${init.pid}/ns/pid`);
  const mountNamespace = readLinkIfThere(`/proc/${init.pid}/ns/mnt`);
  const isThere = (): boolean => identify(init.pid)?.ticks === init.ticks;
  if (!pidNamespace || !mountNamespace || !isThere()) return;
  const members = (): number[] => membersOf({ pid: init.pid, pidNamespace, mountNamespace });
  const services = (): number[] => members().filter((pid) => pid !== init.pid && readLinkIfThere(`/proc/${pid}/ns/pid`) === pidNamespace);
  for (const pid of services()) signal(pid, 'SIGTERM');
  await until(() => services().length === 0, STOP_LIMIT_MS);
  // PID 1 last: what had started it would clean up in its own way once it sees that end.
  if (isThere()) for (const pid of members().reverse()) signal(pid, 'SIGKILL');
  await until(() => members().length === 0, STOP_LIMIT_MS);
}

async function until(isDone: () => boolean, limit: number): Promise<void> {
  for (const deadline = performance.now() + limit; !isDone() && performance.now() < deadline; ) await sleep(LOOK_EVERY_MS);
}

function signal(pid: number, name: 'SIGTERM' | 'SIGKILL'): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if (!hasCode(error, 'ESRCH')) throw error;
  }
}
