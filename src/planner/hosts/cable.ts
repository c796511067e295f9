import type { Report, Spot } from './node.ts';
import { byKind, described, object, oneOrMore, type Placed, placed, type Shape, text } from './shape.ts';
import { cidr, ip, linkName, mac, mtu, vlan } from './values.ts';

/** A cable as it is written. */
export interface RawCable {
  readonly bridge?: Placed<string>;
  readonly vlan?: Placed<number>;
  readonly mac?: Placed<string>;
  readonly mtu?: Placed<number>;
  readonly address?: readonly Placed<string>[];
  readonly gateway?: readonly Placed<string>[];
}

const cableKeys = object<RawCable>({
  bridge: described(placed(linkName), {
    title: 'Bridge',
    description:
      'What the cable is plugged into: a bridge of "bridges", or one that exists on the machine. Without it the end at the machine is set up, then "ifup NAME" is tried.',
    examples: ['ob0'],
  }),
  vlan: described(placed(vlan), {
    title: 'VLAN on the cable before it',
    description:
      'Number of 802.1Q, 1 to 4094. Then this is no cable of its own but tagged traffic over the nearest one before it: web0.302 at the machine, eth0.302 inside.',
    examples: [302],
  }),
  mac: described(placed(mac), {
    title: 'MAC of the inner end',
    description: 'In quotes. Without it the kernel chooses one.',
    examples: ['02:00:0a:4d:00:02'],
  }),
  mtu: described(placed(mtu), {
    title: 'MTU of both ends',
    description: 'Bytes of the largest packet, 68 to 65535; IPv6 needs 1280. Without it: 1500.',
    examples: [1400],
  }),
  address: described(oneOrMore('addresses with prefix length', cidr), {
    title: 'Addresses of the inner end',
    description: 'With prefix length: one, or a list; IPv4 or IPv6. Without it they are left to the subhost.',
    examples: ['10.77.0.2/24', ['10.77.0.2/24', 'fd00::2/64']],
  }),
  gateway: described(oneOrMore('addresses', ip), {
    title: 'Default route',
    description: 'One address, or one for IPv4 and one for IPv6, in a network of the cable. Without it routes are left to the subhost.',
    examples: ['10.77.0.1', ['10.77.0.1', 'fd00::1']],
  }),
});

const shortForm = text('a cable', (value) =>
  /^[^=]*=[^=]*$/.test(value) ? undefined : 'write it like "br0=02:00:00:00:00:07" or "br0=.302", or as { bridge: …, mac: … }',
);

/** overlay-boot's `[bridge]=[mac]` and `[bridge]=.VLAN`. */
const shortCable: Shape<RawCable> = described(
  {
    schema: { type: 'string', pattern: '^[^=]*=[^=]*$' },
    read(node, report) {
      const read = shortForm.read(node, report);
      if (!read) return undefined;
      const { line, column } = node;
      const part = (value: string, shape: Shape<string>): Placed<string> | undefined =>
        value === '' ? undefined : placed(shape).read({ kind: 'scalar', value, source: value, line, column }, report);
      const [bridgeText = '', macText = ''] = read.split('=');
      const tag = /^\.(.*)$/.exec(macText)?.[1];
      const bridgeName = part(bridgeText, linkName);
      const macValue = tag === undefined ? part(macText, mac) : undefined;
      const vlanValue = tag === undefined ? undefined : toTag(tag, node, report);
      return {
        ...(bridgeName ? { bridge: bridgeName } : {}),
        ...(macValue ? { mac: macValue } : {}),
        ...(vlanValue ? { vlan: vlanValue } : {}),
      };
    },
  },
  {
    title: 'BRIDGE=MAC, BRIDGE=.VLAN',
    description: 'Both may be left out. ".302" is the VLAN 302 on the cable before it.',
    examples: ['br0=02:00:00:00:00:07', 'br0=', '=', 'br0=.302'],
  },
);

function toTag(text: string, { line, column }: Spot, report: Report): Placed<number> | undefined {
  const value = /^\d+$/.test(text) ? Number(text) : text;
  return placed(vlan).read({ kind: 'scalar', value, source: text, line, column }, report);
}

/** A cable of a subhost: its keys, or overlay-boot's short form. */
export const cable: Shape<RawCable> = byKind<RawCable>({ map: cableKeys, scalar: shortCable });
