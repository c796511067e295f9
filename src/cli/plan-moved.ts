import { isDeepStrictEqual } from 'node:util';
import type { ChangeEvent, Event } from './events.ts';

/** What two plans do not have in common, a line for each address or field. Pure. */
export function whatMoved(then: readonly Event[], now: readonly Event[]): string[] {
  const old = changesIn(then);
  const fresh = changesIn(now);
  const addresses = [...new Set([...old.keys(), ...fresh.keys()])];
  const before = blockersIn(then);
  const blocked = blockersIn(now).filter((what) => !before.includes(what));
  return [
    ...addresses.flatMap((address) => compare(address, old.get(address), fresh.get(address))),
    ...blocked.map((what) => `in the way now: ${what}`),
  ];
}

type Told = Pick<ChangeEvent, 'action' | 'summary' | 'fields' | 'because'>;

/** What would be done, as JSON has it: a key that is left out is one that is undefined. Why it has come to differ is another thing. */
function changesIn(events: readonly Event[]): Map<string, Told> {
  const plain = JSON.parse(JSON.stringify(events)) as Event[];
  return new Map(
    plain.flatMap((event) => {
      if (event.type !== 'change') return [];
      const { address, action, summary, fields, because } = event;
      return [[address, { action, summary, fields: fields.map(({ field, old, new: wanted }) => toField(field, old, wanted)), because }]];
    }),
  );
}

function toField(field: string, old: Field['old'], wanted: Field['new']): Field {
  return { field, ...(old === undefined ? {} : { old }), ...(wanted === undefined ? {} : { new: wanted }) };
}

function blockersIn(events: readonly Event[]): string[] {
  return events.flatMap((event) => (event.type === 'blocked' ? event.what : []));
}

function compare(address: string, then: Told | undefined, now: Told | undefined): string[] {
  if (isDeepStrictEqual(then, now)) return [];
  if (!then || !now || then.action !== now.action) return [`${address}: then ${describe(then)}, now ${describe(now)}`];
  const names = [...new Set([...then.fields, ...now.fields].map(({ field }) => field))];
  const fields = names.flatMap((name) => {
    const [one, other] = [then, now].map(({ fields }) => fields.find(({ field }) => field === name));
    return isDeepStrictEqual(one, other) ? [] : [`${address}.${name}: then ${showField(one)}, now ${showField(other)}`];
  });
  return fields.length > 0 ? fields : [`${address}: then ${describe(then)}, now ${describe(now)}`];
}

function describe(change: Told | undefined): string {
  if (!change) return 'nothing to do';
  const own = change.action === 'create' ? [] : change.fields.map((one) => `${one.field}: ${showField(one)}`);
  const why = [change.summary, ...own, ...change.because.map((one) => `because of ${one}`)].filter(Boolean).join('; ');
  return `to ${change.action}${why && ` (${why})`}`;
}

type Field = ChangeEvent['fields'][number];

/** As seen, and as wanted. */
function showField(field: Field | undefined): string {
  if (!field) return 'as wanted';
  return field.old === undefined ? show(field.new) : `${show(field.old)} -> ${show(field.new)}`;
}

function show(value: Field['new']): string {
  return value === null || value === undefined ? 'none' : typeof value === 'string' ? value : JSON.stringify(value);
}
