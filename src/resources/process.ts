import { existsSync } from 'node:fs';
import { endAdopted, findAdopted, foreignBlocker } from './adopted.ts';
import { bootDigest, STOP_LIMIT_MS, toEntry } from './boot.ts';
import { type End, type Ended, endNote, fieldsOf, forgetEnds, restOf } from './end.ts';
import { type ObError, toObError } from './error.ts';
import type { HostsFile, Share, Subhost } from './hosts.ts';
import type { Blocker, Kind, Live, Need, Result, Spec } from './kind.ts';
import { adopt, cgroupName, cgroupPath, endCgroup, needCgroupRoot, removeEmptyParents } from './linux/cgroup.ts';
import { endInit, hasFailed, type Init, isPending, serviceOf } from './linux/init.ts';
import { formatSize, type Mount, optionValue, parseMountinfo, parseSize } from './linux/mountinfo.ts';
import { type ProcessId, readIfThere, uptimeSeconds } from './linux/proc.ts';
import { defaultLog } from './log.ts';
import type { LiveInit, Machine } from './machine.ts';
import { markOf, type Owner } from './marks.ts';
import { mendInside } from './mender.ts';
import { homelessInit } from './netns-home.ts';
import { runForEach } from './reaper.ts';
import { run } from './run.ts';
import { changeShares, listShares, showShare } from './shares.ts';
import { bootAll, retry, type Startable, startAgain } from './start.ts';

type ProcessFields = {
  readonly [field: string]: string | number | null | readonly string[];
  readonly running: string;
  readonly cgroup: string;
  readonly netns: string | null;
  readonly boot: string;
  readonly start: string;
  /** Size of /run, e.g. `50M`; left out where it is not mounted. */
  readonly ram_size?: string;
  readonly run_in_memory: string;
  readonly inside: readonly string[];
  readonly hostname?: string;
  readonly missing_in_dev?: readonly string[];
  readonly shares: readonly string[];
  readonly not_started: readonly string[];
  /** Of a subhost whose services are asked. */
  readonly dead_services?: readonly string[];
};
/** INIT is undefined where only a cgroup is left; ADOPTED: where overlay-boot has started what is in it. */
type ProcessHandle = {
  readonly cgroup: string;
  readonly init: Init | undefined;
  readonly adopted?: ProcessId;
  readonly ended?: Ended;
};
type ProcessSpec = Spec<ProcessFields, Startable>;
type ProcessLive = Live<ProcessFields, ProcessHandle>;

/** What the reaper mounts inside, beside /run; sorted. */
const INNER_MOUNTS = ['/dev', '/dev/pts', '/dev/shm', '/proc', '/sys'];

/** A subhost's PID 1 and all that runs under it: the members of its cgroup. */
export const process: Kind<ProcessFields, Startable, ProcessHandle, ProcessSpec, ProcessLive> = {
  name: 'process',
  runs: true,
  rules: {
    running: { class: 'restart', why: 'PID 1 has ended' },
    cgroup: { class: 'live', why: 'its processes are put back: they are ended by their cgroup' },
    netns: { class: 'restart', why: 'it lives in another network namespace' },
    boot: { class: 'restart', why: 'it was booted with other parameters' },
    start: { class: 'restart', why: 'the start list is run when a subhost boots' },
    run_in_memory: { class: 'restart', why: 'services keep their sockets and PID files in /run' },
    ram_size: { class: 'live', why: 'what is in /run stays' },
    root: { class: 'live', why: 'its root is made writable again inside' },
    inside: { class: 'live', why: 'its own mounts are made again inside' },
    missing_in_dev: { class: 'live', why: 'they are made again' },
    hostname: { class: 'live', why: 'programs there see it at once' },
    shares: { class: 'live', why: 'shares come and go while it runs' },
    dead_services: { class: 'live', why: 'they are started again' },
    not_started: { class: 'live', why: 'the start command is waited for, or run again' },
  },

  desired: (file) => file.subhosts.map((subhost) => toSpec(file, subhost)),

  preflight: () => void needCgroupRoot(),

  async list(machine, desired) {
    const { look, scope } = machine;
    const names = new Set([
      ...look.cgroups().flatMap((owner) => (owner.scope === scope ? owner.name : [])),
      ...desired.flatMap((spec) => spec.subhost ?? []),
      // Whose cgroup is gone may still run.
      ...look.netnsNames().map((one) => one.name),
    ]);
    const wanted = new Map(desired.map((spec) => [spec.subhost, spec.extra.subhost]));
    const live = await Promise.all([...names].map((name) => toLive(machine, name, wanted.get(name))));
    const foreign = await Promise.all(desired.map((spec) => runsElsewhere(machine, spec)));
    return { live: live.flat(), blockers: [...foreign.flat(), ...desired.flatMap((spec) => blockerOf(machine, spec))] };
  },

  takesLong: (object) => 'handle' in object && (object.handle.init?.entries.length ?? 0) > 0,

  async converge(machine, tasks) {
    const kept = tasks.flatMap(({ spec, live }) => (live?.handle.init ? changeInTurn(machine, spec, live, live.handle.init) : []));
    const boots = tasks.filter((task) => !task.live?.handle.init).map((task) => task.spec);
    const [booted, changed] = await Promise.all([bootAll(machine, boots), Promise.all(kept)]);
    return [...booted, ...changed];
  },

  async remove(machine, live) {
    // Before PID 1 ends: then a run that is cut off here does not make it look as if it had ended by itself.
    forgetEnds(machine.scope, new Map(live.map(({ subhost, handle }) => [subhost ?? '', handle.ended])), machine.look.cgroups());
    await stopInOrder(
      machine,
      live.flatMap((one) => one.handle.init ?? []),
    );
    const results = await Promise.all(live.map((one) => removeOne(machine, one)));
    const root = machine.look.cgroupRoot();
    if (root) removeEmptyParents(root, machine.scope);
    return results;
  },
};

