import { maskOf } from './hidden.ts';
import { areLeftOver } from './hiding.ts';
import type { Subhost } from './hosts.ts';
import { layersOf, showIds } from './ids.ts';
import type { Live, Spec } from './kind.ts';
import { type MountEntry, optionValue } from './linux/mountinfo.ts';
import type { LiveInit, Machine } from './machine.ts';
import { isRootMark, parseMark, setupOfMark } from './marks.ts';
import { seeBelow } from './mount-below.ts';
import { ownerSeen } from './mount-owners.ts';

/** An index signature lets the planner read fields whose names it does not know. */
export type MountFields = {
  readonly [field: string]: string | number | boolean | null | readonly string[];
  readonly type: 'overlay' | 'bind';
  readonly live: string;
  /** Who owns the folder of the subhost, and what others may do there. */
  readonly base?: string;
  readonly access: 'rw' | 'ro';
  readonly whole: boolean;
  /** False: only PID 1 has it still. Of a root on which no command waits. */
  readonly attached?: boolean;
  /** The layer that hides a part of lower, or `none`. Of overlays. */
  readonly hide?: string;
  /** The ids of the machine's that its files belong to, or `none`: they are not its own. Of overlays. */
  readonly userns?: string;
  /** Whom the upper directory belongs to. Of those with ids of their own. */
  readonly upper_owner?: string;
  /** Paths that this layer does not hide although they are to be hidden. */
  readonly unhidden?: readonly string[];
  /** Is the tree below it what it was when it was mounted? Of an overlay of which that is known. */
  readonly lower_tree?: 'as mounted' | 'changed';
  /** How many mounts are on the root. */
  readonly covered_by: number;
  /** No other overlay is on its upper directory. */
  readonly alone?: boolean;
  /** Is what a program has set up still there? */
  readonly set_up?: boolean;
  /** Is its subhost there? Only of roots for which commands are run. */
  readonly in_use?: boolean;
};
/** OWN: what belongs to all subhosts of the file, see `ownPaths`. */
export type MountExtra = { readonly mark: string; readonly subhost: Subhost; readonly own: readonly string[] };
export type MountSpec = Spec<MountFields, MountExtra>;
/**
 * POINTS: all at which it shows, see `mergeCopies`; SETUP: the program that has set it up, and has to be run once more;
 * INIT: who has a root that shows nowhere.
 */
export type MountHandle = { readonly points: readonly string[]; readonly setup: string | null; readonly init?: LiveInit };
export type MountLive = Live<MountFields, MountHandle>;

/** All that is mounted at each point, the topmost last. */
export function byPoint(entries: readonly MountEntry[]): Map<string, MountEntry[]> {
  const stacks = new Map<string, MountEntry[]>();
  for (const entry of entries) stacks.set(entry.point, [...(stacks.get(entry.point) ?? []), entry]);
  return stacks;
}

/** The roots of subhosts that carry the scope's mark, each once. */
export function listRoots(
  machine: Machine,
  stacks: ReadonlyMap<string, readonly MountEntry[]>,
  desired: readonly MountSpec[],
): MountLive[] {
  const unhiddenOf = machine.look.unhidden(desired[0]?.extra.own ?? []);
  const wanted = new Map(desired.map((spec) => [spec.subhost, spec]));
  const attached = [...stacks.values()].flatMap((stack) => toLive(machine, stack, wanted));
  const there = new Set(attached.map(({ address }) => address));
  const kept = desired.flatMap((spec) => (there.has(spec.address) ? [] : keptByInit(machine, spec)));
  const roots = [...attached, ...kept].map((one) => withUnhidden(one, wanted, unhiddenOf));
  const merged = mergeCopies(roots, new Map(desired.map((spec) => [spec.address, spec.fields.live])));
  const isHiding = desired.some(({ extra }) => maskOf(extra.subhost));
  return !isHiding && areLeftOver(machine.look.mounts()) ? [...merged, LEFT_OVER] : merged;
}

/** Layers that hide something from nobody, as after a run that was killed. No subhost can have this name. */
const LEFT_OVER: MountLive = {
  address: 'mount/.hide',
  subhost: null,
  needs: [],
  holds: [],
  fields: {},
  handle: { points: [], setup: null },
};

/** By subhost: each has one root. */
type Wanted = ReadonlyMap<string | null, MountSpec>;

/** Where another layer is to be, the root is mounted anew anyway. */
function withUnhidden(one: MountLive, wanted: Wanted, unhiddenOf: (subhost: Subhost) => readonly string[]): MountLive {
  const spec = wanted.get(one.subhost);
  if (!spec?.fields.unhidden || spec.fields.hide !== one.fields.hide) return one;
  return { ...one, fields: { ...one.fields, unhidden: unhiddenOf(spec.extra.subhost) } };
}

