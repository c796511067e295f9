import { type Check, either, isObject, isText, listOf, withFields } from '../../resources/checks.ts';
import { messageOf } from '../../resources/error.ts';
import { appendToLog } from '../../resources/log.ts';
import type { ChangeEvent, Event, Sink } from '../events.ts';

/** What `ob` did on this machine, of all scopes; one JSON object a line. */
export const EVENTS_LOG = '/var/log/ob/events.log';

/** One line of the log. Keys are only ever added. */
export interface Entry {
  readonly time: string;
  /** The command line of the run. */
  readonly by: string;
  readonly scope: string;
  readonly subhost: string | null;
  readonly address: string | null;
  readonly what: StepWord | 'stalled' | 'held' | 'released' | 'unstalled' | 'shared' | 'reset' | 'confirmed' | 'taken-back' | 'not-back';
  /** Of a step. */
  readonly verb?: string;
  readonly action?: string;
  readonly fields?: readonly { readonly field: string; readonly old?: unknown; readonly new?: unknown }[];
  readonly because?: readonly string[];
  readonly notes?: readonly string[];
  readonly seconds?: number;
  readonly error?: string;
  readonly hint?: string;
  /** A person's words, or what it is about. */
  readonly why?: string;
}

type StepWord = 'done' | 'failed' | 'skipped' | 'blocked' | 'differs';

export type News = Omit<Entry, 'time' | 'by' | 'scope'>;

/** Undefined: it is none of ours. A kill may have left half a line before it. */
export function parseEntry(line: string): Entry | undefined {
  try {
    const value: unknown = JSON.parse(line.slice(Math.max(0, line.lastIndexOf('{"time":'))));
    return isEntry(value) ? (value as Entry) : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

const isLeftOutOrText = either(isText, undefined);

/** See `Value`: what may be left out is not seen, or not wanted. */
const isLeftOutOrValue: Check = (value) => !isObject(value) || listOf(isText)(value);

const isEntry = withFields({
  ...{ time: isText, by: isText, scope: isText, what: isText, subhost: either(isText, null), address: either(isText, null) },
  ...{ verb: isLeftOutOrText, action: isLeftOutOrText, error: isLeftOutOrText, hint: isLeftOutOrText, why: isLeftOutOrText },
  fields: either(listOf(withFields({ field: isText, old: isLeftOutOrValue, new: isLeftOutOrValue })), undefined),
  because: either(listOf(isText), undefined),
  notes: either(listOf(isText), undefined),
});

interface EventsLog {
  /** Keeps what is worth it of the events of a run. */
  readonly sink: Sink;
  readonly add: (news: News) => void;
  /** All of it is in the file. */
  readonly flush: () => void;
}

/** What cannot be kept is no reason to fail: WARN is told, once. */
export function createEventsLog(scope: string, by: string, warn: (text: string) => void): EventsLog {
  const changes = new Map<string, ChangeEvent>();
  let waiting: Entry[] = [];
  const flush = (): void => {
    if (waiting.length === 0) return;
    const lines = waiting.map((entry) => `${JSON.stringify(entry)}\n`);
    waiting = [];
    try {
      appendToLog(EVENTS_LOG, lines.join(''));
    } catch (error) {
      warn(`ob: warning: what is done is not kept in ${EVENTS_LOG}: ${messageOf(error)}`);
      warn = () => {};
    }
  };
  const add = (news: News): void => {
    // What ends together is written together.
    if (waiting.length === 0) setImmediate(flush);
    waiting.push({ time: new Date().toISOString(), by, scope, ...news });
  };
  return {
    add,
    flush,
    sink(event) {
      if (event.type === 'change') changes.set(event.address, event);
      const news = newsOf(event, changes);
      if (news) add(news);
    },
  };
}

function newsOf(event: Event, changes: ReadonlyMap<string, ChangeEvent>): News | undefined {
  switch (event.type) {
    case 'done':
    case 'failed':
    case 'skipped': {
      const { type, because, ...step } = event;
      const change = changes.get(event.address);
      const whys = because === undefined ? change?.because : [because];
      // Of what is made anew, what it is like stands in the hosts file.
      const fields =
        event.action === 'create' ? [] : (change?.fields ?? []).map(({ field, old, new: wanted }) => ({ field, old, new: wanted }));
      return { what: type, ...step, ...(fields.length > 0 ? { fields } : {}), ...(whys && whys.length > 0 ? { because: whys } : {}) };
    }
    case 'blocked':
      return { ...ownerOf(event.address, changes), what: 'blocked', error: event.what, hint: event.hint };
    case 'differs': {
      const field = event.path.slice(event.address.length + 1) || 'it';
      return { ...ownerOf(event.address, changes), what: 'differs', fields: [{ field, old: event.seen, new: event.wanted }] };
    }
    case 'stalled':
      return {
        subhost: event.subhost,
        address: event.address ?? null,
        what: 'stalled',
        error: event.why ?? event.message,
        hint: event.hint,
      };
    default:
      return undefined;
  }
}

function ownerOf(address: string, changes: ReadonlyMap<string, ChangeEvent>): Pick<Entry, 'subhost' | 'address'> {
  return { subhost: changes.get(address)?.subhost ?? null, address };
}