function toSpec(file: HostsFile, subhost: Subhost): ProcessSpec {
  const { name } = subhost;
  const needs: Need[] = [{ address: `netns/${name}`, class: 'restart', why: 'its network namespace is made anew' }];
  if (subhost.lower !== subhost.live) needs.push({ address: `mount/${name}`, class: 'restart', why: 'its root is mounted anew' });
  for (const cable of subhost.cables)
    needs.push({ address: `${cable.vlan ? 'vlan' : 'veth'}/${cable.hostEnd}`, class: 'none', why: 'its cables come first' });
  return {
    address: `process/${name}`,
    subhost: name,
    needs,
    // Where the tree is its own, an overlay that was mounted over it goes first.
    holds: subhost.lower === subhost.live ? [`dir:${subhost.live}`] : [],
    fields: {
      running: 'yes',
      cgroup: cgroupName({ scope: file.scope, name }),
      netns: name,
      boot: bootDigest(subhost),
      start: listEntries(subhost.start.map(toEntry)),
      ...(subhost.ramSize === null ? {} : { ram_size: formatSize(subhost.ramSize) }),
      run_in_memory: subhost.ramSize === null ? 'no' : 'yes',
      inside: INNER_MOUNTS,
      missing_in_dev: [],
      hostname: name,
      // A tree that is the administrator's own may be read-only for a reason.
      ...(subhost.lower === subhost.live ? {} : { root: 'rw' }),
      shares: subhost.shares.map(showShare).sort(),
      not_started: [],
      ...(subhost.checkServices ? { dead_services: [] } : {}),
    },
    extra: { mark: markOf({ scope: file.scope, name }), subhost },
    summary: `starts ${subhost.start.map((entry) => entry.name).join(', ') || 'nothing'}; /run ${subhost.ramSize === null ? 'none' : formatSize(subhost.ramSize)}`,
  };
}

async function changeInTurn(machine: Machine, spec: ProcessSpec, live: ProcessLive, init: Init): Promise<Result> {
  const result = await machine.turn(() => change(machine, spec, live, init));
  machine.early?.(result);
  return result;
}

/** What can be put right while it runs. */
async function change(machine: Machine, spec: ProcessSpec, live: ProcessLive, init: Init): Promise<Result> {
  const { shares, ramSize } = spec.extra.subhost;
  if (live.fields.cgroup !== spec.fields.cgroup) adopt(live.handle.cgroup, init);
  const error =
    (await mend(machine, spec, live, init)) ??
    (ramSize !== null && live.fields.ram_size !== spec.fields.ram_size ? await resizeRun(machine.reaper, init, ramSize) : undefined) ??
    (await changeShares(machine.reaper, init, live.fields.shares ?? [], shares));
  if (error) return { address: spec.address, error };
  const started = await startAgain(machine, spec, init, live.fields.dead_services ?? []);
  return started.error ? started : retry(machine, spec, init);
}

/** What was unmounted or removed inside, and the name of the whole. */
async function mend({ reaper }: Machine, { fields, extra }: ProcessSpec, live: ProcessLive, init: Init): Promise<ObError | undefined> {
  const { inside = INNER_MOUNTS, missing_in_dev: nodes = [], hostname = fields.hostname } = live.fields;
  const points = INNER_MOUNTS.filter((point) => !inside.includes(point));
  if (fields['root'] !== undefined && live.fields['root'] !== fields['root']) points.push('/');
  if (points.length + nodes.length === 0 && hostname === fields.hostname) return undefined;
  return mendInside(reaper, init, { mark: extra.mark, hostname: extra.subhost.name, points, nodes });
}

