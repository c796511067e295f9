import type { HostsFile, Subhost } from '../../resources/hosts.ts';
import type { RawFile } from './format.ts';
import { inherit } from './inherit.ts';
import type { Named } from './shape.ts';
import type { RawSubhost } from './subhost.ts';

/** A subhost in all its forms, for checks that tell of what it is where it is written. */
export interface Whole {
  readonly raw: Named<RawSubhost>;
  /** With what it takes from the defaults. */
  readonly written: RawSubhost;
  readonly subhost: Subhost;
}

export function wholesOf(raw: RawFile, { subhosts }: HostsFile): Whole[] {
  return subhosts.flatMap((subhost, index) => {
    const one = raw.subhosts?.[index];
    return one ? [{ raw: one, written: inherit(raw.defaults, one.value), subhost }] : [];
  });
}
