import type { Address } from '../../resources/kind.ts';

// What is repaired, and left alone, as one: a subhost, known by its name; and what subhosts share, known by its address.

/** No subhost's name has a slash. */
export function isShared(unit: string): unit is Address {
  return unit.includes('/');
}

export function unitOf({ address, subhost }: { readonly address: string; readonly subhost: string | null }): string {
  return subhost ?? address;
}

/** Keys of an event about a unit. */
export function toEventKeys(unit: string): { readonly subhost: string | null; readonly address?: string } {
  return isShared(unit) ? { subhost: null, address: unit } : { subhost: unit };
}
