import type { Change } from '../planner/diff.ts';
import type { Value } from '../resources/kind.ts';
import type { ChangeEvent, Counts, Event, RecapLine, StepEvent } from './events.ts';
import { isPrintable, printable } from './printable.ts';
import type { Paint } from './style.ts';
import { table } from './table.ts';

const SYMBOL: Readonly<Record<Change['action'], readonly [string, Parameters<Paint>[0]]>> = {
  create: ['+', 'green'],
  update: ['~', 'yellow'],
  restart: ['!', 'yellow'],
  replace: ['-/+', 'red'],
  remove: ['-', 'red'],
  none: [' ', 'dim'],
};

/** Lines in which a person reads an event; none for what is only of interest while it happens, or goes to stderr. */
export function textOf(event: Event, paint: Paint): string[] {
  return linesOf(toPrintable(withoutFields(event)), paint);
}

/** What is to be made is told in a few words, and not by its fields: of a hundred subhosts these are thousands. */
function withoutFields(event: Event): Event {
  return event.type === 'change' && event.action === 'create' ? { ...event, fields: [] } : event;
}

/** The same, with every text in it printable; several lines of one text stay several. */
function toPrintable<T>(value: T): T {
  if (typeof value === 'string') return (isPrintable(value) ? value : value.split('\n').map(printable).join('\n')) as T;
  if (Array.isArray(value)) return value.map(toPrintable) as T;
  if (typeof value !== 'object' || value === null) return value;
  // Of a hundred subhosts there are a thousand events: Object.fromEntries takes many times as long.
  const printed: Record<string, unknown> = {};
  for (const key of Object.keys(value)) printed[key] = toPrintable(value[key as keyof typeof value]);
  return printed as T;
}

function linesOf(event: Event, paint: Paint): string[] {
  switch (event.type) {
    case 'change':
      return changeLines(event, paint);
    case 'blocked':
      return [`${paint('red', 'in the way:')} ${event.what}`, ...hintLines(event.hint)];
    case 'planned':
      return plannedLines(event);
    case 'done':
    case 'failed':
    case 'skipped':
      return stepLines(event, paint);
    case 'differs':
      return [`${paint('red', 'still differs:')} ${event.path}: wanted ${show(event.wanted)}, seen ${show(event.seen)}`];
    case 'adopted':
      return [`${paint('green', 'adopted'.padEnd(8))} ${event.address}${event.what && `  ${paint('dim', event.what)}`}`];
    case 'due':
      return [`${paint('yellow', 'needs a restart:')} ${event.address}: ${event.why}`, ...hintLines(event.hint)];
    case 'reset':
      return [
        ...event.nothing.map((path) => `${event.subhost} has nothing of its own at ${path}.`),
        ...event.paths.map((path) => `${paint('green', 'reset'.padEnd(8))} ${path}`),
        ...(event.kept === null ? [] : [`Kept in ${event.kept}`]),
        ...event.notes.map((note) => `    note: ${note}`),
      ];
    case 'recap':
      return recapLines(event.subhosts, event.seconds, paint);
    case 'left':
      return [`${paint('yellow', 'left alone:')} ${event.message}`, ...hintLines(event.hint)];
    case 'resumed':
      return [`${paint('yellow', 'note:')} ${event.message}`, ...hintLines(event.hint)];
    case 'stalled':
      return [event.message, ...(event.why ? [`    the last: ${oneLine(event.why)}`] : []), ...hintLines(event.hint)];
    case 'armed':
      return [`The way back is held: without ob confirm within ${event.seconds} s after this run the former state comes back.`];
    case 'confirm':
      return [`To be confirmed within ${event.seconds} s, else the former state comes back.`, ...hintLines('ob confirm')];
    case 'confirmed':
      return [`Confirmed: this is kept, as "${event.by}" left it ${event.seconds} s ago.`];
    case 'rollback':
      return [
        '',
        paint('bold', `${event.why === 'failed' ? 'It failed' : `Nobody confirmed "${event.by}"`}: going back to the former state.`),
      ];
    case 'rolled-back':
      return event.ok ? [paint('bold', 'The former state is back.')] : [paint('red', 'The former state is NOT back: see above.')];
    case 'waiting':
      return [`waiting up to ${event.seconds} s for another run to end: ${event.for}`];
    case 'interrupted':
      return ['interrupted: stopping when what runs has ended; once more: at once'];
    default:
      return [];
  }
}

/** `    -> what to do`, under what went wrong. */
function hintLines(hint: string | undefined): string[] {
  return hint ? [`    -> ${hint}`] : [];
}

function changeLines({ action, address, cause, summary, fields, because }: ChangeEvent, paint: Paint): string[] {
  const [symbol, colour] = SYMBOL[action];
  const note = action === 'restart' || action === 'replace' ? `  (${action})` : cause ? `  (${cause})` : '';
  return [
    `${paint(colour, symbol.padEnd(3))} ${address}${note}${summary && `  ${paint('dim', summary)}`}`,
    ...fields.flatMap((one) => fieldLines(one, paint)),
    ...because.map((why) => `      because of ${why}`),
  ];
}

const COLUMNS = 80;

