import { lstatSync, mkdirSync, readFileSync, rmdirSync, statSync, writeFileSync } from 'node:fs';
import { hasCode, ObError } from './error.ts';
import { showIds } from './ids.ts';
import type { Kind, Result, Task } from './kind.ts';
import { toResults } from './link-rules.ts';
import { runIpBatch } from './linux/ip-batch.ts';
import { createLine } from './linux/line.ts';
import { countLayers } from './linux/mountinfo.ts';
import { createLook, type LiveInit, type Machine } from './machine.ts';
import { markOf } from './marks.ts';
import { homelessInit } from './netns-home.ts';
import {
  listNamespaces,
  lookAt,
  type NetnsExtra,
  type NetnsFields,
  type NetnsHandle,
  type NetnsLive,
  type NetnsSpec,
  nameOf,
  OWN,
  pathOf,
} from './netns-seen.ts';
import { needProgram } from './programs.ts';
import { failure } from './ran.ts';
import { runForEach } from './reaper.ts';
import { run } from './run.ts';
import { netnsOf } from './survey.ts';

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

  list: listNamespaces,

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
    const names = live.map((one) => one.handle.name);
    const others = await runForEach(machine.reaper, 'drop-netns', [machine.scope, ...names], names);
    const errors = others.size > 0 ? await removeOthers(machine, new Set(others.keys())) : new Map<string, ObError>();
    removeEmptyFolder('/run/netns');
    return toResults(
      live.map((one) => one.address),
      errors,
    );
  },

  sweep: () => removeEmptyFolder('/run/netns'),
};

/** What is no namespace of ours at the first sight, or is mounted there more than once, as it is now. */
async function removeOthers(machine: Machine, names: ReadonlySet<string>): Promise<Map<string, ObError>> {
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
  return errors;
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

/** So the cables of the first can be laid while the others are made. At the same time both would be late. */
const inLine = createLine();

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
  const errors = await inLine(() => runForEach(machine.reaper, 'netns', words, names));
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
