import type { ObError } from './error.ts';
import type { HostsFile } from './hosts.ts';
import type { Machine } from './machine.ts';

/** KIND/NAME, unique on one machine, e.g. `veth/web0`. */
export type Address = `${string}/${string}`;

/** What fields are made of. A list is a set: sorted, no value twice. */
export type Value = string | number | boolean | null | readonly string[];
export type Fields = { readonly [name: string]: Value };

/**
 * How a difference is put right. `live`: in place. `restart`: what runs has to be stopped and started.
 * `replace`: the object is removed and made again.
 */
export type ChangeClass = 'live' | 'restart' | 'replace';

/** A change class and, for a person, why it is that one. Nothing is decided by the words. */
interface Rule {
  readonly class: ChangeClass;
  readonly why: string;
}

/** What this object stands on, and what it means for it when that is made anew (`none`: it only comes later). */
export interface Need {
  readonly address: Address;
  readonly class: ChangeClass | 'none';
  readonly why: string;
}

/** What a hosts file wants of one object. */
export interface Spec<F extends Fields = Fields, X = unknown> {
  readonly address: Address;
  /** The subhost it belongs to; null: it is shared (a bridge). */
  readonly subhost: string | null;
  readonly needs: readonly Need[];
  /** Names that only one object can have at a time (a directory, a link): who holds it now goes first. */
  readonly holds: readonly string[];
  /** What is compared with the live object, field by field. Only what the file says or implies. */
  readonly fields: F;
  /** What a person wants to know of it when it is made: one line, no name. Never compared. */
  readonly summary: string;
  /** What it takes to make it, beside the fields. */
  readonly extra: X;
  /** It is made for one run of what runs on it. */
  readonly forRun?: true;
}

/** One object that exists and carries our mark. */
export interface Live<F extends Fields = Fields, H = unknown> {
  readonly address: Address;
  readonly subhost: string | null;
  /** Addresses of what must not be removed before it. */
  readonly needs: readonly Address[];
  readonly holds: readonly string[];
  /** It is only there as long as this is: what is changed of it is changed before that is removed. */
  readonly keptBy?: Address;
  /**
   * All that can be seen of it; fields that no spec names are ignored. A field that is left out cannot be seen now
   * (what does not run has no argument list) and is not compared: another field has to tell what is wrong then.
   */
  readonly fields: Partial<F>;
  /** Goes when what runs on it is stopped: it was made for that one run. */
  readonly endsWithRun?: true;
  /** Best made anew when what runs on it is started: why, in words. */
  readonly renews?: string;
  /** It has ended by itself, and by the file's own wish nothing but an order starts it again: why, in words. */
  readonly rests?: string;
  /** What only this kind understands, e.g. a PID with its start time. */
  readonly handle: H;
}

/** Something without our mark that stands where a spec wants to be. It is never touched. */
export interface Blocker {
  readonly address: Address;
  readonly what: string;
  readonly hint: string;
  /** The subhost of which it explains whatever else is in the way: that need not be told. */
  readonly explains?: string;
}

interface Seen<L extends Live = Live> {
  readonly live: readonly L[];
  readonly blockers: readonly Blocker[];
}

/** What has moved: the world (`drift`) or the hosts file (`change`). */
export type Cause = 'drift' | 'change';

export interface FieldChange {
  readonly field: string;
  /** As seen. */
  readonly old: Value;
  readonly new: Value;
  /** Left out where nothing is known of what was wanted before. */
  readonly cause?: Cause;
  readonly class: ChangeClass;
  readonly why: string;
}

/** One object to bring to its spec. */
export interface Task<S extends Spec = Spec, L extends Live = Live> {
  readonly spec: S;
  /** What exists of it; null: nothing. */
  readonly live: L | null;
  /** The fields that differ; empty where nothing exists yet. */
  readonly changes: readonly FieldChange[];
}

/** How it went for one object. Notes are said to the user but are no failure. */
export interface Result {
  readonly address: Address;
  readonly error?: ObError;
  readonly notes?: readonly string[];
}

/**
 * One kind of thing that exists on a Linux machine. The planner knows kinds only through this.
 *
 * `desired` and `rules` are pure. `list` reads. `converge` and `remove` act on many objects at a time, since
 * one program for a hundred objects costs what one for one does, and give one result for each object,
 * in any order; they throw only for what stops all of them. Both may be killed anywhere and run again:
 * already there and already gone are success. They run beside other kinds' calls, never on the same
 * object as another call. They touch nothing without our mark.
 */
export interface Kind<F extends Fields = Fields, X = unknown, H = unknown, S extends Spec = Spec<F, X>, L extends Live = Live<F, H>> {
  readonly name: string;
  /** Its objects are what runs: they can be stopped and started again on what stays. */
  readonly runs?: true;
  /**
   * Does its call take long for such an object, because commands of the hosts file are run, or services stopped? Then few
   * others have to wait for it: it is not dealt with in one call with a hundred.
   */
  takesLong?(object: S | L): boolean;
  /** A rule for every field. */
  readonly rules: Readonly<Record<string, Rule>>;
  desired(file: HostsFile): S[];
  /** Throws what this machine lacks for making such objects, before anything is touched. */
  preflight(desired: readonly S[]): void;
  /** Every object of the kind with the scope's mark, and what stands in the way of `desired`. */
  list(machine: Machine, desired: readonly S[]): Promise<Seen<L>>;
  converge(machine: Machine, tasks: readonly Task<S, L>[]): Promise<Result[]>;
  remove(machine: Machine, live: readonly L[]): Promise<Result[]>;
  /** Takes away what is nothing by itself (an empty folder) and a run that was killed has left, once nothing is wanted any more. */
  sweep?(scope: string): void;
}