async function resizeRun(reaper: string, { pid, ticks }: Init, bytes: number): Promise<ObError | undefined> {
  const key = String(pid);
  return (await runForEach(reaper, 'resize', [key, String(ticks), String(bytes)], [key])).get(key);
}

function listEntries(entries: readonly string[]): string {
  return entries.join(' ') || 'none';
}

async function toLive(machine: Machine, name: string, wanted: Subhost | undefined): Promise<ProcessLive[]> {
  const { look, scope } = machine;
  const owner = { scope, name };
  const init = look.init(owner);
  const root = look.cgroupRoot();
  const isThere = init || look.cgroups().some((one) => one.scope === scope && one.name === name);
  if (!root || !isThere) return [];
  const adopted = init ? undefined : findAdopted(look, owner);
  if (adopted) return [toAdopted(name, cgroupPath(root, owner), adopted)];
  const handle = { cgroup: cgroupPath(root, owner), init };
  const base = baseOf(name);
  if (!init) return [toEnded({ ...base, fields: { running: 'no' }, handle }, owner, look.end(owner), wanted)];
  const dead = wanted?.checkServices ? { dead_services: await look.deadServices(owner, init) } : {};
  const fields = { ...(await seenFields(machine, init, name)), ...dead, shares: seenShares(machine, init, name, wanted?.shares ?? []) };
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

function seenShares({ scope, look }: Machine, init: LiveInit, name: string, wanted: readonly Share[]): string[] {
  return listShares(init.mounts, markOf({ scope, name }), look.mountinfo(), wanted);
}

async function seenFields(machine: Machine, init: LiveInit, name: string): Promise<Omit<ProcessFields, 'shares'>> {
  const mark = markOf({ scope: machine.scope, name });
  const mounts = init.mounts.filter((mount) => mount.source === mark);
  const memory = mounts.find((mount) => mount.point === '/run');
  return {
    running: init.isStopping ? 'stopping' : 'yes',
    cgroup: init.cgroup,
    // Where the name has got lost it comes back to this one.
    netns: lives(machine, init, name) || (await homelessInit(machine, name)) ? name : null,
    boot: init.digest,
    start: listEntries(init.entries.map((entry) => entry.name)),
    run_in_memory: memory ? 'yes' : 'no',
    ...(memory ? { ram_size: showSizeOf(memory) } : {}),
    inside: INNER_MOUNTS.filter((point) => mounts.some((mount) => mount.point === point)),
    // Of the mount, not of the filesystem: that one is the resource mount's to see to.
    root: init.mounts.findLast((mount) => mount.point === '/')?.options.includes('ro') ? 'ro' : 'rw',
    ...(await hostnameSeen(machine, name)),
    ...missingInDev(machine, init),
    not_started: init.entries
      .filter((entry) => hasFailed(entry) || isPending(entry))
      .map((entry) => `${serviceOf(entry)} (${shortState(entry.state)})`),
    pid: init.pid,
    uptime_s: init.uptimeSeconds,
    services: init.entries.map((entry) => `${serviceOf(entry)}: ${stateWord(entry.state)}`),
  };
}

async function hostnameSeen({ look, scope }: Machine, name: string): Promise<Pick<ProcessFields, 'hostname'>> {
  const hostname = await look.hostname({ scope, name });
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

function lives(machine: Machine, init: LiveInit, name: string): boolean {
  const wanted = machine.look.netnsNames().find((one) => one.name === name);
  return wanted !== undefined && init.netns === wanted.inode;
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

/** TERM to PID 1 is the order to stop the services one by one; each has its time, then PID 1 ends what is left. */
async function stopInOrder(machine: Machine, inits: readonly Init[]): Promise<void> {
  if (inits.length === 0) return;
  const services = Math.max(...inits.map((init) => init.entries.length));
  const limit = (services + 2) * STOP_LIMIT_MS;
  const words = inits.flatMap((init) => [String(init.pid), String(init.ticks)]);
  // What it says does not matter: whatever is left is killed by cgroup.
  await run(machine.reaper, ['stop', String(limit), ...words], { timeLimitMs: limit + STOP_LIMIT_MS });
}

async function removeOne(machine: Machine, { address, subhost, handle }: ProcessLive): Promise<Result> {
  try {
    if (handle.adopted) await endAdopted(handle.adopted);
    await endCgroup(handle.cgroup);
    if (handle.ended) return { address, notes: [endNote(subhost ?? '', handle.ended)] };
    const left = machine.look.init({ scope: machine.scope, name: subhost ?? '' });
    if (!left) return { address };
    // It was not in its cgroup: somebody has moved it.
    await endInit(left, markOf({ scope: machine.scope, name: subhost ?? '' }));
    return { address };
  } catch (error) {
    return { address, error: toObError(error) };
  }
}
