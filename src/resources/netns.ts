import { lstatSync, readFileSync, rmdirSync, unlinkSync } from 'node:fs';
import { hasCode, type ObError } from './error.ts';
import type { Blocker, Kind, Live, Result, Spec, Task } from './kind.ts';
import { toResults } from './link-rules.ts';
import { runIpBatch } from './linux/ip-batch.ts';
import { countLayers } from './linux/mountinfo.ts';
import type { Machine, NetnsName } from './machine.ts';
import { markOf, parseMark } from './marks.ts';
import { runForEach } from './reaper.ts';
import { failure, needProgram, run } from './run.ts';

type NetnsFields = { readonly mark: string | null; readonly layers: number; readonly lo: 'up' | 'down' };
type NetnsSpec = Spec<NetnsFields, { readonly mark: string }>;
type NetnsLive = Live<NetnsFields, { readonly name: string }>;
type NetnsTask = Task<NetnsSpec, NetnsLive>;

/** A network namespace with a name in /run/netns; its mark is the alias of its `lo`, set before it has the name. */
export const netns: Kind<NetnsFields, { mark: string }, { name: string }, NetnsSpec, NetnsLive> = {
  name: 'netns',
  rules: {
    mark: { class: 'replace', why: 'the name is that of another namespace' },
    layers: { class: 'live', why: 'what is mounted over the namespace goes' },
    lo: { class: 'live', why: 'the loopback link is set up' },
  },

  desired: (file) =>
    file.subhosts.map(({ name }) => {
      const mark = markOf({ scope: file.scope, name });
      return {
        address: `netns/${name}`,
        subhost: name,
        needs: [],
        holds: [],
        fields: { mark, layers: 1, lo: 'up' },
        extra: { mark },
        summary: '',
      };
    }),

  preflight() {
    needProgram('ip');
    needProgram('umount');
  },

  async list(machine, desired) {
    const wanted = new Set(desired.map((spec) => nameOf(spec.address)));
    const seen = await Promise.all(machine.look.netnsNames().map((one) => lookAt(machine, one, wanted.has(one.name))));
    return { live: seen.flatMap((one) => one.live), blockers: seen.flatMap((one) => one.blockers) };
  },

  async converge(machine, tasks) {
    const errors = await make(
      machine,
      tasks.filter((task) => !task.live),
    );
    for (const task of tasks.filter((one) => one.live)) for (const [address, error] of await mend(task)) errors.set(address, error);
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
    for (const { name } of there.filter((one) => !one.real)) removeResidue(pathOf(name));
    const real = there.filter((one) => one.real).map((one) => one.name);
    await Promise.all(there.flatMap((one) => (one.real && one.layers > 1 ? uncover(one.name) : [])));
    const errors = await runIpBatch(real.map((name) => ({ address: `netns/${name}`, words: ['netns', 'delete', name] })));
    removeEmptyFolder('/run/netns');
    return toResults(
      live.map((one) => one.address),
      errors,
    );
  },
};

function nameOf(address: string): string {
  return address.slice('netns/'.length);
}

function pathOf(name: string): string {
  return `/run/netns/${name}`;
}

async function lookAt(machine: Machine, seen: NetnsName, isWanted: boolean): Promise<{ live: NetnsLive[]; blockers: Blocker[] }> {
  const { name, real } = seen;
  if (!real) return { live: isWanted || !hasCgroup(machine, name) ? [] : [toLive(seen, null, 'down')], blockers: [] };
  const lo = (await machine.look.inside(name))?.links.find((link) => link.name === 'lo');
  const owner = parseMark(lo?.alias);
  if (lo && owner?.scope === machine.scope) return { live: [toLive(seen, markOf(owner), lo.up ? 'up' : 'down')], blockers: [] };
  if (!isWanted) return { live: [], blockers: [] };
  const what = `network namespace ${name} exists and ${owner ? `belongs to ${markOf(owner)}` : 'carries no mark of ob'}`;
  return { live: [], blockers: [{ address: `netns/${name}`, what, hint: hintFor(seen, owner !== undefined) }] };
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

function toLive({ name, layers }: NetnsName, mark: string | null, lo: 'up' | 'down'): NetnsLive {
  // Of a namespace that is covered nothing else can be seen.
  const fields = layers > 1 ? { layers } : { mark, layers, lo };
  return { address: `netns/${name}`, subhost: name, needs: [], holds: [], fields, handle: { name } };
}

async function mend({ spec }: NetnsTask): Promise<Map<string, ObError>> {
  const name = nameOf(spec.address);
  const error = await uncover(name);
  if (error) return new Map([[spec.address, error]]);
  return runIpBatch([{ address: spec.address, words: ['link', 'set', 'dev', 'lo', 'up'] }], name);
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

async function make(machine: Machine, tasks: readonly NetnsTask[]): Promise<Map<string, ObError>> {
  if (tasks.length === 0) return new Map();
  const residue = new Set(
    machine.look
      .netnsNames()
      .filter((one) => !one.real)
      .map((one) => one.name),
  );
  const names = tasks.map((task) => nameOf(task.spec.address));
  for (const name of names) if (residue.has(name)) removeResidue(pathOf(name));
  const words = tasks.flatMap((task) => [nameOf(task.spec.address), task.spec.extra.mark]);
  const errors = await runForEach(machine.reaper, 'netns', words, names);
  return new Map([...errors].map(([name, error]) => [`netns/${name}`, error]));
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
function removeResidue(path: string): void {
  if (lstatSync(path).isFile()) unlinkSync(path);
}
