import { endAdopted } from './adopted.ts';
import { bootDigest, STOP_LIMIT_MS, toEntry } from './boot.ts';
import { filterDevices } from './device-filter.ts';
import { endNote, forgetEnds } from './end.ts';
import { type ObError, toObError } from './error.ts';
import type { HostsFile, Subhost } from './hosts.ts';
import { showIds } from './ids.ts';
import type { Kind, Need, Result } from './kind.ts';
import { limitsOf, needControllers, setLimits, showLimits } from './limits.ts';
import { adopt, cgroupName, endCgroup, findCgroupRoot, needCgroupRoot, removeEmptyParents } from './linux/cgroup.ts';
import { findPlaces } from './linux/controllers.ts';
import { endGroups, joinGroups, removeEmptyGroups } from './linux/groups.ts';
import { endInit, type Init } from './linux/init.ts';
import { formatSize, readMounts } from './linux/mountinfo.ts';
import type { Machine } from './machine.ts';
import { markOf } from './marks.ts';
import { DEVICE_NODES, MASKED } from './masks.ts';
import { mendInside } from './mender.ts';
import {
  confinementFields,
  confinementOfSubhost,
  INNER_MOUNTS,
  listEntries,
  listProcesses,
  type ProcessFields,
  type ProcessHandle,
  type ProcessLive,
  type ProcessSpec,
} from './process-seen.ts';
import { runForEach } from './reaper.ts';
import { run } from './run.ts';
import { changeShares, sharesOf, showShare } from './shares.ts';
import { bootAll, retry, type Startable, startAgain } from './start.ts';

/** A subhost's PID 1 and all that runs under it: the members of its cgroup. */
export const process: Kind<ProcessFields, Startable, ProcessHandle, ProcessSpec, ProcessLive> = {
  name: 'process',
  runs: true,
  rules: {
    running: { class: 'restart', why: 'PID 1 has ended or is ending' },
    cgroup: { class: 'live', why: 'its processes are put back: they are ended by their cgroup' },
    limits: { class: 'live', why: 'they count from now on' },
    netns: { class: 'restart', why: 'it lives in another network namespace' },
    userns: { class: 'restart', why: 'what runs keeps its ids' },
    boot: { class: 'restart', why: 'it was booted with other parameters' },
    start: { class: 'restart', why: 'the start list is run when a subhost boots' },
    run_in_memory: { class: 'restart', why: 'services keep their sockets and PID files in /run' },
    ram_size: { class: 'live', why: 'what is in /run stays' },
    root: { class: 'live', why: 'its root is made writable again inside' },
    inside: { class: 'live', why: 'its own mounts are made again inside' },
    missing_in_dev: { class: 'live', why: 'they are made again' },
    capabilities: { class: 'restart', why: 'what runs gains none, and loses none' },
    seccomp: { class: 'restart', why: 'the filter of system calls is for all that descends from PID 1' },
    no_new_privs: { class: 'restart', why: 'it is for all that descends from PID 1' },
    exposed: { class: 'live', why: 'what the kernel tells of the machine is covered again' },
    hostname: { class: 'live', why: 'programs there see it at once' },
    shares: { class: 'live', why: 'shares come and go while it runs' },
    devices: { class: 'live', why: 'devices come and go while it runs' },
    dead_services: { class: 'live', why: 'they are started again' },
    not_started: { class: 'live', why: 'the start command is waited for, or run again' },
  },

  desired: (file) => file.subhosts.map((subhost) => toSpec(file, subhost)),

  preflight(desired) {
    const mounts = readMounts();
    needCgroupRoot(mounts);
    const places = findPlaces(mounts);
    for (const { extra } of desired) needControllers(places, extra.subhost);
  },

  list: listProcesses,

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
    removeEmptyGroups(machine.look.places(), machine.scope);
    return results;
  },

  sweep(scope) {
    const mounts = readMounts();
    const root = findCgroupRoot(mounts);
    if (root) removeEmptyParents(root, scope);
    removeEmptyGroups(findPlaces(mounts), scope);
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
      limits: showLimits(limitsOf(subhost)),
      netns: name,
      userns: showIds(subhost.userns),
      boot: bootDigest(subhost),
      start: listEntries(subhost.start.map(toEntry)),
      ...(subhost.ramSize === null ? {} : { ram_size: formatSize(subhost.ramSize) }),
      run_in_memory: subhost.ramSize === null ? 'no' : 'yes',
      inside: INNER_MOUNTS,
      missing_in_dev: [],
      ...(subhost.trusted ? {} : { exposed: [] }),
      ...confinementFields(confinementOfSubhost(subhost)),
      hostname: name,
      // A tree that is the administrator's own may be read-only for a reason.
      ...(subhost.lower === subhost.live ? {} : { root: 'rw' }),
      shares: subhost.shares.map(showShare).sort(),
      devices: subhost.devices ?? [],
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
  const { subhost } = spec.extra;
  const { ramSize } = subhost;
  const { shares = [], devices = [] } = live.fields;
  if (live.fields.cgroup !== spec.fields.cgroup) adopt(live.handle.cgroup, init);
  const error =
    limit(machine, spec) ??
    (await filterDevices(machine.reaper, live.handle.cgroup, subhost)) ??
    (await mend(machine, spec, live, init)) ??
    (ramSize !== null && live.fields.ram_size !== spec.fields.ram_size ? await resizeRun(machine.reaper, init, ramSize) : undefined) ??
    (await changeShares(machine.reaper, init, [...shares, ...devices], sharesOf(subhost)));
  if (error) return { address: spec.address, error };
  const started = await startAgain(machine, spec, init, live.fields.dead_services ?? []);
  return started.error ? started : retry(machine, spec, init);
}

