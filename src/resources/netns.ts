import { lstatSync, mkdirSync, readFileSync, rmdirSync, statSync, writeFileSync } from 'node:fs';
import { hasCode, ObError } from './error.ts';
import { showIds } from './ids.ts';
import type { Blocker, Kind, Live, Result, Spec, Task } from './kind.ts';
import { toResults } from './link-rules.ts';
import { runIpBatch } from './linux/ip-batch.ts';
import { countLayers } from './linux/mountinfo.ts';
import { createLook, type LiveInit, type Machine, type NetnsName } from './machine.ts';
import { markOf, type Owner, parseMark } from './marks.ts';
import { homelessInit } from './netns-home.ts';
import { needProgram } from './programs.ts';
import { failure } from './ran.ts';
import { runForEach } from './reaper.ts';
import { run } from './run.ts';
import { netnsOf } from './survey.ts';

/** NAME: what the name shows. */
type NetnsFields = {
  readonly mark: string | null;
  readonly layers: number;
  readonly lo: 'up' | 'down';
  readonly name: string;
  readonly userns?: string;
};
/** USERNS: first of the ids that are its own, or 0. */
type NetnsExtra = { readonly mark: string; readonly userns: number };
type NetnsSpec = Spec<NetnsFields, NetnsExtra>;
/** INIT: who keeps the namespace while the name shows none, or another. */
type NetnsHandle = { readonly name: string; readonly init?: LiveInit };
type NetnsLive = Live<NetnsFields, NetnsHandle>;
type NetnsTask = Task<NetnsSpec, NetnsLive>;

/** A network namespace with a name in /run/netns; its mark is the alias of its `lo`, set before it has the name. */
export const netns: Kind<NetnsFields, NetnsExtra, NetnsHandle, NetnsSpec, NetnsLive> = {
  name: 'netns',
  rules: {
    mark: { class: 'replace', why: 'the name is that of another namespace' },
    layers: { class: 'live', why: 'what is mounted over the namespace goes' },
    lo: { class: 'live', why: 'the loopback link is set up' },
    userns: { class: 'replace', why: 'it belongs to the user namespace that it was made in' },
    name: { class: 'live', why: 'PID 1 keeps the namespace: it gets its name back' },
  },

  desired: (file) =>
    file.subhosts.map(({ name, userns }) => {
      const mark = markOf({ scope: file.scope, name });
      return {
        address: `netns/${name}`,
        subhost: name,
        needs: [],
        holds: [],
        fields: { mark, layers: 1, lo: 'up', name: OWN, userns: showIds(userns) },
        extra: { mark, userns: userns ?? 0 },
        summary: '',
      };
    }),

  preflight() {
    needProgram('ip');
    needProgram('umount');
  },

  async list(machine, desired) {
    const wanted = new Set(desired.map((spec) => nameOf(spec.address)));
    const names = machine.look.netnsNames();
    const seen = await Promise.all(names.map((one) => lookAt(machine, one, wanted.has(one.name))));
    const there = new Set(names.map((one) => one.name));
    const lost = await Promise.all([...wanted].map((name) => (there.has(name) ? [] : homeless(machine, name, 'missing'))));
    return { live: [...seen.flatMap((one) => one.live), ...lost.flat()], blockers: seen.flatMap((one) => one.blockers) };
  },

  async converge(machine, tasks) {
    const errors = await make(
      machine,
      tasks.filter((task) => !task.live),
    );
    for (const task of tasks)
      if (task.live) for (const [address, error] of await mend(machine, task, task.live)) errors.set(address, error);
    return toResults(
      tasks.map((task) => task.spec.address),
      errors,
    );
  },

  async remove(machine, live): Promise<Result[]> {
    const names = new Set(live.map((one) => one.handle.name));
    // As it is now: somebody else's may have taken the place of ours.
    const now = await Promise.all(machine.look.netnsNames().map((one) => lookAt(machine, one, false)));
    const ours = new Set(now.flatMap((one) => one.live).map((one) => one.handle.name));
    const there = machine.look.netnsNames().filter((one) => names.has(one.name) && (!one.real || ours.has(one.name)));
    const residue = there.filter((one) => !one.real && isFile(one.name)).map((one) => one.name);
    const real = there.filter((one) => one.real).map((one) => one.name);
    await Promise.all(there.flatMap((one) => (one.real && one.layers > 1 ? uncover(one.name) : [])));
    const errors = await runIpBatch(real.map((name) => ({ address: `netns/${name}`, words: ['netns', 'delete', name] })));
    const busy = real.filter((name) => /busy/.test(errors.get(`netns/${name}`)?.message ?? ''));
    for (const name of busy) errors.delete(`netns/${name}`);
    for (const [address, error] of await takeNames(machine, [...residue, ...busy])) errors.set(address, error);
    removeEmptyFolder('/run/netns');
    return toResults(
      live.map((one) => one.address),
      errors,
    );
  },

  sweep: () => removeEmptyFolder('/run/netns'),
};

