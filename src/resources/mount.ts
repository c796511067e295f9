import { ObError, toObError } from './error.ts';
import { maskOf } from './hidden.ts';
import { dropMasks, ownPaths, removeMaskFolders, withMasks } from './hiding.ts';
import type { Address, Kind, Result, Task } from './kind.ts';
import { takeForRoot } from './linux/access.ts';
import { explainBusy } from './linux/holders.ts';
import { hasFilesystem } from './linux/modules.ts';
import { mountRoots, type RootToMount, unmountRoots } from './linux/roots.ts';
import type { Machine } from './machine.ts';
import { mendRoot } from './mender.ts';
import { explainMount, ownersInTheWay, takeUpper } from './mount-owners.ts';
import { blockerOf, makeFolder, makeParents, prepare, runPostmount } from './mount-prepare.ts';
import { byPoint, listRoots, type MountExtra, type MountFields, type MountHandle, type MountLive, type MountSpec } from './mount-seen.ts';
import { depthOf, type SetUpRoot, tearDown } from './mount-setup.ts';
import { toSpec } from './mount-spec.ts';
import { hasOwnUpper, seeUppers, waitForUppers } from './mount-uppers.ts';
import { needProgram } from './programs.ts';
import { failure } from './ran.ts';
import { run } from './run.ts';

/**
 * The root of a subhost in the machine's own mount namespace: an overlay, or a bind mount where upper is lower.
 * The mark is the mount's source. A bind mount shows the source of its filesystem and can have no other,
 * so an empty tmpfs beneath it carries the mark.
 */
export const mount: Kind<MountFields, MountExtra, MountHandle, MountSpec, MountLive> = {
  name: 'mount',
  rules: {
    type: { class: 'replace', why: 'a mount cannot change its type' },
    live: { class: 'replace', why: 'the root is mounted elsewhere' },
    lower: { class: 'replace', why: 'the layers of an overlay are fixed when it is mounted' },
    upper: { class: 'replace', why: 'the layers of an overlay are fixed when it is mounted' },
    work: { class: 'replace', why: 'the layers of an overlay are fixed when it is mounted' },
    userns: { class: 'replace', why: 'whom the files of a layer belong to is fixed when it is mounted' },
    hide: { class: 'replace', why: 'what hides a part of lower is a layer, and these are fixed when it is mounted' },
    unhidden: { class: 'live', why: 'they are hidden from now on' },
    lower_tree: { class: 'replace', why: 'what changes below a mounted overlay is seen in part' },
    base: { class: 'live', why: 'what is set-user-ID inside must not be run by users of the machine' },
    upper_owner: { class: 'live', why: 'root inside owns its root' },
    access: { class: 'live', why: 'the root is remounted' },
    attached: { class: 'live', why: 'PID 1 keeps the root: it is mounted again from there' },
    whole: { class: 'replace', why: 'the root is only half mounted' },
    covered_by: { class: 'live', why: 'what is mounted over the root is unmounted' },
    alone: { class: 'live', why: 'two overlays on one upper directory corrupt it' },
    setup: { class: 'replace', why: 'another program sets up the upper directory' },
    set_up: { class: 'replace', why: 'what the program has set up is no longer there' },
    in_use: { class: 'replace', why: 'its commands are run each time the subhost starts' },
  },

  desired(file) {
    const own = ownPaths(file);
    return file.subhosts.filter((subhost) => subhost.lower !== subhost.live).map((subhost) => toSpec(file, subhost, own));
  },

  preflight(desired) {
    needProgram('mount');
    if (desired.some((spec) => spec.fields.type === 'overlay')) needOverlay();
  },

  takesLong: (object) => ('extra' in object ? object.extra.subhost.hooks !== undefined : object.handle.setup !== null),

  async list(machine, desired) {
    const stacks = byPoint(machine.look.mounts());
    const { live, blockers } = await seeUppers(machine, listRoots(machine, stacks, desired), desired);
    const seen = new Map(live.map((one) => [one.address, one]));
    const own = desired.flatMap((spec) => [
      ...blockerOf(machine, spec, stacks.get(spec.fields.live) ?? []),
      ...ownersInTheWay(machine, spec, seen.get(spec.address)),
    ]);
    return { live, blockers: [...own, ...blockers] };
  },

  converge(machine, tasks) {
    const subhosts = tasks.map(({ spec }) => spec.extra.subhost);
    for (const { live, spec } of tasks) if (!live) makeParents(spec.extra.subhost);
    const act = (): Promise<Result[]> => mountAndMend(machine, tasks);
    const hiding = subhosts.filter((subhost) => maskOf(subhost) !== null);
    return hiding.length > 0 ? withMasks(machine, hiding, tasks[0]?.spec.extra.own ?? [], act) : act();
  },

  async remove(machine, live) {
    const owing = live.flatMap((one) => toSetUpRoot(one) ?? []);
    const plain = live.filter(({ handle }) => handle.setup === null);
    const results = [
      ...(await removePlain(machine, plain)),
      ...(await Promise.all(owing.map((root) => attempt(root.address, () => machine.turn(() => tearDown(machine, root, explainBusy)))))),
    ];
    await dropMasks(machine);
    return results;
  },

  sweep: removeMaskFolders,
};