/** Of all that is in its cgroup; what is as wanted is left alone. */
function limit({ look, scope }: Machine, { extra: { subhost } }: ProcessSpec): ObError | undefined {
  const owner = { scope, name: subhost.name };
  try {
    setLimits(look.places(), owner, limitsOf(subhost));
    joinGroups(needCgroupRoot(), look.places(), owner);
    return undefined;
  } catch (error) {
    return toObError(error);
  }
}

/** What was unmounted or removed inside, and the name of the whole. */
async function mend({ reaper }: Machine, { fields, extra }: ProcessSpec, live: ProcessLive, init: Init): Promise<ObError | undefined> {
  const { inside = INNER_MOUNTS, missing_in_dev: nodes = [], exposed = [], hostname = fields.hostname } = live.fields;
  const points = INNER_MOUNTS.filter((point) => !inside.includes(point));
  if (fields['root'] !== undefined && live.fields['root'] !== fields['root']) points.push('/');
  // A mount that is new has no masks.
  const masked = extra.subhost.trusted ? [] : MASKED;
  points.push(...masked.filter((path) => exposed.includes(path) || points.some((point) => path.startsWith(`${point}/`) && point !== '/')));
  if (exposed.includes(DEVICE_NODES)) points.push('nodev');
  if (points.length + nodes.length === 0 && hostname === fields.hostname) return undefined;
  const words = extra.subhost.trusted ? points.map((point) => (point === '/sys' ? '/sys rw' : point)) : points;
  return mendInside(reaper, init, { mark: extra.mark, hostname: extra.subhost.name, points: words, nodes });
}

async function resizeRun(reaper: string, { pid, ticks }: Init, bytes: number): Promise<ObError | undefined> {
  const key = String(pid);
  return (await runForEach(reaper, 'resize', [key, String(ticks), String(bytes)], [key])).get(key);
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
    await endGroups(machine.look.places(), { scope: machine.scope, name: subhost ?? '' });
    if (handle.ended) return { address, notes: [endNote(subhost ?? '', handle.ended)] };
    const left = machine.look.stray({ scope: machine.scope, name: subhost ?? '' });
    if (!left) return { address };
    // It was not in its cgroup: somebody has moved it.
    await endInit(left, markOf({ scope: machine.scope, name: subhost ?? '' }));
    return { address };
  } catch (error) {
    return { address, error: toObError(error) };
  }
}
