import type { Change } from '../planner/diff.ts';
import { kindOf } from '../planner/live.ts';
import type { Plan } from '../planner/plan.ts';
import type { Fields, Live } from '../resources/kind.ts';
import type { Condition } from './conditions.ts';
import type { Reason } from './record/gate.ts';
import type { Trouble } from './record/records.ts';
import { isWell, type Status } from './status.ts';
import { age, size } from './status-table.ts';

/** All that there is to know of a subhost, to be explained. */
export interface Known {
  readonly status: Status;
  readonly live: readonly Live[];
  /** Of it, and of what it shares with others. */
  readonly pending: readonly Change[];
  readonly blockers: Plan['blockers'];
  readonly isCompared: boolean;
  /** Why it is left alone. */
  readonly reason?: Reason | undefined;
  /** What failed last. */
  readonly trouble?: Trouble | undefined;
  /** ISO; since when repairs fail. */
  readonly troubleSince?: string | undefined;
  /** Its log's last lines, and the command that shows more. */
  readonly log: { readonly lines: readonly string[]; readonly command: string };
  readonly logFile: string;
}

export interface Explanation {
  readonly name: string;
  readonly scope: string;
  readonly well: boolean;
  /** One sentence without a full stop. */
  readonly summary: string;
  /** Conditions that are not as they are of one that is well. */
  readonly wrong: readonly Condition[];
  readonly failed: {
    /** VERB ADDRESS */
    readonly step: string;
    /** The program that was run, if one was. */
    readonly command: string | null;
    readonly words: string;
    readonly failures: number;
    readonly since: string | null;
  } | null;
  readonly log: readonly string[];
  /** What to do: a command, and what it does. */
  readonly next: readonly { readonly command: string; readonly why: string }[];
  /** What it is made of. */
  readonly parts: Readonly<Record<string, string>>;
}

/** Pure. */
export function explain(known: Known): Explanation {
  const { status, log } = known;
  const well = isWell(status);
  return {
    name: status.name,
    scope: status.scope,
    well,
    summary: summaryOf(known, well),
    wrong: status.conditions.filter(isUnusual),
    failed: well || known.reason?.state === 'stopped' ? null : failedOf(known),
    // It has nothing to say of cables and mounts.
    log: !well && status.conditions.some(({ type, status: is }) => type === 'Services' && is !== 'True') ? log.lines : [],
    next: nextOf(known, well),
    parts: known.live.length > 0 ? partsOf(known) : {},
  };
}

function failedOf({ trouble, troubleSince }: Known): Explanation['failed'] {
  if (!trouble) return null;
  const { step, command, words, failures } = trouble;
  return { step, command, words, failures, since: troubleSince ?? null };
}

function isUnusual({ type, status }: Condition): boolean {
  return type === 'LowerChanged' ? status === 'True' : status !== (type === 'Held' || type === 'Stalled' ? 'False' : 'True');
}

function summaryOf({ status, isCompared }: Known, well: boolean): string {
  const { name, conditions, ended } = status;
  const ready = conditions.find(({ type }) => type === 'Ready');
  if (well && ended) return `${name} is well: it has done its work, and is left so`;
  if (well)
    return `${name} is well: it has run for ${age(status.uptime_s)}, ${isCompared ? 'and is as the file says' : 'and no file was read to compare it with'}`;
  if (ready?.status === 'True') return `${name} runs, but not all is well`;
  return `${name} is not well: ${ready?.message ?? status.state}`;
}

