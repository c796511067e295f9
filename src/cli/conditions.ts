import type { Change } from '../planner/diff.ts';
import { kindOf } from '../planner/live.ts';
import type { Blocker, Value } from '../resources/kind.ts';
import type { GateState } from './record/gate.ts';

// One condition says one thing about a subhost, for a person and for a program that watches: the words are Kubernetes'.

export type ConditionType = 'Ready' | 'Network' | 'Root' | 'Services' | 'InSync' | 'LowerChanged' | 'Held' | 'Stalled';

export interface Condition {
  readonly type: ConditionType;
  /** `Unknown`: nothing can be said of it now. */
  readonly status: 'True' | 'False' | 'Unknown';
  /** For programs: one word in CamelCase. */
  readonly reason: string;
  /** For people: no full stop. */
  readonly message: string;
  /** Since when it is so, in ISO 8601; left out where nobody can know. */
  readonly since?: string;
}

/** What is seen of a subhost, and what the file wants of it. */
export interface Sight {
  /** False: without a file there is nothing to compare with. */
  readonly isCompared: boolean;
  readonly isRunning: boolean;
  /** Anything of it exists. */
  readonly isThere: boolean;
  /** Its own, and those of what it shares with others and needs; only where something has to be done. */
  readonly pending: readonly Change[];
  readonly blockers: readonly Blocker[];
  readonly cables: readonly { readonly name: string; readonly state: 'up' | 'down' | 'missing' }[];
  readonly services: readonly { readonly name: string; readonly state: string }[];
  /** Its root is mounted where the machine sees it. */
  readonly isMounted: boolean;
  /** What is known of the tree below its root; undefined: there is none, or its root is not mounted. */
  readonly lower?: Lower | undefined;
  /** How PID 1 has ended by itself. */
  readonly ended?: { readonly message: string; readonly at: string | null } | null;
  /** What the records say. */
  readonly kept?: { readonly state: GateState; readonly message: string; readonly since: string | null } | undefined;
}

export interface Lower {
  readonly path: string;
  /** Since the root was mounted; ISO. Null: it has not. Undefined: nobody has kept what it was. */
  readonly changedAt: string | null | undefined;
  /** Its package manager is at work. */
  readonly isChanging: boolean;
  /** Packages that are newer than what runs, the newest first. */
  readonly packages: readonly string[];
}

/** Always all of them, in this order. Pure. */
export function conditionsOf(sight: Sight): Condition[] {
  const network = networkOf(sight);
  const root = rootOf(sight);
  const services = servicesOf(sight);
  return [
    readyOf(sight, [root, network, services]),
    network,
    root,
    services,
    inSyncOf(sight),
    lowerOf(sight),
    heldOf(sight),
    stalledOf(sight),
  ];
}

function condition(type: ConditionType, status: Condition['status'], reason: string, message: string, since?: string | null): Condition {
  return { type, status, reason, message, ...(since ? { since } : {}) };
}

function readyOf({ isRunning, isThere, ended, kept }: Sight, parts: readonly Condition[]): Condition {
  const no = (reason: string, message: string, since?: string | null): Condition => condition('Ready', 'False', reason, message, since);
  if (!isRunning) {
    if (kept?.state === 'stopped') return no('Stopped', kept.message, kept.since);
    if (ended) return no('Ended', ended.message, ended.at);
    return isThere ? no('NotRunning', 'it has no PID 1') : no('Absent', 'nothing of it is there');
  }
  const bad = parts.find(({ status }) => status === 'False') ?? parts.find(({ reason }) => reason === 'Starting');
  return bad ? no(bad.reason, bad.message) : condition('Ready', 'True', 'Running', 'it runs, and all that it needs is there');
}

const NETWORK: Readonly<Record<string, readonly [missing: string, differs: string]>> = {
  bridge: ['BridgeMissing', 'BridgeDiffers'],
  netns: ['NamespaceMissing', 'NamespaceDiffers'],
  veth: ['CableMissing', 'CableDiffers'],
  vlan: ['VlanMissing', 'VlanDiffers'],
};

