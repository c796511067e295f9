import type { Order } from './linux/configure.ts';
import { toHex } from './linux/ip-bytes.ts';

interface Addressed {
  readonly address?: readonly string[];
  readonly gateway?: readonly string[];
}

/**
 * What brings addresses and default routes of a link inside from what is seen to what is wanted. ADDRESS: of the object.
 * WASDOWN: the link has been down since it was seen, which has taken its routes and IPv6 addresses, but none of IPv4.
 */
export function addressOrders(address: string, link: string, before: Addressed | undefined, wanted: Addressed, wasDown = false): Order[] {
  const order = (what: Order['what'], argument: string): Order => ({ address, what, link, argument });
  const gone = without(before?.address, wanted.address);
  return [
    ...gone.map((one) => order('no-address', toHex(one))),
    // The first IPv4 address of a network takes the others of it along when it goes.
    ...without(wanted.address, wasDown || gone.length > 0 ? [] : before?.address).map((one) => order('address', toHex(one))),
    ...(wanted.gateway && !wasDown ? without(before?.gateway, wanted.gateway) : []).map((one) => order('no-gateway', toHex(one))),
    // Always: an address that changed, or a link that was down, took its routes with it.
    ...(wanted.gateway ?? []).map((one) => order('gateway', toHex(one))),
  ];
}

/** What is in the first list only; nothing where there is no first list, all of it where there is no second. */
function without(list: readonly string[] = [], other: readonly string[] = []): string[] {
  return list.filter((one) => !other.includes(one));
}
