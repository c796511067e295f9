import { readFileSync } from 'node:fs';
import type { Outcome } from '../../planner/apply.ts';
import type { Wanted, WasWanted } from '../../planner/cause.ts';
import type { Change } from '../../planner/diff.ts';
import type { Plan, Selection } from '../../planner/plan.ts';
import { either, isObject, isText, withFields } from '../../resources/checks.ts';
import { hasCode } from '../../resources/error.ts';
import type { Address } from '../../resources/kind.ts';
import { dropWhole, RUN_FOLDER, writeWhole } from '../run-folder.ts';
import { dropParsed } from './parsed.ts';

// What was wanted when it was there: so a plan can tell what somebody has done to the machine from what was done to the file.
// One file for a scope, read only where something differs. Without it a plan is the same, but for these words.

const FOLDER = `${RUN_FOLDER}/wanted`;

export function readWanted(scope: string): Wanted {
  return parseWanted(readText(scope));
}

/** What is not as this version of ob writes it is not known. */
export function parseWanted(text: string): Map<Address, WasWanted> {
  try {
    const value: unknown = text === '' ? {} : JSON.parse(text);
    return new Map(Object.entries(value ?? {}).filter(([, one]) => isWanted(one)) as [Address, WasWanted][]);
  } catch (error) {
    if (error instanceof SyntaxError) return new Map();
    throw error;
  }
}

const isWanted = withFields({ subhost: either(isText, null), fields: isObject });

interface Ended {
  readonly scope: string;
  readonly selection: Selection;
  readonly plan: Plan;
  readonly outcomes: readonly Outcome[];
  /** What the look after the run still finds. */
  readonly rest: readonly Change[];
}

/** After a run: of what is as wanted now, what was wanted; of what is gone nothing. Written only where it differs. Needs the lock. */
export function keepWanted({ scope, selection, plan, outcomes, rest }: Ended): void {
  if (plan.blockers.length > 0) return;
  const lost = new Set([
    ...outcomes.filter(({ result }) => result !== 'done').map(({ step }) => step.change.address),
    ...rest.filter(({ action }) => action !== 'none').map(({ address }) => address),
  ]);
  const text = readText(scope);
  // What a run about everything wants is all that there is to keep: nothing has to be read for it.
  const isWhole = lost.size === 0 && !selection.limit && !selection.leave && selection.order !== 'stop';
  const wanted = isWhole ? new Map<Address, WasWanted>() : parseWanted(text);
  for (const { address, subhost, spec } of plan.changes) {
    if (spec && !lost.has(address)) wanted.set(address, { subhost, fields: spec.fields });
  }
  const still = new Set(plan.changes.filter(({ spec }) => spec).map(({ address }) => address));
  for (const [address, { subhost }] of wanted) if (!still.has(address) && isAbout(selection, subhost)) wanted.delete(address);
  const after = wanted.size === 0 ? '' : JSON.stringify(Object.fromEntries(wanted));
  if (after === '') dropParsed(scope);
  if (after === text) return;
  if (after === '') dropWhole(fileOf(scope));
  else writeWhole(fileOf(scope), after);
}

/** Was the run about this subhost, or what is shared? What is only stopped is wanted still. */
function isAbout({ limit, leave, order }: Selection, subhost: string | null): boolean {
  if (order === 'stop') return false;
  return subhost === null ? !limit : !leave?.has(subhost) && (!limit || limit.has(subhost));
}

function readText(scope: string): string {
  try {
    return readFileSync(fileOf(scope), 'utf8');
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ENOTDIR')) return '';
    throw error;
  }
}

function fileOf(scope: string): string {
  return `${FOLDER}/${scope}.json`;
}