/** What runs goes on as before. */
const HARMLESS: readonly string[] = ['mark', 'lower_tree'];

/** What is left over from an earlier file does not, nor does a mark that is missing, or a tree below that is newer. */
function disturbs({ action, fields }: Change): boolean {
  return action !== 'remove' && (fields.length === 0 || fields.some(({ field }) => !HARMLESS.includes(field)));
}

function networkOf({ isThere, pending, cables }: Sight): Condition {
  const no = (reason: string, message: string): Condition => condition('Network', 'False', reason, message);
  const wrong = Object.keys(NETWORK).flatMap((kind) => pending.filter((one) => kindOf(one.address) === kind && disturbs(one)));
  const [first] = wrong;
  const down = cables.filter(({ state }) => state === 'down').map(({ name }) => name);
  if (first) return no(networkReason(first), tellAll(wrong));
  if (down.length > 0) return no('CableDown', `${down.join(', ')} ${down.length === 1 ? 'is' : 'are'} down`);
  if (!isThere) return no('Absent', 'nothing of it is there');
  if (cables.length === 0) return condition('Network', 'True', 'NoCables', 'it has no cable');
  return condition('Network', 'True', 'CablesUp', cables.length === 1 ? '1 cable is up' : `${cables.length} cables are up`);
}

function networkReason({ address, action, fields }: Change): string {
  const [missing = '', differs = ''] = NETWORK[kindOf(address)] ?? [];
  if (action === 'create') return missing;
  return kindOf(address) === 'veth' && fields.some(({ field }) => field === 'up' || field === 'inside_up') ? 'CableDown' : differs;
}

const ROOT: Readonly<Record<string, string>> = {
  attached: 'NotMounted',
  covered_by: 'Covered',
  alone: 'UpperShared',
  set_up: 'SetupGone',
  access: 'ReadOnly',
  root: 'ReadOnlyInside',
  inside: 'MissingInside',
  missing_in_dev: 'MissingInside',
  exposed: 'Exposed',
};
/** Of these, what is seen from inside alone. */
const INSIDE: readonly string[] = ['root', 'inside', 'missing_in_dev', 'exposed'];

function rootOf({ isCompared, isThere, isRunning, pending, isMounted }: Sight): Condition {
  const no = (reason: string, message: string): Condition => condition('Root', 'False', reason, message);
  const own = pending.filter((one) => ['mount', 'disk'].includes(kindOf(one.address)) && disturbs(one));
  const inside = pending.filter(
    ({ address, fields }) => kindOf(address) === 'process' && fields.some(({ field }) => INSIDE.includes(field)),
  );
  const [first] = [...own, ...inside];
  if (first) {
    const reason = first.fields.flatMap(({ field }) => ROOT[field] ?? [])[0] ?? 'Differs';
    return no(first.action === 'create' ? 'NotMounted' : reason, `${first.address} ${detailOf(first)}`);
  }
  if (!isThere) return no('Absent', 'nothing of it is there');
  if (isMounted) return condition('Root', 'True', 'Mounted', 'its root is mounted');
  if (isRunning && isCompared) return condition('Root', 'True', 'OwnTree', 'its root is a tree of its own');
  return isCompared
    ? no('NotMounted', 'its root is not mounted')
    : condition('Root', 'Unknown', 'NotSeen', 'no root of it is mounted by ob');
}

function servicesOf({ isRunning, services }: Sight): Condition {
  const is = (status: Condition['status'], reason: string, message: string): Condition => condition('Services', status, reason, message);
  if (!isRunning) return is('Unknown', 'NotRunning', 'it does not run');
  const tell = (some: readonly { readonly name: string; readonly state: string }[]): string =>
    some.map(({ name, state }) => `${name} ${state}`).join(', ');
  const failed = services.filter(({ state }) => state.startsWith('failed'));
  if (failed.length > 0) return is('False', 'Failed', tell(failed));
  const starting = services.filter(({ state }) => state === 'starting' || state === 'waiting');
  if (starting.length > 0) return is('Unknown', 'Starting', tell(starting));
  const dead = services.filter(({ state }) => state === 'dead');
  if (dead.length > 0) return is('False', 'Dead', tell(dead));
  const started = services.filter(({ state }) => state === 'started');
  if (started.length === 0) return is('True', 'None', 'nothing of its start list runs on');
  return is('True', 'Started', tell(started));
}

