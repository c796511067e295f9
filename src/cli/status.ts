import type { Change } from '../planner/diff.ts';
import type { World } from '../planner/live.ts';
import { kindOf } from '../planner/live.ts';
import type { Plan } from '../planner/plan.ts';
import { TRUSTED_WORDS } from '../resources/confinement.ts';
import type { Fields, Live } from '../resources/kind.ts';
import { formatSize } from '../resources/linux/mountinfo.ts';
import type { Usage } from '../resources/usage.ts';
import { type Condition, conditionsOf, type Sight } from './conditions.ts';
import { type Cable, cablesOf, type Ended, endedOf, lowerOf, type Service, servicesOf } from './status-seen.ts';

/**
 * `running`: as wanted. `starting`: its start list is under way. `drifted`: runs, but something differs from the file.
 * `failed`: runs, but a start entry failed. `stopped`: no PID 1. `absent`: nothing of it exists.
 */
type State = 'running' | 'starting' | 'drifted' | 'failed' | 'stopped' | 'absent';

export interface Status {
  readonly name: string;
  readonly scope: string;
  readonly state: State;
  readonly pid1: number | null;
  readonly uptime_s: number | null;
  readonly memory_bytes: number | null;
  /** `cgroup`: all that its cgroup is charged with; `processes`: the sum of its processes. */
  readonly memory_from: Usage['memory']['from'] | null;
  /** Null: there is none. */
  readonly memory_limit_bytes: number | null;
  /** Processes and threads. */
  readonly pids: number | null;
  readonly pids_limit: number | null;
  /** How many of its processes the kernel has killed for want of memory since it was started; null: it does not run. */
  readonly oom_kills: number | null;
  readonly cables: readonly Cable[];
  readonly services: readonly Service[];
  /** How it has ended by itself; null: it runs, or was told to end. */
  readonly ended: Ended | null;
  readonly conditions: readonly Condition[];
  readonly notes: readonly string[];
}

/** A monitor has nothing to say of it. */
export function isWell(status: Status | undefined): boolean {
  if (status?.ended?.rests) return isDone(status.ended) && statusIn(status, 'InSync') !== 'False';
  return status?.state === 'running' && statusIn(status, 'Ready') === 'True' && statusIn(status, 'Stalled') === 'False';
}

/** It has come to its end without a complaint, and is not wanted to start again. */
function isDone({ how, status }: Ended): boolean {
  return how === 'stopped' || (how === 'ended' && status === 0);
}

function statusIn({ conditions }: Status, type: Condition['type']): Condition['status'] | undefined {
  return conditions.find((one) => one.type === type)?.status;
}

/** What is known beside the plan. */
export interface Beside {
  /** False: nothing was wanted, and what is there is shown as it is. */
  readonly isCompared?: boolean;
  readonly kept?: ReadonlyMap<string, NonNullable<Sight['kept']>>;
  readonly usage?: (name: string) => Usage | undefined;
  /** Packages of a tree that were unpacked within the last SECONDS, the newest first. */
  readonly packages?: (root: string, seconds: number) => readonly string[];
}

/** Every subhost that is wanted or there, by name. Pure. */
export function statusOf(scope: string, plan: Plan, world: World, beside: Beside = {}): Status[] {
  const live = [...world.live.values()];
  const names = new Set([...plan.changes, ...live].flatMap((one) => one.subhost ?? []));
  return [...names].sort().map((name) => toStatus({ name, scope }, seenOf(name, plan, world), beside));
}

/** What there is of a subhost, and what the plan says of it and of what it shares with others. */
interface Seen {
  readonly live: readonly Live[];
  readonly changes: readonly Change[];
  readonly shared: readonly Change[];
  readonly blockers: Plan['blockers'];
}

function seenOf(name: string, plan: Plan, world: World): Seen {
  const changes = plan.changes.filter((change) => change.subhost === name);
  const needs = new Set(changes.flatMap(({ spec }) => spec?.needs ?? []).map(({ address }) => address));
  const shared = plan.changes.filter((change) => change.subhost === null && needs.has(change.address));
  const touched = new Set([...changes, ...shared].map(({ address }) => address));
  return {
    live: [...world.live.values()].filter((one) => one.subhost === name),
    changes,
    shared,
    blockers: plan.blockers.filter(({ address }) => touched.has(address)),
  };
}

