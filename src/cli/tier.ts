import { setFlagsFromString } from 'node:v8';

/** In characters of a hosts file: some twenty subhosts. */
const MUCH = 4096;

/**
 * A run for a few subhosts is over before machine code for its functions has earned what it costs to make: the snapshot is started
 * without the compiler that makes it (scripts/take-snapshots.mjs). Who has read a file of this SIZE has it made from now on.
 */
export function prepareFor(size: number): void {
  if (size > MUCH) setFlagsFromString('--sparkplug');
}