function nameOf(address: string): string {
  return address.slice('netns/'.length);
}

function pathOf(name: string): string {
  return `/run/netns/${name}`;
}

async function lookAt(machine: Machine, seen: NetnsName, isWanted: boolean): Promise<{ live: NetnsLive[]; blockers: Blocker[] }> {
  const { name, real } = seen;
  if (!real && isWanted) return { live: await homeless(machine, name, 'a plain file'), blockers: [] };
  if (!real) return { live: hasCgroup(machine, name) ? [toLive(machine, seen, null, 'down')] : [], blockers: [] };
  const inside = await machine.look.inside(name);
  const lo = inside?.links.find((link) => link.name === 'lo');
  const owner = parseMark(lo?.alias) ?? (lo ? findTenant(machine, seen) : undefined);
  const [moved] = isWanted && seen.layers === 1 ? await lookForHome(machine, seen, owner) : [];
  if (moved) return { live: [moved], blockers: [] };
  if (lo && owner?.scope === machine.scope)
    return { live: [toLive(machine, seen, markOf(owner), lo.up ? 'up' : 'down', inside?.firstId)], blockers: [] };
  if (!isWanted) return { live: [], blockers: [] };
  const what = `network namespace ${name} exists and ${owner ? `belongs to ${markOf(owner)}` : 'carries no mark of ob'}`;
  return { live: [], blockers: [{ address: `netns/${name}`, what, hint: hintFor(seen, owner !== undefined) }] };
}

/** Without a mark, under the name of another: whose PID 1 lives in it? */
function findTenant({ look, scope }: Machine, { name, inode }: NetnsName): Owner | undefined {
  return look.cgroups().find((owner) => owner.scope === scope && owner.name !== name && look.init(owner)?.netns === inode);
}

function hintFor({ name, layers }: NetnsName, isOurs: boolean): string {
  if (layers > 1) return `it is mounted over another one: umount ${pathOf(name)}`;
  if (isOurs) return 'choose another name in one of the two files';
  return `choose another name, or remove it if nobody needs it: ip netns delete ${name}`;
}

/** A file that a namespace was mounted on has no mark. It is ours if the subhost of that name has left more. */
function hasCgroup(machine: Machine, name: string): boolean {
  return machine.look.cgroups().some((owner) => owner.scope === machine.scope && owner.name === name);
}

function toLive(
  { look, scope }: Machine,
  { name, layers }: NetnsName,
  mark: string | null,
  lo: 'up' | 'down',
  firstId?: number,
): NetnsLive {
  // Of a namespace that is covered nothing else can be seen but whose PID 1 is; where nothing runs in it, it is not worth being kept.
  const covered = (init = look.init({ scope, name })): Partial<NetnsFields> =>
    init ? { layers, userns: showIds(init.firstId) } : { mark: null, layers };
  const fields = layers > 1 ? covered() : { mark, layers, lo, name: OWN, ...(firstId === undefined ? {} : { userns: showIds(firstId) }) };
  return { address: `netns/${name}`, subhost: name, needs: [], holds: [], fields, handle: { name } };
}

const OWN = 'its own';

/** The namespace of a subhost that runs, if the name has got lost: SHOWN is what it shows. */
async function homeless(machine: Machine, name: string, shown: string): Promise<NetnsLive[]> {
  const init = await homelessInit(machine, name);
  if (!init) return [];
  const live = { address: `netns/${name}`, subhost: name, needs: [], holds: [], keptBy: `process/${name}` } as const;
  return [{ ...live, fields: { name: shown, userns: showIds(init.firstId) }, handle: { name, init } }];
}

