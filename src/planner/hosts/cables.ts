import type { RawCable } from './cable.ts';

/** The ends of a cable: at the machine, and inside. */
interface Ends {
  readonly hostEnd: string;
  readonly inside: string;
}

export interface Numbered extends Ends {
  readonly raw: RawCable;
  /** Of a VLAN: the cable that carries it. */
  readonly carrier?: Ends & { readonly raw: RawCable };
}

/**
 * The cables of the subhost NAME with their ends. A VLAN is on the nearest cable before it, and has no number of its own; one
 * that no cable is before is left out.
 */
export function numberCables(name: string, cables: readonly RawCable[]): Numbered[] {
  let carrier: Numbered | undefined;
  let count = 0;
  return cables.flatMap((raw): Numbered[] => {
    if (raw.vlan) return carrier ? [toVlan(raw, raw.vlan.value, carrier)] : [];
    carrier = { raw, hostEnd: `${name}${count}`, inside: `eth${count}` };
    count++;
    return [carrier];
  });
}

function toVlan(raw: RawCable, id: number, carrier: Numbered): Numbered {
  return { raw, hostEnd: `${carrier.hostEnd}.${id}`, inside: `${carrier.inside}.${id}`, carrier };
}