/** The reason follows on the same line where a usual terminal has room for it. */
function fieldLines(change: ChangeEvent['fields'][number], paint: Paint): string[] {
  const line = `      ${change.field}: ${show(change.old)} -> ${show(change.new)}`;
  const why = `(${change.cause ? `${change.cause}, ` : ''}${change.class}: ${change.why})`;
  if (line.length + 2 + why.length <= COLUMNS) return [`${line}  ${paint('dim', why)}`];
  return [line, `        ${paint('dim', why)}`];
}

const VERBS: readonly (readonly [Change['action'], string])[] = [
  ['create', 'create'],
  ['update', 'update'],
  ['restart', 'restart'],
  ['replace', 'replace'],
  ['remove', 'remove'],
];

function plannedLines({ counts, blocked, unchanged }: { counts: Counts; blocked: number; unchanged: number }): string[] {
  const parts = VERBS.flatMap(([action, word]) => (counts[action] ? [`${counts[action]} to ${word}`] : []));
  if (blocked > 0) return [`Plan: nothing will be done while ${blocked === 1 ? 'this is' : `these ${blocked} are`} in the way.`];
  if (parts.length === 0 && unchanged === 0) return ['Nothing to do: nothing is there.'];
  if (parts.length === 0) return [`Nothing to do: ${unchanged} ${unchanged === 1 ? 'resource is' : 'resources are'} as wanted.`];
  return [`Plan: ${parts.join(', ')}; ${unchanged} unchanged.`];
}

function stepLines(event: StepEvent, paint: Paint): string[] {
  const notes = (event.notes ?? []).map((note) => `    note: ${note}`);
  const took = event.seconds >= 1 ? paint('dim', `  ${event.seconds.toFixed(1)} s`) : '';
  if (event.type === 'done') return [`${paint('green', pastOf(event).padEnd(8))} ${event.address}${took}`, ...notes];
  if (event.type === 'failed') {
    const [first = '', ...more] = (event.error ?? '').split('\n');
    const rest = more.map((line) => `    ${line.trim()}`);
    return [`${paint('red', 'FAILED'.padEnd(8))} ${event.address}: ${first}`, ...rest, ...hintLines(event.hint), ...notes];
  }
  const why = event.because === 'interrupted' ? 'interrupted' : `after the failure of ${event.because?.replace(/^\S+ /, '')}`;
  return [`${paint('yellow', 'skipped'.padEnd(8))} ${event.address}  (${why})`];
}

const PAST: Readonly<Record<Change['action'], string>> = {
  create: 'made',
  update: 'changed',
  restart: 'restarted',
  replace: 'replaced',
  remove: 'removed',
  none: '',
};

/** A change that was made, in one line: for a mail, a log, a person who asks what has happened. ENDS: its steps. */
export function quietLine({ action, address, cause, summary, fields, because }: ChangeEvent, ends: readonly StepEvent[]): string {
  const own = action === 'create' ? [] : fields.map((one) => `${one.field}: ${show(one.old)} -> ${show(one.new)}${inBrackets(one.cause)}`);
  const why = [
    `${summary}${inBrackets(cause)}`.trim(),
    ...own,
    ...because.map((one) => `because of ${one}`),
    ...ends.flatMap(({ notes = [] }) => notes),
  ];
  return printable(`${PAST[action].padEnd(9)} ${address}  ${why.filter(Boolean).join('; ')}`.trimEnd());
}

function inBrackets(word: string | undefined): string {
  return word ? ` (${word})` : '';
}

/** That a subhost is left alone from now on, in one line. */
export function stalledLine({ message, why, hint }: Extract<Event, { type: 'stalled' }>): string {
  return printable(oneLine(`${message}${why ? ` (the last: ${why})` : ''}; ${hint}`));
}

export function oneLine(text: string): string {
  return text.replace(/\s*\n\s*/g, '; ');
}

/** What a step has done, in a word. */
export function pastOf({ verb, action }: { readonly verb: string; readonly action: string }): string {
  if (verb === 'remove') return action === 'restart' ? 'stopped' : 'removed';
  if (action === 'restart') return 'started';
  return action === 'update' ? 'changed' : 'made';
}

function recapLines(subhosts: readonly RecapLine[], seconds: number, paint: Paint): string[] {
  if (subhosts.length === 0) return [`Nothing there. ${seconds.toFixed(1)} s`];
  const rows = subhosts.map((line) => [
    line.subhost ?? '(shared)',
    String(line.ok),
    String(line.changed),
    String(line.failed),
    String(line.skipped),
  ]);
  const [head = '', ...body] = table([`${seconds.toFixed(1)} s`, 'ok', 'changed', 'failed', 'skipped'], rows, 'right');
  return ['', paint('bold', head), ...body.map((line, index) => paint(colourOf(subhosts[index]), line))];
}

function colourOf(line: RecapLine | undefined): 'red' | 'green' | 'dim' {
  if (!line || line.failed + line.skipped > 0) return 'red';
  return line.changed > 0 ? 'green' : 'dim';
}

/** A field's value as a person reads it. */
export function show(value: Value | undefined): string {
  if (value === undefined) return '(not seen)';
  if (value === null) return 'none';
  if (typeof value === 'object') return `[${value.join(', ')}]`;
  return value === '' ? '""' : String(value);
}