/** STACK: all that is mounted at one point, the topmost last. */
function toLive(machine: Machine, stack: readonly MountEntry[], wanted: Wanted): MountLive[] {
  const marked = stack.filter((entry) => parseMark(entry.source)?.scope === machine.scope);
  const [entry] = marked;
  const owner = parseMark(entry?.source);
  if (!entry || !owner) return [];
  const setup = setupOfMark(entry.source);
  const hasCommands = wanted.get(owner.name)?.fields.in_use === true;
  const isBound = entry.type === 'tmpfs' && setup === null;
  const root = entry.type === 'tmpfs' ? stack[stack.indexOf(entry) + 1] : entry;
  const layers = isBound ? boundLayer(machine, entry.point, wanted.get(owner.name)) : overlayLayers(root);
  const below = seeBelow(machine, root);
  return [
    {
      address: `mount/${owner.name}`,
      subhost: owner.name,
      // Also of one that is no longer wanted: its layers may be on them.
      needs: [`disk/${owner.name}.lower`, `disk/${owner.name}.upper`],
      holds: [
        `dir:${entry.point}`,
        ...Object.entries(layers).flatMap(([name, path]) => (['lower', 'hide', 'userns'].includes(name) || !path ? [] : [`dir:${path}`])),
      ],
      fields: {
        type: isBound ? 'bind' : 'overlay',
        live: entry.point,
        ...layers,
        ...below.fields,
        setup,
        ...(setup === null || root === undefined ? {} : { set_up: isSetUp(machine, layers) }),
        ...(setup === null && !hasCommands ? {} : { in_use: machine.look.init(owner) !== undefined }),
        ...baseSeen(machine, wanted.get(owner.name)),
        ...ownerSeen(machine, layers['userns'], wanted.get(owner.name)),
        access: root?.options.includes('ro') ? 'ro' : 'rw',
        whole: root !== undefined,
        attached: true,
        covered_by: root === undefined ? 0 : stack.length - 1 - stack.indexOf(root),
      },
      handle: { points: [entry.point], setup },
      ...below.renews,
      ...(setup === null ? {} : { endsWithRun: true }),
    },
  ];
}

/** Of what is in the file no longer, its folder is not known. */
function baseSeen({ look }: Machine, spec: MountSpec | undefined): Pick<MountFields, 'base'> {
  const base = spec?.extra.subhost.base;
  const owner = base === undefined ? undefined : look.accessOf(base);
  return owner === undefined ? {} : { base: owner };
}

/** A root that was unmounted in the machine lives on in its subhost, with all that is wanted of it. */
function keptByInit(machine: Machine, spec: MountSpec): MountLive[] {
  const { address, subhost, fields, extra } = spec;
  if (fields.attached === undefined) return [];
  const init = machine.look.init({ scope: machine.scope, name: extra.subhost.name });
  const root = init?.mounts.find(({ point, type, source }) => point === '/' && type === 'overlay' && isRootMark(source, extra.mark));
  if (!init || !root) return [];
  const entry = { ...root, options: root.superOptions };
  const layers = overlayLayers(entry);
  const below = seeBelow(machine, entry);
  const holds = [`dir:${fields.live}`, `dir:${layers['upper']}`, `dir:${layers['work']}`];
  const folders = { ...baseSeen(machine, spec), ...ownerSeen(machine, layers['userns'], spec) };
  const seen = { type: 'overlay', ...layers, ...below.fields, ...folders, attached: false } as const;
  const keptBy = `process/${subhost}` as const;
  return [{ address, subhost, needs: [], holds, keptBy, fields: seen, handle: { points: [], setup: null, init }, ...below.renews }];
}

/**
 * A root may show at several points, as after `mount --rbind / /chroot`. The file says which of them is meant; without
 * it the first is, since copies come later. It is gone when all of them are: until then the overlay is in use.
 */
function mergeCopies(roots: readonly MountLive[], wanted: ReadonlyMap<string, string>): MountLive[] {
  const copies = new Map<string, MountLive[]>();
  for (const root of roots) copies.set(root.address, [...(copies.get(root.address) ?? []), root]);
  return [...copies].flatMap(([address, all]) => {
    const meant = all.find((root) => root.fields.live === wanted.get(address)) ?? all[0];
    const points = [meant, ...all.filter((root) => root !== meant)].flatMap((root) => root?.handle.points ?? []);
    return meant ? [{ ...meant, handle: { ...meant.handle, points } }] : [];
  });
}

/** Of a root that is not mounted, what it would stand on cannot be seen. */
function overlayLayers(entry: MountEntry | undefined): Record<string, string> {
  if (!entry) return {};
  const layer = (name: string): string => optionValue(entry.options, name) ?? '';
  const { mask, lower, first } = layersOf(layer('lowerdir'));
  return { lower, hide: mask ?? 'none', userns: showIds(first), upper: layer('upperdir'), work: layer('workdir') };
}

/**
 * An overlay keeps its directories also when their filesystem is unmounted, or they are removed, and says nothing of that. The
 * kernel has made a directory `work` in its work directory: a path that does not lead there leads somewhere else by now.
 */
function isSetUp({ look }: Machine, { upper, work }: Readonly<Record<string, string | null>>): boolean {
  return look.isPlainFolder(upper ?? '', '') && look.isPlainFolder(`${work ?? ''}/work`, '');
}

/** A bind mount does not say which directory it shows: but it is the very same one. */
function boundLayer(machine: Machine, live: string, spec: MountSpec | undefined): Record<string, string | null> {
  const upper = spec?.extra.subhost.upper;
  return { upper: upper && machine.look.isSameDirectory(upper, live) ? upper : null };
}
