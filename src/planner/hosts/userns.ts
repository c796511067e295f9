import { createHash } from 'node:crypto';
import type { Subhost } from '../../resources/hosts.ts';
import { ID_COUNT, LEAST_ID, showIds } from '../../resources/ids.ts';
import { markOf } from '../../resources/marks.ts';
import type { Facts } from './facts.ts';
import type { Report } from './node.ts';
import { oncePerPlace } from './problems.ts';
import { byKind, type Placed, placed, type Shape } from './shape.ts';
import { showName } from './show.ts';
import { oneOf, wholeNumber } from './values.ts';
import type { Whole } from './whole.ts';

/** A number: the first of its ids. */
export type RawIds = 'none' | 'auto' | number;

/** The end of systemd's range; what lies above works too, if it is asked for. */
const MOST = 1_878_982_656;
const SLOTS = (MOST - LEAST_ID) / ID_COUNT + 1;
/** No id may be the last one: it means "none". */
const HIGHEST = 2 ** 32 - 2 * ID_COUNT;

const word = oneOf(['none', 'auto'], `the first of its ids like ${10 * ID_COUNT}`);
const number: Shape<number> = {
  schema: { type: 'integer', minimum: ID_COUNT, maximum: HIGHEST, multipleOf: ID_COUNT },
  read(node, report) {
    const value = wholeNumber(ID_COUNT, HIGHEST).read(node, report);
    if (value === undefined || value % ID_COUNT === 0) return value;
    report(node, `a multiple of ${ID_COUNT} is wanted here, e.g. ${value - (value % ID_COUNT) || ID_COUNT}`);
    return undefined;
  },
};

export const ids: Shape<Placed<RawIds>> = placed(
  byKind<RawIds>({
    scalar: {
      schema: { anyOf: [word.schema, number.schema] },
      read: (node, report) => (node.kind === 'scalar' && typeof node.value === 'number' ? number : word).read(node, report),
    },
  }),
);

/** A subhost whose ids are to be found. */
interface Wish {
  readonly wanted: RawIds;
  readonly subhost: Subhost;
}

/**
 * The subhosts, each with the first of its ids if it wants its own. What an upper directory belongs to is kept: the disk is the
 * record. Where it does not tell, what is up keeps its own; else they come from the name, so that they are the same at each
 * look, past what others have.
 */
export function withIds(scope: string, wishes: readonly Wish[], facts: Facts): Subhost[] {
  const chosen = chooseIds(scope, wishes, facts);
  return wishes.map(({ subhost }) => {
    const userns = chosen.get(subhost);
    return userns === undefined ? subhost : { ...subhost, userns };
  });
}

function chooseIds(scope: string, wishes: readonly Wish[], facts: Facts): Map<Subhost, number> {
  const chosen = new Map<Subhost, number>();
  const autos = wishes.flatMap(({ wanted, subhost }) => {
    const known = wanted === 'auto' ? facts.firstIdOf?.(subhost.upper) : wanted;
    if (typeof known === 'number') chosen.set(subhost, known);
    return wanted === 'auto' && known === undefined ? [subhost] : [];
  });
  const taken = new Set(chosen.values());
  const used = autos.length > 0 ? (facts.usedIds?.() ?? []) : [];
  for (const subhost of autos) {
    const mark = markOf({ scope, name: subhost.name });
    const others = used.filter((one) => one.mark !== mark);
    const isFree = (first: number): boolean =>
      !taken.has(first) && !others.some((one) => first < one.first + one.count && one.first < first + ID_COUNT);
    const own = used.find((one) => one.mark === mark && !taken.has(one.first));
    const first = own?.first ?? findFree(mark, isFree);
    taken.add(first);
    chosen.set(subhost, first);
  }
  return chosen;
}

/** The first free ones, from where the text says. */
function findFree(text: string, isFree: (first: number) => boolean): number {
  const start = createHash('sha256').update(text).digest().readUInt32BE();
  const toFirst = (index: number): number => LEAST_ID + ((start + index) % SLOTS) * ID_COUNT;
  for (let index = 0; index < SLOTS; index++) if (isFree(toFirst(index))) return toFirst(index);
  return toFirst(0);
}

/** Is there an overlay whose files can be its own, does nothing else give it the machine, and has nobody else these ids? */
export function checkIds(wholes: readonly Whole[], report: Report): void {
  const once = oncePerPlace(report);
  const owners = new Map<number, string>();
  for (const { raw, written, subhost } of wholes) {
    const { lower, upper, live, hooks, trusted, userns, name } = subhost;
    if (userns === undefined) continue;
    const spot = written.userns ?? raw.name;
    if (upper === lower || lower === live) once(spot, 'there is no overlay here: without one the files cannot be of other owners');
    else if (hooks?.setup !== undefined) once(spot, 'a program sets "upper" up here: what is in it cannot be given other owners');
    if (trusted) once(spot, 'profile "trusted" gives it the machine, userns keeps it from it: leave one of them out');
    const other = owners.get(userns);
    if (other !== undefined)
      once(
        spot,
        `${showName(name)} and ${showName(other)} have the same ids ${showIds(userns)}: two subhosts with the same ids are not kept apart`,
      );
    owners.set(userns, other ?? name);
  }
}
