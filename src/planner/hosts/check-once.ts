import type { Report, Spot } from './node.ts';
import { oncePerPlace, placeOf } from './problems.ts';

/** Something that may be there once only: each key belongs to the first that claims it. */
export interface Claim extends Spot {
  readonly what: string;
  readonly keys: readonly string[];
}

export function checkOnce(claims: readonly Claim[], report: Report): void {
  const owners = new Map<string, Spot>();
  const once = oncePerPlace(report);
  for (const claim of claims) {
    const before = claim.keys.flatMap((key) => owners.get(key) ?? [])[0];
    if (before && placeOf(before) === placeOf(claim)) once(claim, `${claim.what} would be that of more than one subhost`);
    else if (before) once(claim, `${claim.what} is there already`, before);
    for (const key of claim.keys) if (!owners.has(key)) owners.set(key, claim);
  }
}
