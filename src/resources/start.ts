import { existsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { type BootResult, bootSubhosts, START_LIMIT_MS, STOP_LIMIT_MS } from './boot.ts';
import { filterDevices } from './device-filter.ts';
import { makeEnd } from './end.ts';
import { interrupted, ObError, toObError } from './error.ts';
import { maskOf } from './hidden.ts';
import { environmentOf, runHook } from './hooks.ts';
import { makeHostKey } from './host-key.ts';
import type { Subhost } from './hosts.ts';
import { writeInitScript } from './init-script.ts';
import type { Fields, Result, Spec } from './kind.ts';
import { limitsOf, setLimits } from './limits.ts';
import { cgroupPath, makeCgroup, needCgroupRoot } from './linux/cgroup.ts';
import { cgroupWord } from './linux/groups.ts';
import { findInit, hasFailed, type Init, isPending, serviceOf } from './linux/init.ts';
import { type MountEntry, mountOver, optionValue } from './linux/mountinfo.ts';
import { defaultLog, keepLog, readBootLog } from './log.ts';
import type { Machine } from './machine.ts';
import { run } from './run.ts';
import { startService } from './services.ts';

/** What it takes to boot a subhost. */
export type Startable = { readonly mark: string; readonly subhost: Subhost };
type StartSpec = Spec<Fields, Startable>;

/** Boots subhosts; an error for each that did not boot, or of whose start list something failed. */
export async function bootAll(machine: Machine, specs: readonly StartSpec[]): Promise<Result[]> {
  if (specs.length === 0) return [];
  const mounts = machine.look.mounts();
  const root = needCgroupRoot(mounts);
  const prepared = await Promise.all(
    specs.map((spec) => machine.turn(() => prepare(machine, root, spec, upperOf(spec.extra.subhost, mounts)))),
  );
  const unready = prepared.filter((result) => result.error);
  const ready = specs.filter((_, index) => !prepared[index]?.error);
  return [...unready, ...(await bootReady(machine, root, ready, mounts))];
}

/** What the machine has to do for a subhost first. */
async function prepare(
  { scope, look, reaper }: Machine,
  root: string,
  { address, extra: { subhost } }: StartSpec,
  upper = subhost.upper,
): Promise<Result> {
  try {
    const owner = { scope, name: subhost.name };
    const cgroup = cgroupPath(root, owner);
    makeCgroup(cgroup);
    setLimits(look.places(), owner, limitsOf(subhost));
    const error = await filterDevices(reaper, cgroup, subhost);
    if (error) return { address, error };
    await runPostmount(scope, subhost);
    await writeInitScript(scope, { ...subhost, upper });
    return { address };
  } catch (error) {
    return { address, error: toObError(error) };
  }
}

/** A tree that is mounted already has no mount of ours behind which it could be run. */
async function runPostmount(scope: string, subhost: Subhost): Promise<void> {
  const { postmount } = subhost.hooks ?? {};
  if (postmount && subhost.lower === subhost.live) await runHook('postmount', postmount, subhost.base, environmentOf(scope, subhost));
}

async function bootReady(machine: Machine, root: string, specs: readonly StartSpec[], mounts: readonly MountEntry[]): Promise<Result[]> {
  if (specs.length === 0) return [];
  const requests = specs.map(({ extra: { mark, subhost } }) => {
    const owner = { scope: machine.scope, name: subhost.name };
    // What sshd would read of the machine's is hidden from it.
    const needsKey = maskOf(subhost) !== null && subhost.start.some(({ name }) => name === 'ssh');
    return {
      mark,
      cgroup: cgroupWord(root, machine.look.places(), owner),
      subhost,
      upper: upperOf(subhost, mounts),
      hostKey: needsKey ? makeHostKey(`root@${subhost.name}`) : undefined,
      end: makeEnd(owner),
    };
  });
  const byMark = new Map(specs.map((spec) => [spec.extra.mark, spec]));
  const say = (mark: string, text: string): void => machine.say(byMark.get(mark)?.address ?? mark, text);
  const results = new Map<StartSpec, Promise<Result>>();
  const resultOf = (spec: StartSpec, booted: BootResult | undefined): Promise<Result> => {
    const known = results.get(spec);
    if (known) return known;
    const result = machine.turn(() => toResult(machine, spec, booted));
    results.set(spec, result);
    return result;
  };
  const booted = await bootSubhosts(machine, requests, say, (mark, one) => {
    const spec = byMark.get(mark);
    if (spec) void resultOf(spec, one).then(machine.early, () => {});
  });
  return Promise.all(specs.map((spec) => resultOf(spec, booted.get(spec.extra.mark))));
}

/** Read from its mount, as a program may have made it. A tree that is mounted already is left as it is. */
function upperOf({ lower, live, upper }: Subhost, mounts: readonly MountEntry[]): string | undefined {
  if (lower === live) return undefined;
  const root = mounts.findLast((mount) => mount.point === live && mount.type === 'overlay');
  return optionValue(root?.options ?? [], 'upperdir') ?? upper;
}

async function toResult(machine: Machine, spec: StartSpec, booted: BootResult | undefined): Promise<Result> {
  const address = spec.address;
  const skipped = (booted?.skipped ?? []).map((name) => `${spec.subhost} has no service ${name}: skipped`);
  const notes = [...skipped, ...(await keep(machine, spec))];
  if (!booted || booted.error) return { address, notes, error: booted?.error ?? new ObError('the subhost did not start') };
  if (booted.failed.length === 0) return { address, notes };
  const init = findOwn(machine, spec);
  const log = init ? await readLog(machine, init) : '';
  return { address, notes, error: startError(machine, spec, booted.failed, log) };
}

function findOwn({ look, scope }: Machine, { extra }: StartSpec): Init | undefined {
  return look.init({ scope, name: extra.subhost.name });
}

/** Nothing is said by what starts nothing. */
async function keep(machine: Machine, spec: StartSpec): Promise<string[]> {
  const { name, start, log } = spec.extra.subhost;
  const init = start.length > 0 ? findOwn(machine, spec) : undefined;
  return init ? keepLog(machine.reaper, init, name, log ?? defaultLog({ scope: machine.scope, name })) : [];
}

function startError(machine: Machine, spec: StartSpec, failed: readonly { name: string; status: string }[], log: string): ObError {
  const words = failed.map(({ name, status }) => {
    const last = lastWords(log, name);
    return `${toCommand(name)}: ${toOutcome(status)}${meaning(status)}${status === '127' ? whyUnseen(machine, spec, name) : ''}${last ? `: ${last}` : ''}`;
  });
  return new ObError(words.join('; '), { hint: `${spec.subhost} is up without it; the next apply tries again` });
}

/** An exit status, or what kept it from being known. */
function toOutcome(status: string): string {
  return /^\d+$/.test(status) ? `exit ${Number(status)}` : status;
}

function toCommand(name: string): string {
  return name.startsWith('/') ? `${name} start` : `service ${name} start`;
}

/** bash(1), "EXIT STATUS"; 124 and 125 as timeout(1) has them. */
function meaning(status: string): string {
  const words: Readonly<Record<string, string>> = {
    '124': ' (took too long)',
    '125': ' (cannot fork: there are too many processes, or too little memory)',
    '126': ' (cannot be executed)',
    '127': ' (not found)',
  };
  return words[status] ?? '';
}

/** An overlay shows one filesystem of the machine: what else is mounted there is not in it. */
function whyUnseen({ look }: Machine, { extra }: StartSpec, path: string): string {
  const point = extra.subhost.lower === '/' && existsSync(path) ? mountOver(path, look.mounts()) : undefined;
  return point === undefined ? '' : `: what is mounted at ${point} is not seen through an overlay over /`;
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
  return readBootLog(machine.reaper, init, LOG_TAIL_BYTES).catch(() => '');
}

/**
 * Brings a start list to its end: waits for what a run that was cut off has left under way, then runs the start commands
 * again that had failed before.
 */
export async function retry(machine: Machine, spec: StartSpec, before: Init): Promise<Result> {
  const { address } = spec;
  const init = await waitForEntries(machine, spec, before);
  if (!init) return { address, error: new ObError('the subhost ended while it was starting') };
  if (machine.signal?.aborted) return { address, error: interrupted() };
  const failed: { name: string; status: string }[] = [];
  for (const [index, entry] of init.entries.entries()) {
    if (isPending(entry)) failed.push({ name: serviceOf(entry), status: 'does not come to its end' });
    if (!hasFailed(entry)) continue;
    if (machine.signal?.aborted) return { address, error: interrupted() };
    const name = serviceOf(entry);
    const seen = before.entries[index];
    const status = seen && hasFailed(seen) ? await retryOne(machine, spec, init, index) : entry.state;
    if (status !== '000') failed.push({ name, status });
  }
  if (failed.length === 0) return { address };
  return { address, error: startError(machine, spec, failed, await readLog(machine, init)) };
}

/** Runs the start commands of services again that have ended. */
export async function startAgain(machine: Machine, spec: StartSpec, init: Init, names: readonly string[]): Promise<Result> {
  const failed: { name: string; status: string }[] = [];
  const cgroup = cgroupWord(needCgroupRoot(), machine.look.places(), { scope: machine.scope, name: spec.extra.subhost.name });
  for (const name of init.entries.map(serviceOf).filter((one) => names.includes(one))) {
    if (machine.signal?.aborted) return { address: spec.address, error: interrupted() };
    machine.say(spec.address, `starting ${name}`);
    const status = await startService(machine.reaper, cgroup, init, name);
    if (status !== '0') failed.push({ name, status });
  }
  if (failed.length === 0) return { address: spec.address };
  return { address: spec.address, error: startError(machine, spec, failed, await readLog(machine, init)) };
}

async function retryOne(machine: Machine, { address }: StartSpec, init: Init, index: number): Promise<string> {
  const entry = init.entries[index];
  if (entry) machine.say(address, `starting ${serviceOf(entry)}`);
  const words = ['retry', String(init.pid), String(init.ticks), String(index), String(START_LIMIT_MS + STOP_LIMIT_MS)];
  const ran = await run(machine.reaper, words, { timeLimitMs: START_LIMIT_MS + 2 * STOP_LIMIT_MS });
  return ran.output.split(' ')[1] ?? ran.words;
}

const LOOK_EVERY_MS = 20;

/**
 * PID 1 once it has gone through its list; it gives every entry its time, and after that nobody waits: it may be frozen, or say what
 * root inside has written into its arguments. Undefined: it has ended.
 */
async function waitForEntries(machine: Machine, spec: StartSpec, before: Init): Promise<Init | undefined> {
  const ours = (init: Init | undefined): Init | undefined => (init?.ticks === before.ticks ? init : undefined);
  const deadline = performance.now() + (before.entries.length + 1) * START_LIMIT_MS;
  let init = ours(findInit([before.pid], spec.extra.mark));
  for (let said = ''; init?.entries.some(isPending); init = ours(findInit([before.pid], spec.extra.mark))) {
    const now = init.entries.find(isPending);
    const text = now ? `waiting for ${serviceOf(now)}` : '';
    if (text !== said) machine.say(spec.address, text);
    said = text;
    if (machine.signal?.aborted || performance.now() > deadline) return init;
    await sleep(LOOK_EVERY_MS);
  }
  return init;
}