function inSyncOf({ isCompared, pending, blockers }: Sight): Condition {
  const no = (reason: string, message: string): Condition => condition('InSync', 'False', reason, message);
  if (!isCompared) return condition('InSync', 'Unknown', 'NotCompared', 'no file was read to compare it with');
  if (blockers[0]) return no('Blocked', `in the way: ${blockers[0].what}`);
  if (pending.length === 0) return condition('InSync', 'True', 'AsWanted', 'it is as the file says');
  if (pending.every(({ action }) => action === 'remove')) return no('NotInFile', `not in the file any more: ${listAddresses(pending)}`);
  return no(whyOf(pending), tellAll(pending));
}

/** Has the world moved, or the file, or both; or is that not known? */
function whyOf(pending: readonly Change[]): string {
  const causes = new Set(
    pending.flatMap(({ cause, fields, because }) =>
      fields.length > 0 ? fields.map((one) => one.cause) : because.length > 0 ? [] : [cause],
    ),
  );
  const [only] = causes;
  return causes.size === 1 && only ? { drift: 'Drifted', change: 'FileChanged' }[only] : 'Differs';
}

const NAMED_PACKAGES = 3;

function lowerOf({ lower }: Sight): Condition {
  const is = (status: Condition['status'], reason: string, message: string, since?: string | null): Condition =>
    condition('LowerChanged', status, reason, message, since);
  if (!lower) return is('Unknown', 'NoLower', 'no root of it is mounted over another tree');
  const { path, changedAt, isChanging, packages } = lower;
  if (changedAt === undefined) return is('Unknown', 'NotKept', `nobody has kept what ${path} was when its root was mounted`);
  if (changedAt === null) return is('False', 'AsMounted', `${path} is as it was when its root was mounted`);
  const more = packages.length - NAMED_PACKAGES;
  const names = packages.length > 0 ? ` (${packages.slice(0, NAMED_PACKAGES).join(', ')}${more > 0 ? ` and ${more} more` : ''})` : '';
  const message = `${path} has changed since its root was mounted${names}: what runs may see some of it old and some new`;
  return is('True', isChanging ? 'StillChanging' : 'Changed', message, changedAt);
}

function heldOf({ kept }: Sight): Condition {
  if (kept?.state !== 'held') return condition('Held', 'False', 'NotHeld', 'ob looks after it');
  return condition('Held', 'True', 'HeldByPerson', kept.message, kept.since);
}

function stalledOf({ kept }: Sight): Condition {
  if (kept?.state === 'stalled') return condition('Stalled', 'True', 'RepairsFailed', kept.message, kept.since);
  if (kept?.state === 'backing-off') return condition('Stalled', 'False', 'BackingOff', kept.message, kept.since);
  return condition('Stalled', 'False', 'NoTrouble', 'no repair has failed');
}

function listAddresses(changes: readonly Change[]): string {
  return changes.map(({ address }) => address).join(', ');
}

function tellAll(changes: readonly Change[]): string {
  return changes.map((change) => `${change.address} ${detailOf(change)}`).join('; ');
}

/** What has to be done to one object, in a few words. */
function detailOf({ action, fields, because }: Change): string {
  if (action === 'create') return 'is missing';
  if (action === 'remove') return 'is not wanted any more';
  if (fields.length > 0) return fields.map((one) => `${one.field}: ${show(one.old)} -> ${show(one.new)}`).join(', ');
  return because.length > 0 ? `has to follow ${because.map((why) => why.split(':')[0]).join(', ')}` : `is to ${action}`;
}

function show(value: Value): string {
  if (value === null) return 'none';
  if (typeof value === 'object') return `[${value.join(', ')}]`;
  return value === '' ? '""' : String(value);
}
