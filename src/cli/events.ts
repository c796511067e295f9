import type { Outcome } from '../planner/apply.ts';
import type { Change } from '../planner/diff.ts';
import type { Step } from '../planner/order.ts';
import { isEmpty, type Plan } from '../planner/plan.ts';
import type { Cause, Value } from '../resources/kind.ts';
import { VERSION } from './version.ts';

/** Raised whenever an event loses or renames a key; new keys and new types of events do not raise it. */
const FORMAT = 1;

/**
 * What a run says. `--json` prints each event as a line; what a person sees is drawn from the same events.
 * The first is always `version`.
 */
export type Event =
  | { readonly type: 'version'; readonly format: number; readonly ob: string; readonly command: string }
  | ChangeEvent
  | { readonly type: 'blocked'; readonly address: string; readonly what: string; readonly hint: string }
  | { readonly type: 'planned'; readonly counts: Counts; readonly blocked: number; readonly unchanged: number; readonly steps: number }
  | { readonly type: 'start'; readonly verb: Step['verb']; readonly address: string }
  | { readonly type: 'say'; readonly address: string; readonly text: string }
  | StepEvent
  /** After all steps: what is still not as wanted. */
  | {
      readonly type: 'differs';
      readonly address: string;
      readonly path: string;
      readonly wanted: Value | undefined;
      readonly seen: Value | undefined;
    }
  /** It was overlay-boot's, and goes on. */
  | { readonly type: 'adopted'; readonly subhost: string; readonly address: string; readonly what: string }
  /** It stays overlay-boot's until the subhost is started anew. */
  | { readonly type: 'due'; readonly subhost: string; readonly address: string; readonly why: string; readonly hint?: string }
  /** PATHS of its upper directory were set aside; KEPT has them. Null: it has nothing at any of them. */
  | {
      readonly type: 'reset';
      readonly subhost: string;
      readonly paths: readonly string[];
      readonly nothing: readonly string[];
      readonly kept: string | null;
      readonly notes: readonly string[];
    }
  | { readonly type: 'recap'; readonly subhosts: readonly RecapLine[]; readonly seconds: number }
  | GateEvent
  /** It has been left alone since its repairs do not hold; said once. */
  | {
      readonly type: 'stalled';
      readonly subhost: string | null;
      /** Of what subhosts share. */
      readonly address?: string;
      readonly message: string;
      readonly why: string | null;
      readonly hint: string;
    }
  /** Before the first step: who takes the run back stands by. The time begins when the run has ended. */
  | { readonly type: 'armed'; readonly seconds: number }
  /** The run has ended: it is taken back, unless it is confirmed. */
  | { readonly type: 'confirm'; readonly seconds: number }
  | { readonly type: 'confirmed'; readonly by: string; readonly seconds: number }
  /** What follows makes the machine what it was told to be before the run BY. */
  | { readonly type: 'rollback'; readonly why: 'unconfirmed' | 'failed'; readonly by: string }
  /** Was the former state found to be there? */
  | { readonly type: 'rolled-back'; readonly ok: boolean }
  /** Another run changes the machine, and we wait for it. */
  | { readonly type: 'waiting'; readonly for: string; readonly seconds: number }
  /** By a signal: nothing new is begun, what runs comes to its end. */
  | { readonly type: 'interrupted' }
  | { readonly type: 'error'; readonly message: string; readonly hint?: string };

export type Counts = Partial<Record<Change['action'], number>>;

export interface ChangeEvent {
  readonly type: 'change';
  readonly address: string;
  readonly subhost: string | null;
  readonly action: Change['action'];
  /** Of what is made or removed: has the world moved, or the file? Left out where that is not known. */
  readonly cause?: Cause;
  /** Of what is to be made: what it is, in a few words; else empty. */
  readonly summary: string;
  readonly fields: readonly {
    readonly field: string;
    readonly old?: Value;
    readonly new?: Value;
    readonly cause?: Cause;
    readonly class?: string;
    readonly why?: string;
  }[];
  readonly because: readonly string[];
}

/** `left`: nothing of it is touched, whatever differs. `resumed`: it was left alone by unattended runs until now. */
interface GateEvent {
  readonly type: 'left' | 'resumed';
  readonly subhost: string | null;
  /** Of what subhosts share. */
  readonly address?: string;
  readonly state: 'held' | 'stopped' | 'backing-off' | 'stalled' | 'ended';
  /** ISO; null: until somebody does something. */
  readonly until: string | null;
  readonly why: string | null;
  readonly message: string;
  readonly hint: string;
}

export interface StepEvent {
  readonly type: 'done' | 'failed' | 'skipped';
  readonly verb: Step['verb'];
  readonly action: Change['action'];
  readonly address: string;
  readonly subhost: string | null;
  readonly seconds: number;
  readonly notes?: readonly string[];
  readonly error?: string;
  readonly hint?: string;
  /** Of a skipped step: the step at whose failure it ended, or `interrupted`. */
  readonly because?: string;
}

