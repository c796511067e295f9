import type { ObError } from '../error.ts';
import { failure } from '../ran.ts';
import { parseReaperErrors } from '../reaper.ts';
import { run } from '../run.ts';
import { createLine } from './line.ts';

/**
 * What to do with one link in a network namespace; addresses and MACs in hexadecimal digits. A cable is made from LINK at the
 * machine to this namespace; its argument is in reaper/configure.h.
 */
export interface Order {
  /** Of the object that it is for. */
  readonly address: string;
  readonly what: 'cable' | 'state' | 'name' | 'mac' | 'mtu' | 'address' | 'no-address' | 'gateway' | 'no-gateway';
  readonly link: string;
  readonly argument: string;
}

/**
 * The kernel has one lock for all links. Two at a time only wait for each other, with a processor each, and what waits for the
 * first waits for both.
 */
const inLine = createLine();

/**
 * Configures links in many network namespaces with one program (`ip` can do one namespace in one process) and gives the first
 * error of each object; what follows it there for the same object is left out. Already so and already gone are fine.
 */
export async function configureLinks(reaper: string, orders: ReadonlyMap<string, readonly Order[]>): Promise<Map<string, ObError>> {
  const words = [...orders].flatMap(([netns, list]) => (list.length > 0 ? ['in', '-', netns, '-', ...list.flatMap(toWords)] : []));
  if (words.length === 0) return new Map();
  const ran = await inLine(() => run(reaper, ['configure', ...words]));
  const errors = parseReaperErrors(ran.output);
  if (!ran.ok && errors.size === 0) throw failure(ran, 'cannot configure links');
  return errors;
}

function toWords({ address, what, link, argument }: Order): string[] {
  return [what, address, link, argument];
}
