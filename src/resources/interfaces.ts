import type { Cable } from './hosts.ts';

const HEAD = `# Made by ob for this subhost, which had none; ob leaves it alone from now on. See interfaces(5).
# Addresses and default routes of the hosts file are set by ob: what is here brings them back after ifdown.

auto lo
iface lo inet loopback
`;

/**
 * The text of /etc/network/interfaces. Not the method `static`: that one fails where an address is there already, as ob
 * has set it, and would bring an old one back once the hosts file has another.
 */
export function interfacesFile(cables: readonly Cable[]): string {
  return [HEAD, ...cables.map(toStanzas)].join('\n');
}

function toStanzas({ inside, address, gateway }: Cable): string {
  const isIpv6 = (text: string): boolean => text.includes(':');
  const families = [
    { name: 'inet', flag: '-4', end: '', is: (text: string) => !isIpv6(text) },
    { name: 'inet6', flag: '-6', end: ' nodad', is: isIpv6 },
  ];
  const stanzas = families.flatMap(({ name, flag, end, is }) => {
    const [addresses, gateways] = [address.filter(is), gateway.filter(is)];
    const adds = addresses.map((one) => `ip address add ${one} dev ${inside}${end}`);
    if (adds.length + gateways.length === 0) return [];
    return [
      `iface ${inside} ${name} manual`,
      ...addresses.slice(0, 1).map((one) => `    address ${one}`),
      ...gateways.map((one) => `    gateway ${one}`),
      ...(adds.length > 0 ? [`    up ip ${flag} -o address show dev ${inside} scope global | grep -q . || { ${adds.join('; ')}; }`] : []),
      ...gateways.map((one) => `    up ip ${flag} route show default | grep -q . || ip ${flag} route add default via ${one} dev ${inside}`),
    ];
  });
  return [`auto ${inside}`, ...(stanzas.length > 0 ? stanzas : [`iface ${inside} inet manual`]), ''].join('\n');
}