function toStatus(id: { name: string; scope: string }, seen: Seen, { isCompared = true, kept, usage, packages }: Beside): Status {
  const { live, changes } = seen;
  const fields: Fields | undefined = live.find((one) => kindOf(one.address) === 'process')?.fields as Fields | undefined;
  const services = servicesOf(fields);
  const pending = [...seen.shared, ...changes].filter((change) => change.action !== 'none');
  const failed = services.filter((service) => service.state.startsWith('failed'));
  const isRunning = fields?.['running'] === 'yes';
  const starting = services.filter((service) => service.state === 'starting' || service.state === 'waiting');
  const state = isRunning ? runningState(pending, failed.length, starting.length) : live.length > 0 ? 'stopped' : 'absent';
  const cables = cablesOf(live, changes);
  const used = isRunning ? usage?.(id.name) : undefined;
  const record = kept?.get(id.name);
  const ended = endedOf(live);
  const lower = lowerOf(live, (root) => (isRunning ? packages?.(root, Number(fields['uptime_s'])) : undefined) ?? []);
  return {
    ...id,
    state,
    pid1: isRunning ? Number(fields['pid']) : null,
    uptime_s: isRunning ? Number(fields['uptime_s']) : null,
    ...usageOf(used),
    cables,
    services,
    ended,
    conditions: conditionsOf({
      isCompared,
      isRunning,
      isThere: live.length > 0,
      pending,
      blockers: seen.blockers,
      cables,
      services,
      isMounted: live.some(({ address, fields }) => kindOf(address) === 'mount' && fields['attached'] !== false),
      lower,
      ended,
      kept: record,
    }),
    notes: [
      // The name stands before it.
      ...(record ? [record.message.replace(`${id.name} `, '')] : []),
      ...(ended && !record ? [`${ended.message}${ended.at ? ` (${ended.at})` : ''}`] : []),
      ...memoryNote(used),
      ...(fields?.['capabilities'] === 'all' && fields['seccomp'] === 'off' ? [`trusted: ${TRUSTED_WORDS}`] : []),
      ...[...failed, ...starting].map((service) => `${service.name} ${service.state}`),
      ...pendingNote(pending.filter(isUntold), isRunning),
      ...(isRunning && lower?.changedAt ? [`${lower.path} has changed below it: ob restart ${id.name} shows it all of that`] : []),
    ],
  };
}

function usageOf(used: Usage | undefined) {
  return {
    memory_bytes: used?.memory.bytes ?? null,
    memory_from: used?.memory.from ?? null,
    memory_limit_bytes: used?.memory.limit ?? null,
    pids: used?.pids.count ?? null,
    pids_limit: used?.pids.limit ?? null,
    oom_kills: used?.oomKills ?? null,
  };
}

function runningState(pending: readonly Change[], failed: number, starting: number): State {
  if (failed > 0) return 'failed';
  if (starting > 0 && !pending.some(isUntold)) return 'starting';
  return pending.length > 0 ? 'drifted' : 'running';
}

/** A service that did not start is told by its name. */
function isUntold({ fields }: Change): boolean {
  return fields.length === 0 || fields.some((one) => one.field !== 'not_started');
}

function pendingNote(pending: readonly Change[], isRunning: boolean): string[] {
  if (pending.length === 0 || !isRunning) return [];
  if (pending.every((change) => change.action === 'remove')) return ['not in the file any more: apply removes it'];
  return [`differs from the file: ${pending.map((change) => change.address).join(', ')}`];
}

function memoryNote(used: Usage | undefined): string[] {
  if (!used?.oomKills) return [];
  const { limit } = used.memory;
  const why = limit === null ? 'as the machine had no more memory' : `at its limit of ${formatSize(limit)} of memory`;
  return [`the kernel has killed ${used.oomKills} of its processes ${why}`];
}