/** Where the name shows a namespace that is another's of this scope, or has lost its mark while a PID 1 of ours lives in it. */
async function lookForHome(machine: Machine, { name, inode }: NetnsName, owner: Owner | undefined): Promise<NetnsLive[]> {
  if (owner) return owner.scope === machine.scope && owner.name !== name ? homeless(machine, name, `that of ${owner.name}`) : [];
  const found = await homeless(machine, name, 'without a mark');
  return found.filter(({ handle }) => handle.init?.netns === inode);
}

async function mend(machine: Machine, task: NetnsTask, { handle: { init } }: NetnsLive): Promise<Map<string, ObError>> {
  const { spec } = task;
  const name = nameOf(spec.address);
  if (init && machine.look.init({ scope: machine.scope, name })?.ticks !== init.ticks) return make(machine, [task]);
  const error = init ? undefined : await uncover(name);
  if (error) return new Map([[spec.address, error]]);
  // What was covered was not seen, and need not be its own either.
  const home = init ?? (await homelessInit({ ...machine, look: createLook(machine.reaper) }, name));
  const lost = home ? await giveName(machine, name, home) : undefined;
  if (lost) return new Map([[spec.address, lost]]);
  const mark = home ? ['alias', spec.extra.mark] : [];
  return runIpBatch([{ address: spec.address, words: ['link', 'set', 'dev', 'lo', ...mark, 'up'] }], name);
}

/** Leaves the namespace that was mounted first, and so is the one that the name was made for. */
async function uncover(name: string): Promise<ObError | undefined> {
  const path = pathOf(name);
  while ((countLayers(readFileSync('/proc/self/mountinfo', 'utf8')).get(path) ?? 1) > 1) {
    const ran = await run('umount', ['-n', path]);
    if (!ran.ok) return failure(ran, `cannot uncover network namespace ${name}`);
  }
  return undefined;
}

/** What the name shows now keeps other names and its processes, or is nothing. */
async function giveName(machine: Machine, name: string, { pid, netns: inode }: LiveInit): Promise<ObError | undefined> {
  const path = pathOf(name);
  mkdirSync('/run/netns', { recursive: true });
  for (const { message } of (await takeNames(machine, [name])).values())
    return new ObError(`cannot take network namespace ${name} off its name: ${message}`);
  writeFileSync(path, '', { flag: 'a', mode: 0o444 });
  const ran = await run('mount', ['-n', '--bind', netnsOf(pid), path]);
  if (!ran.ok) return failure(ran, `cannot give network namespace ${name} its name`);
  if (statSync(path).ino === inode) return undefined;
  await run('umount', ['-n', path]);
  return new ObError(`process ${pid} has ended: there is no network namespace for the name ${name}`, { hint: 'run this again' });
}

async function make(machine: Machine, tasks: readonly NetnsTask[]): Promise<Map<string, ObError>> {
  if (tasks.length === 0) return new Map();
  const residue = new Set(
    machine.look
      .netnsNames()
      .filter((one) => !one.real)
      .map((one) => one.name),
  );
  const names = tasks.map((task) => nameOf(task.spec.address));
  const stuck = await takeNames(
    machine,
    names.filter((name) => residue.has(name) && isFile(name)),
  );
  const words = tasks.flatMap((task) => [nameOf(task.spec.address), task.spec.extra.mark, String(task.spec.extra.userns)]);
  const errors = await runForEach(machine.reaper, 'netns', words, names);
  return new Map([...[...errors].map(([name, error]) => [`netns/${name}`, error] as const), ...stuck]);
}

/** Where `ip netns add` made the folder it is a mount point, and stays. */
function removeEmptyFolder(path: string): void {
  try {
    rmdirSync(path);
  } catch (error) {
    if (!hasCode(error, 'EBUSY', 'ENOTEMPTY', 'ENOENT')) throw error;
  }
}

/** A file where a namespace was, or should have been: `ip netns add` killed half-way leaves one. */
function isFile(name: string): boolean {
  return lstatSync(pathOf(name)).isFile();
}

/** Removes names with all that is mounted on them, also where no path leads to it: see reaper/netns.c. No name is no error. */
async function takeNames({ reaper }: Machine, names: readonly string[]): Promise<Map<string, ObError>> {
  const errors = await runForEach(reaper, 'unname', names, names);
  return new Map([...errors].map(([name, error]) => [`netns/${name}`, error]));
}
