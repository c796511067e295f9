import { existsSync } from 'node:fs';
import { type BootResult, bootDigest, bootSubhosts, START_LIMIT_MS, STOP_LIMIT_MS, toEntry } from './boot.ts';
import { ObError, toObError } from './error.ts';
import type { HostsFile, Subhost } from './hosts.ts';
import type { Blocker, Kind, Live, Need, Result, Spec, Task } from './kind.ts';
import { cgroupPath, endCgroup, makeCgroup, needCgroupRoot, removeEmptyParents } from './linux/cgroup.ts';
import type { Init } from './linux/init.ts';
import { formatSize, optionValue, parseSize } from './linux/mountinfo.ts';
import type { LiveInit, Machine } from './machine.ts';
import { markOf } from './marks.ts';
import { run } from './run.ts';

type ProcessFields = {
  readonly [field: string]: string | number | null | readonly string[];
  readonly running: string;
  readonly netns: string | null;
  readonly boot: string;
  readonly start: string;
  /** Size of /run, e.g. `50M`; `none`: not mounted. */
  readonly ram_size: string;
  readonly inside: readonly string[];
  readonly not_started: readonly string[];
};
type ProcessExtra = { readonly mark: string; readonly subhost: Subhost };
/** INIT is undefined where only a cgroup is left. */
type ProcessHandle = { readonly cgroup: string; readonly init: Init | undefined };
type ProcessSpec = Spec<ProcessFields, ProcessExtra>;
type ProcessLive = Live<ProcessFields, ProcessHandle>;
type ProcessTask = Task<ProcessSpec, ProcessLive>;

/** What the reaper mounts inside, beside /run; sorted. */
const INNER_MOUNTS = ['/dev', '/dev/pts', '/dev/shm', '/proc', '/sys'];

/** A subhost's PID 1 and all that runs under it: the members of its cgroup. */
export const process: Kind<ProcessFields, ProcessExtra, ProcessHandle, ProcessSpec, ProcessLive> = {
  name: 'process',
  rules: {
    running: { class: 'restart', why: 'PID 1 has ended' },
    netns: { class: 'restart', why: 'it lives in another network namespace' },
    boot: { class: 'restart', why: 'it was booted with other parameters' },
    start: { class: 'restart', why: 'the start list is run when a subhost boots' },
    ram_size: { class: 'restart', why: '/run is mounted when a subhost boots' },
    inside: { class: 'restart', why: 'its own mounts are made when a subhost boots' },
    not_started: { class: 'live', why: 'the start command is run again' },
  },

  desired: (file) => file.subhosts.map((subhost) => toSpec(file, subhost)),

  preflight: () => void needCgroupRoot(),

  async list(machine, desired) {
    const root = machine.look.cgroupRoot();
    const ours = machine.look.cgroups().filter((owner) => owner.scope === machine.scope);
    const live = root ? ours.flatMap((owner) => toLive(machine, cgroupPath(root, owner), owner.name)) : [];
    return { live, blockers: desired.flatMap((spec) => blockerOf(machine, spec)) };
  },

  async converge(machine, tasks) {
    const retries = tasks.filter((task) => task.live?.handle.init);
    const boots = tasks.filter((task) => !task.live?.handle.init);
    const [booted, retried] = await Promise.all([boot(machine, boots), Promise.all(retries.map((task) => retry(machine, task)))]);
    return [...booted, ...retried];
  },

  async remove(machine, live) {
    await stopInOrder(
      machine,
      live.flatMap((one) => one.handle.init ?? []),
    );
    const results = await Promise.all(live.map(removeOne));
    const root = machine.look.cgroupRoot();
    if (root) removeEmptyParents(root, machine.scope);
    return results;
  },
};

function toSpec(file: HostsFile, subhost: Subhost): ProcessSpec {
  const { name } = subhost;
  const needs: Need[] = [{ address: `netns/${name}`, class: 'restart', why: 'its network namespace is made anew' }];
  if (subhost.lower !== subhost.live) needs.push({ address: `mount/${name}`, class: 'restart', why: 'its root is mounted anew' });
  for (const cable of subhost.cables) needs.push({ address: `veth/${cable.hostEnd}`, class: 'none', why: 'its cables come first' });
  return {
    address: `process/${name}`,
    subhost: name,
    needs,
    // Where the tree is its own, an overlay that was mounted over it goes first.
    holds: subhost.lower === subhost.live ? [`dir:${subhost.live}`] : [],
    fields: {
      running: 'yes',
      netns: name,
      boot: bootDigest(subhost),
      start: subhost.start.map(toEntry).join(' '),
      ram_size: formatSizeOrNone(subhost.ramSize),
      inside: INNER_MOUNTS,
      not_started: [],
    },
    extra: { mark: markOf({ scope: file.scope, name }), subhost },
    summary: `starts ${subhost.start.map((entry) => entry.name).join(', ') || 'nothing'}; /run ${formatSizeOrNone(subhost.ramSize)}`,
  };
}

function formatSizeOrNone(bytes: number | null): string {
  return bytes === null ? 'none' : formatSize(bytes);
}

function toLive(machine: Machine, cgroup: string, name: string): ProcessLive[] {
  const init = machine.look.init({ scope: machine.scope, name });
  const address = `process/${name}` as const;
  const needs = [`netns/${name}`, `mount/${name}`] as const;
  if (!init) return [{ address, subhost: name, needs, holds: [], fields: { running: 'no' }, handle: { cgroup, init } }];
  return [{ address, subhost: name, needs, holds: [], fields: seenFields(machine, init, name), handle: { cgroup, init } }];
}

