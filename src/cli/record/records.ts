import { type Check, either, isNumber, isText, listOf, withFields } from '../../resources/checks.ts';
import type { Owner } from '../../resources/marks.ts';
import { isMoment, isOfThisBoot, type Moment, type Stamp } from './clock.ts';
import { type RecordName, readRecord } from './store.ts';

/** A person is at work: every run keeps off, until it is released or its time is over. */
export interface Hold extends Stamp {
  /** Null: until it is released. */
  readonly until: Moment | null;
  readonly why: string;
}

/** A person has stopped it: what runs by itself does not start it. */
export interface Stop extends Stamp {
  /** The command line. */
  readonly by: string;
}

/** Repairs did not hold, one after the other. */
export interface Trouble extends Stamp {
  /** In a row; 1 or more. */
  readonly failures: number;
  readonly since: Moment;
  /** Before this nobody but a person tries again. */
  readonly next: Moment;
  /** Digests of what the file says of it, and of what was seen of it. */
  readonly file: string;
  readonly seen: string;
  /** That it is stalled has been said. */
  readonly told: boolean;
  /** What failed last: VERB ADDRESS, the program that was run if one was, and what it said. */
  readonly step: string;
  readonly command: string | null;
  readonly words: string;
  readonly hint: string | null;
}

/** A repair went well a moment ago; whether it holds will be seen. */
export interface Repair extends Stamp {
  /** What differed. */
  readonly drift: readonly string[];
}

/** What is known of a subhost that the kernel does not know. */
export interface Records {
  readonly hold?: Hold | undefined;
  readonly stop?: Stop | undefined;
  readonly trouble?: Trouble | undefined;
}

export function readRecords(owner: Owner): Records {
  return { hold: readHold(owner), stop: readStop(owner), trouble: readTrouble(owner) };
}

export function readHold(owner: Owner): Hold | undefined {
  return read<Hold>(owner, 'hold', { until: either(isMoment, null), why: isText });
}

function readStop(owner: Owner): Stop | undefined {
  return read<Stop>(owner, 'stop', { by: isText });
}

export function readTrouble(owner: Owner): Trouble | undefined {
  const numbers = { failures: isNumber, since: isMoment, next: isMoment };
  const texts = { file: isText, seen: isText, step: isText, command: either(isText, null), words: isText, hint: either(isText, null) };
  return read<Trouble>(owner, 'trouble', { ...numbers, ...texts });
}

export function readRepair(owner: Owner): Repair | undefined {
  return read<Repair>(owner, 'repair', { drift: listOf(isText) });
}

/** What is not as this version of ob writes it, or is of another boot, is none. */
function read<T extends Stamp>(owner: Owner, name: RecordName, checks: Readonly<Record<string, Check>>): T | undefined {
  const value = readRecord(owner, name);
  const isGood = withFields({ ...checks, boot: isText, at: isMoment })(value);
  return isGood && isOfThisBoot(value as T) ? (value as T) : undefined;
}
