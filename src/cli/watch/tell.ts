import type { ChangeEvent, Event, StepEvent } from '../events.ts';

/** What `ob watch` prints beside `version`: a line of JSON each, with the time. */
export type Told =
  /** It begins, or the hosts files say something new. */
  | { readonly type: 'watching'; readonly files: readonly string[]; readonly scope: string; readonly subhosts: number }
  | Repair
  | Wrong
  | { readonly type: 'warning'; readonly message: string };

/** One thing was not as the file says, and is again. */
interface Repair extends Pick<ChangeEvent, 'address' | 'subhost' | 'action' | 'fields' | 'because'> {
  readonly type: 'repair';
  readonly seconds: number;
  readonly notes?: readonly string[];
}

type Wrong = Extract<Event, { type: 'blocked' | 'differs' | 'stalled' | 'error' }> | StepEvent;
const WRONG = new Set<Event['type']>(['failed', 'blocked', 'differs', 'stalled', 'error']);

/** Of all that a run said: its repairs, and what went wrong. */
export function condense(events: readonly Event[]): Told[] {
  const wrong = events.filter((event): event is Wrong => WRONG.has(event.type));
  const lost = new Set(wrong.flatMap((event) => ('address' in event ? event.address : [])));
  const done = events.filter((event): event is StepEvent => event.type === 'done');
  const changes = events.filter((event): event is ChangeEvent => event.type === 'change');
  const repairs = changes.flatMap((change): Repair[] => {
    const steps = done.filter(({ address }) => address === change.address);
    return steps.length === 0 || lost.has(change.address) ? [] : [toRepair(change, steps)];
  });
  return [...repairs, ...wrong];
}

function toRepair({ address, subhost, action, fields, because }: ChangeEvent, steps: readonly StepEvent[]): Repair {
  const notes = steps.flatMap((step) => step.notes ?? []);
  const seconds = steps.reduce((sum, step) => sum + step.seconds, 0);
  // Of what was made anew, what it is like stands in the file.
  const own = action === 'create' ? [] : fields;
  return { type: 'repair', address, subhost, action, fields: own, because, seconds, ...(notes.length > 0 ? { notes } : {}) };
}

/** Writes what is told; what is wrong and stays so is told once. */
export interface Teller {
  tell(told: Told): void;
  /** What was wrong is right again, or may be: should it be wrong once more, that is news. */
  forget(): void;
}

export function createTeller(write: (line: string) => void, now: () => Date): Teller {
  const said = new Set<string>();
  const warned = new Set<string>();
  return {
    tell(told) {
      const key = keyOf(told);
      const before = told.type === 'warning' ? warned : said;
      if (key !== undefined && before.has(key)) return;
      if (key !== undefined) before.add(key);
      if (told.type === 'repair') for (const old of said) if (old.startsWith(`${told.address} `)) said.delete(old);
      write(JSON.stringify({ time: now().toISOString(), ...told }));
    },
    forget: () => said.clear(),
  };
}

/** What makes it the same trouble as before; undefined: it is none. */
function keyOf(told: Told): string | undefined {
  switch (told.type) {
    case 'failed':
      return `${told.address} ${told.type} ${told.verb} ${told.error}`;
    case 'blocked':
      return `${told.address} ${told.type} ${told.what}`;
    case 'differs':
      return `${told.address} ${told.type} ${told.path} ${String(told.seen)}`;
    case 'stalled':
      return `- ${told.type} ${told.subhost ?? told.address} ${told.why}`;
    case 'error':
    case 'warning':
      return `- ${told.type} ${told.message}`;
    default:
      return undefined;
  }
}