function seenFields(machine: Machine, init: LiveInit, name: string): ProcessFields {
  const mark = markOf({ scope: machine.scope, name });
  const mounts = init.mounts.filter((mount) => mount.source === mark);
  const memory = mounts.find((mount) => mount.point === '/run');
  const failed = init.entries.filter((entry) => /^\d+$/.test(entry.state) && entry.state !== '000');
  return {
    running: 'yes',
    netns: lives(machine, init, name) ? name : null,
    boot: init.digest,
    start: init.entries.map((entry) => entry.name).join(' '),
    ram_size: formatSizeOrNone(parseSize(optionValue(memory?.superOptions ?? [], 'size')) ?? null),
    inside: INNER_MOUNTS.filter((point) => mounts.some((mount) => mount.point === point)),
    not_started: failed.map((entry) => `${entry.name} (exit ${Number(entry.state)})`),
    pid: init.pid,
    uptime_s: init.uptimeSeconds,
    services: init.entries.map((entry) => `${entry.name.replace(/\?$/, '')}: ${stateWord(entry.state)}`),
  };
}

const STATE_WORDS: Readonly<Record<string, string>> = { '...': 'waiting', '>>>': 'starting', '000': 'started', skp: 'skipped' };

function stateWord(state: string): string {
  return STATE_WORDS[state] ?? `failed (exit ${Number(state)})`;
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

async function boot(machine: Machine, tasks: readonly ProcessTask[]): Promise<Result[]> {
  if (tasks.length === 0) return [];
  const root = needCgroupRoot();
  const requests = tasks.map(({ spec }) => {
    const { mark, subhost } = spec.extra;
    const cgroup = cgroupPath(root, { scope: machine.scope, name: subhost.name });
    makeCgroup(cgroup);
    return { mark, cgroup, subhost };
  });
  const addresses = new Map(tasks.map(({ spec }) => [spec.extra.mark, spec.address]));
  const say = (mark: string, text: string): void => machine.say(addresses.get(mark) ?? mark, text);
  const booted = await bootSubhosts(machine.reaper, requests, machine.width, say);
  return Promise.all(tasks.map((task) => toResult(machine, task, booted.get(task.spec.extra.mark))));
}

async function toResult(machine: Machine, { spec }: ProcessTask, booted: BootResult | undefined): Promise<Result> {
  const address = spec.address;
  const notes = (booted?.skipped ?? []).map((name) => `${spec.subhost} has no service ${name}: skipped`);
  if (!booted || booted.error) return { address, notes, error: booted?.error ?? new ObError('the subhost did not start') };
  if (booted.failed.length === 0) return { address, notes };
  const init = machine.look.init({ scope: machine.scope, name: spec.extra.subhost.name });
  const log = init ? await readLog(machine, init) : '';
  return { address, notes, error: startError(spec, booted.failed, log) };
}

function startError(spec: ProcessSpec, failed: readonly { name: string; status: string }[], log: string): ObError {
  const words = failed.map(({ name, status }) => {
    const last = lastWords(log, name);
    return `${toCommand(name)}: exit ${Number(status)}${meaning(status)}${last ? `: ${last}` : ''}`;
  });
  return new ObError(words.join('; '), { hint: `${spec.subhost} is up without it; the next apply tries again` });
}

function toCommand(name: string): string {
  return name.startsWith('/') ? `${name} start` : `service ${name} start`;
}

/** bash(1), "EXIT STATUS"; 124 as timeout(1) has it. */
function meaning(status: string): string {
  const words: Readonly<Record<string, string>> = { '124': ' (took too long)', '126': ' (cannot be executed)', '127': ' (not found)' };
  return words[status] ?? '';
}

/** What an entry said last, out of the boot log, where the reaper marks each begin and end. */
export function lastWords(log: string, name: string): string {
  const lines = log.split('\n');
  const begin = lines.lastIndexOf(`[ob] start ${name}`);
  if (begin < 0) return '';
  const end = lines.findIndex((line, index) => index > begin && line.startsWith(`[ob] ${name} exit `));
  return lines
    .slice(begin + 1, end < 0 ? undefined : end)
    .map((line) => line.trim())
    .filter(Boolean)
    .slice(-3)
    .join(' | ');
}

const LOG_TAIL_BYTES = 16_384;

async function readLog(machine: Machine, init: Init): Promise<string> {
  const ran = await run(machine.reaper, ['log', String(init.pid), String(init.ticks), String(LOG_TAIL_BYTES)]);
  return ran.ok ? ran.output : '';
}

async function retry(machine: Machine, { spec, live }: ProcessTask): Promise<Result> {
  const init = live?.handle.init;
  const failed: { name: string; status: string }[] = [];
  for (const [index, entry] of init?.entries.entries() ?? []) {
    if (!init || entry.state === '000' || entry.state === 'skp') continue;
    machine.say(spec.address, `starting ${entry.name}`);
    const words = ['retry', String(init.pid), String(init.ticks), String(index), String(START_LIMIT_MS + STOP_LIMIT_MS)];
    const ran = await run(machine.reaper, words, { timeLimitMs: START_LIMIT_MS + 2 * STOP_LIMIT_MS });
    const status = ran.output.split(' ')[1] ?? ran.words;
    if (status !== '000') failed.push({ name: entry.name, status });
  }
  if (!init || failed.length === 0) return { address: spec.address };
  return { address: spec.address, error: startError(spec, failed, await readLog(machine, init)) };
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

async function removeOne(live: ProcessLive): Promise<Result> {
  try {
    await endCgroup(live.handle.cgroup);
    return { address: live.address };
  } catch (error) {
    return { address: live.address, error: toObError(error) };
  }
}
