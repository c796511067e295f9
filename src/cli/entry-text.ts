import type { Value } from '../resources/kind.ts';
import { printable } from './printable.ts';
import type { Entry } from './record/events-log.ts';
import type { Paint } from './style.ts';
import { oneLine, pastOf, show } from './text.ts';

/** The command line that the entries under it are of. */
export function entryHead({ by }: Entry): string {
  return printable(`== ${by}`);
}

/** One thing that was done, in one line. */
export function entryLine(entry: Entry, paint: Paint): string {
  const { time, scope, subhost, what } = entry;
  const owner = subhost === null ? `${scope} (shared)` : `${scope}/${subhost}`;
  const isBad = what === 'failed' || what === 'blocked' || what === 'differs' || what === 'stalled' || what === 'not-back';
  const words = printable(oneLine(`${owner}  ${wordsOf(entry)}`));
  return `${paint('dim', time.replace(/\.\d+Z$/, 'Z'))} ${isBad ? paint('red', words) : words}`;
}

function wordsOf(entry: Entry): string {
  const { what, verb = '', action = '', address, error, why, because = [], notes = [], fields = [] } = entry;
  const past = what === 'done' ? pastOf({ verb, action }) : what;
  const seen = fields.map(({ field, old, new: wanted }) => `${field}: ${show(old as Value)} -> ${show(wanted as Value)}`);
  // Fields are told with the step that puts them right.
  const own = what === 'done' && verb === 'remove' ? [] : seen;
  const reasons = [...own, ...because.map((one) => `because of ${one}`), error, why, ...notes].filter(Boolean).join('; ');
  return [past, address ?? '', reasons].filter(Boolean).join(' ');
}