/** What a person can do, the most needed first. */
function nextOf({ status, pending, blockers, isCompared, reason, log }: Known, well: boolean): Explanation['next'] {
  const { name, ended, services } = status;
  const held = reason?.state === 'held';
  const own = reason ? [{ command: reason.state === 'backing-off' ? `ob start ${name}` : reason.hint, why: REASONS[reason.state] }] : [];
  const memory = status.oom_kills && status.memory_limit_bytes !== null ? [MORE_MEMORY] : [];
  if (held) return [...own, ...memory];
  const isLowerNew = status.conditions.some(({ type, status: is }) => type === 'LowerChanged' && is === 'True');
  const anew = isLowerNew ? [{ command: `ob restart ${name}`, why: 'mounts its root anew, on the tree below as it is now' }] : [];
  if (well) return [...own, ...memory, ...anew];
  const failed = services.some(({ state }) => state.startsWith('failed') || state === 'dead');
  return [
    ...blockers.map(({ what, hint }) => ({ command: hint, why: `in the way: ${what}` })),
    ...own,
    ...memory,
    ...(ended?.rests && !reason ? [{ command: `ob start ${name}`, why: 'starts it: by the wish of its file nothing else does' }] : []),
    ...(failed || ended ? [{ command: log.command, why: 'what it said' }] : []),
    ...(failed ? [{ command: `ob enter ${name}`, why: 'a shell inside: mend what does not start' }] : []),
    ...(isCompared && pending.length > 0 && !own.some(({ command }) => command.startsWith('ob start')) ? [repair(name, pending)] : []),
    ...(pending.length > 0 ? [] : anew),
    ...(isCompared ? [] : [{ command: 'ob status FILE', why: 'compares it with its hosts file' }]),
  ];
}

const MORE_MEMORY = {
  command: 'limits: { memory: … }',
  why: 'more of it in its hosts file, if it is not at fault: the kernel has killed processes of it at its limit',
};

const REASONS: Readonly<Record<Reason['state'], string>> = {
  held: 'ends the hold: until then no run touches it',
  stopped: 'starts it again',
  'backing-off': 'tries at once: by themselves repairs are tried ever later, as they did not hold',
  stalled: 'repairs are no longer tried, as they did not hold',
};

function repair(name: string, pending: readonly Change[]): Explanation['next'][number] {
  if (pending.every(({ action }) => action === 'remove')) return { command: 'ob apply', why: 'removes what is not in the file any more' };
  const restarts = pending.some((change) => kindOf(change.address) === 'process' && change.action !== 'update' && change.live);
  return { command: `ob apply --limit ${name}`, why: `makes it what the file says${restarts ? '; it is started anew' : ''}` };
}

function partsOf({ status, live, logFile }: Known): Record<string, string> {
  const { scope, name, services, cables } = status;
  const mount = live.find(({ address }) => kindOf(address) === 'mount')?.fields as Fields | undefined;
  return {
    ...(mount ? { root: `${mount['type']} on ${mount['live']}, upper ${mount['upper'] ?? 'none'}, lower ${mount['lower'] ?? '/'}` } : {}),
    network: [`/run/netns/${name}`, ...cables.map((cable) => cableText(cable, live))].join(', '),
    services: services.map((one) => `${one.name} ${one.state}`).join(', ') || 'none',
    processes: processesText(status),
    cgroup: `ob/${scope}/${name}`,
    log: logFile,
  };
}

function processesText({ pid1, pids, pids_limit, memory_bytes, memory_limit_bytes, oom_kills }: Status): string {
  if (pid1 === null) return 'none';
  const most = (limit: string | number | null): string => (limit === null ? '' : ` of at most ${limit}`);
  return [
    `PID 1 is ${pid1}`,
    `${pids ?? '?'} in all${most(pids_limit)}`,
    ...(memory_bytes === null ? [] : [`${size(memory_bytes)}${most(memory_limit_bytes === null ? null : size(memory_limit_bytes))}`]),
    ...(oom_kills ? [`${oom_kills} killed for want of memory`] : []),
  ].join(', ');
}

function cableText({ name, state, bridge }: Status['cables'][number], live: readonly Live[]): string {
  const fields = live.find(({ address }) => address === `veth/${name}`)?.fields as Fields | undefined;
  const address = Array.isArray(fields?.['address']) ? fields['address'].join(' ') : '';
  return [name, ...(state === 'up' ? [] : [state]), ...(bridge ? [`on ${bridge}`] : []), address].filter(Boolean).join(' ');
}
