import { lstatSync, rmdirSync, unlinkSync } from 'node:fs';
import { hasCode, ObError } from './error.ts';
import type { Blocker, Kind, Live, Result, Spec, Task } from './kind.ts';
import { toResults } from './link-rules.ts';
import { runIpBatch } from './linux/ip-batch.ts';
import type { Machine } from './machine.ts';
import { markOf, parseMark } from './marks.ts';
import { parseReaperErrors } from './reaper.ts';
import { needProgram, run } from './run.ts';

type NetnsFields = { readonly lo: 'up' | 'down' };
type NetnsSpec = Spec<NetnsFields, { readonly mark: string }>;
type NetnsLive = Live<NetnsFields, { readonly name: string }>;

/** A network namespace with a name in /run/netns; its mark is the alias of its `lo`, set before it has the name. */
export const netns: Kind<NetnsFields, { mark: string }, { name: string }, NetnsSpec, NetnsLive> = {
  name: 'netns',
  rules: { lo: { class: 'live', why: 'the loopback link is set up' } },

  desired: (file) =>
    file.subhosts.map(({ name }) => ({
      address: `netns/${name}`,
      subhost: name,
      needs: [],
      holds: [],
      fields: { lo: 'up' },
      extra: { mark: markOf({ scope: file.scope, name }) },
      summary: '',
    })),

  preflight: () => void needProgram('ip'),

  async list(machine, desired) {
    const wanted = new Set(desired.map((spec) => nameOf(spec.address)));
    const names = machine.look.netnsNames().filter((one) => one.real);
    const seen = await Promise.all(names.map(({ name }) => lookAt(machine, name, wanted.has(name))));
    return { live: seen.flatMap((one) => one.live), blockers: seen.flatMap((one) => one.blockers) };
  },

  async converge(machine, tasks) {
    const fresh = tasks.filter((task) => !task.live);
    const errors = new Map([...(await make(machine, fresh))]);
    for (const task of tasks.filter((one) => one.live)) {
      const lines = [{ address: task.spec.address, words: ['link', 'set', 'lo', 'up'] }];
      for (const [address, error] of await runIpBatch(lines, nameOf(task.spec.address))) errors.set(address, error);
    }
    return toResults(
      tasks.map((task) => task.spec.address),
      errors,
    );
  },

  async remove(machine, live): Promise<Result[]> {
    const there = new Set(machine.look.netnsNames().map((one) => one.name));
    const lines = live
      .filter((one) => there.has(one.handle.name))
      .map((one) => ({ address: one.address, words: ['netns', 'delete', one.handle.name] }));
    const errors = await runIpBatch(lines);
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

async function lookAt(machine: Machine, name: string, isWanted: boolean): Promise<{ live: NetnsLive[]; blockers: Blocker[] }> {
  const lo = (await machine.look.inside(name))?.links.find((link) => link.name === 'lo');
  const owner = parseMark(lo?.alias);
  if (lo && owner && owner.scope === machine.scope && owner.name === name) return { live: [toLive(name, lo.up)], blockers: [] };
  if (!isWanted) return { live: [], blockers: [] };
  const whose = owner ? `belongs to ${markOf(owner)}` : 'carries no mark of ob';
  const hint = owner
    ? 'choose another name in one of the two files'
    : `choose another name, or remove it if nobody needs it: ip netns delete ${name}`;
  return { live: [], blockers: [{ address: `netns/${name}`, what: `network namespace ${name} exists and ${whose}`, hint }] };
}

function toLive(name: string, isUp: boolean): NetnsLive {
  return { address: `netns/${name}`, subhost: name, needs: [], holds: [], fields: { lo: isUp ? 'up' : 'down' }, handle: { name } };
}

async function make(machine: Machine, tasks: readonly Task<NetnsSpec, NetnsLive>[]): Promise<Map<string, ObError>> {
  if (tasks.length === 0) return new Map();
  const residue = new Set(
    machine.look
      .netnsNames()
      .filter((one) => !one.real)
      .map((one) => one.name),
  );
  const names = tasks.map((task) => nameOf(task.spec.address));
  for (const name of names) if (residue.has(name)) removeResidue(`/run/netns/${name}`);
  const ran = await run(machine.reaper, ['netns', ...tasks.flatMap((task) => [nameOf(task.spec.address), task.spec.extra.mark])]);
  const made = new Set(ran.output.split('\n').flatMap((line) => (line.endsWith(' ok') ? [line.slice(0, -3)] : [])));
  const errors = parseReaperErrors(ran.output);
  return new Map(
    names
      .filter((name) => !made.has(name))
      .map((name) => [`netns/${name}`, errors.get(name) ?? new ObError(`cannot make network namespace ${name}: ${ran.words}`)]),
  );
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