export interface RecapLine {
  /** A subhost's name; null: what subhosts share. */
  readonly subhost: string | null;
  readonly ok: number;
  readonly changed: number;
  readonly failed: number;
  readonly skipped: number;
}

export type Sink = (event: Event) => void;

export function versionEvent(command: string): Event {
  return { type: 'version', format: FORMAT, ob: VERSION, command };
}

/** A plan as events: its changes in the order of subhosts, what blocks it, and the sum. */
export function planEvents(plan: Plan): Event[] {
  const changes = plan.changes.filter((change) => change.action !== 'none');
  const counts: Counts = {};
  for (const { action } of changes) counts[action] = (counts[action] ?? 0) + 1;
  const unchanged = plan.changes.length - changes.length;
  return [
    ...sortBySubhost(changes).map(changeEvent),
    ...plan.changes.flatMap(restEvent),
    ...plan.blockers.map((blocker): Event => ({ type: 'blocked', ...blocker })),
    { type: 'planned', counts, blocked: plan.blockers.length, unchanged, steps: plan.steps.length },
  ];
}

/** What has ended, and by the file's own wish is left so. */
function restEvent({ subhost, live }: Change): Event[] {
  if (!live?.rests || subhost === null) return [];
  const message = live.rests;
  return [{ type: 'left', subhost, state: 'ended', until: null, why: null, message, hint: `ob start ${subhost}` }];
}

/** What is shared comes first. Within a subhost the kinds keep their order: sorting is stable. */
function sortBySubhost<T extends { readonly subhost: string | null }>(list: readonly T[]): T[] {
  return [...list].sort((a, b) => compare(a.subhost ?? '', b.subhost ?? ''));
}

function compare(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

function changeEvent({ address, subhost, action, fields, cause, because, spec }: Change): ChangeEvent {
  const made = action === 'create' && spec ? Object.entries(spec.fields).map(([field, value]) => ({ field, new: value })) : [];
  const summary = action === 'create' ? (spec?.summary ?? '') : '';
  return { type: 'change', address, subhost, action, ...(cause ? { cause } : {}), summary, fields: [...made, ...fields], because };
}

export function stepEvent(outcome: Outcome, seconds: number): StepEvent {
  const { verb, change } = outcome.step;
  const base = { verb, action: change.action, address: change.address, subhost: change.subhost, seconds };
  if (outcome.result === 'skipped') return { type: 'skipped', ...base, because: outcome.because };
  const notes = outcome.notes.length > 0 ? { notes: outcome.notes } : {};
  if (outcome.result === 'done') return { type: 'done', ...base, ...notes };
  const { message, hint } = outcome.error;
  return { type: 'failed', ...base, ...notes, error: message, ...(hint ? { hint } : {}) };
}

/** What the look after the run still finds, field by field. */
export function differsEvents(plan: Plan): Event[] {
  if (isEmpty(plan)) return [];
  return plan.changes.flatMap(({ address, action, fields, because }): Event[] => {
    if (action === 'none') return [];
    if (fields.length > 0)
      return fields.map((one) => ({ type: 'differs', address, path: `${address}.${one.field}`, wanted: one.new, seen: one.old }));
    return [{ type: 'differs', address, path: address, ...wholeOf(action, because) }];
  });
}

/** How an object differs of which no field does. */
function wholeOf(action: Change['action'], because: readonly string[]): { wanted: Value; seen: Value } {
  if (action === 'create') return { wanted: 'there', seen: 'missing' };
  if (action === 'remove') return { wanted: 'missing', seen: 'there' };
  return { wanted: 'nothing to do', seen: `to ${action} because of ${because.join('; ')}` };
}

/** One line for each subhost: resources that were as wanted, were changed, failed, or were skipped. */
export function recap(plan: Plan, outcomes: readonly Outcome[], seconds: number): Event {
  const lines = new Map<string | null, { ok: number; changed: number; failed: number; skipped: number }>();
  const worst = new Map<string, Outcome['result']>();
  for (const { step, result } of outcomes) {
    const before = worst.get(step.change.address);
    if (before === undefined || before === 'done') worst.set(step.change.address, result);
  }
  for (const { address, subhost } of plan.changes) {
    const line = lines.get(subhost) ?? { ok: 0, changed: 0, failed: 0, skipped: 0 };
    const result = worst.get(address);
    line[result === undefined ? 'ok' : result === 'done' ? 'changed' : result]++;
    lines.set(subhost, line);
  }
  const subhosts = sortBySubhost([...lines].map(([subhost, line]) => ({ subhost, ...line })));
  return { type: 'recap', subhosts, seconds };
}