type MountTask = Task<MountSpec, MountLive>;

async function mountAndMend(machine: Machine, tasks: readonly MountTask[]): Promise<Result[]> {
  const fresh = tasks.flatMap((task) => (task.live ? [] : [task.spec]));
  const old = tasks.flatMap(({ spec, live }) => (live ? [{ spec, live }] : []));
  const inUse = await waitForUppers(
    machine,
    fresh.filter(hasOwnUpper).map((spec) => spec.extra.subhost.upper),
  );
  // As they are now: something may have come between the plan and this.
  const stacks = byPoint(machine.look.mounts());
  const ready = new Map<Address, RootToMount>();
  const prepared = await Promise.all(
    fresh.map((spec) =>
      attempt(spec.address, async () => void ready.set(spec.address, await machine.turn(() => prepare(machine, spec, stacks, inUse)))),
    ),
  );
  const errors = await mountRoots(machine.reaper, [...ready.values()]);
  const mounted = [...ready.values()].filter(({ key }) => !errors.has(key));
  return [
    ...prepared.filter((result) => result.error),
    ...[...errors].map(([key, error]) => ({ address: key as Address, error: explainMount(error) })),
    ...(await Promise.all(
      mounted.map(({ key, subhost }) => attempt(key as Address, () => machine.turn(() => runPostmount(machine, subhost)))),
    )),
    ...(await Promise.all(old.map(({ spec, live }) => attempt(spec.address, () => mend(machine, spec, live))))),
  ];
}

async function removePlain(machine: Machine, live: readonly MountLive[]): Promise<Result[]> {
  const { look, scope, reaper } = machine;
  const stacks = byPoint(look.mounts());
  const roots = live.flatMap(({ address, handle }) =>
    handle.points.map((point, index) => ({ address, key: `${address}#${index}`, point, depth: depthOf(stacks.get(point) ?? [], scope) })),
  );
  const errors = await unmountRoots(
    reaper,
    roots.filter(({ depth }) => depth > 0),
  );
  // Where mounts propagate, one that goes takes its copies with it: they are no mount points any more.
  const failed = roots.filter(({ key }) => errors.has(key) && !/Invalid argument$/.test(errors.get(key)?.message ?? ''));
  return live.map(({ address }) => {
    const first = failed.find((root) => root.address === address);
    return toResult(address, errors.get(first?.key ?? ''), (error) => explainBusy(error, first?.point ?? ''));
  });
}

function toSetUpRoot({ address, subhost, fields, handle: { points, setup } }: MountLive): SetUpRoot | undefined {
  if (setup === null) return undefined;
  const upper = typeof fields['upper'] === 'string' ? fields['upper'] : null;
  return { address, name: subhost ?? '', points, program: setup, upper };
}

function toResult(address: Result['address'], error: ObError | undefined, explain: (error: ObError) => ObError): Result {
  return error ? { address, error: explain(error) } : { address };
}

async function attempt(address: Result['address'], act: () => Promise<void>): Promise<Result> {
  try {
    await act();
    return { address };
  } catch (error) {
    return { address, error: toObError(error) };
  }
}

async function mend(machine: Machine, spec: MountSpec, { fields, handle }: MountLive): Promise<void> {
  const { live } = spec.fields;
  if (handle.init) {
    makeFolder(live);
    const error = await mendRoot(machine.reaper, handle.init, spec.extra.mark, live);
    if (error) throw new ObError(`cannot mount the root of PID 1 again: ${error.message}`);
  }
  if (fields.covered_by) {
    const errors = await unmountRoots(machine.reaper, [{ key: spec.address, point: live, depth: fields.covered_by }]);
    for (const error of errors.values()) throw explainBusy(error, live);
  }
  if (fields.base !== undefined && fields.base !== spec.fields.base) takeForRoot(spec.extra.subhost.base);
  if (fields.upper_owner !== spec.fields.upper_owner && fields.upper_owner) takeUpper(machine, spec, true);
  if (fields.access === spec.fields.access) return;
  const ran = await run('mount', ['-n', '-o', 'remount,rw', spec.fields.live]);
  if (!ran.ok) throw failure(ran, 'cannot remount the root');
}

function needOverlay(): void {
  if (hasFilesystem('overlay')) return;
  throw new ObError('this kernel has no overlay filesystem', { hint: "a kernel with CONFIG_OVERLAY_FS is needed: Debian's own have it" });
}
