import { described, type Named, object, oneOrMore, type Placed, record, type Shape } from './shape.ts';
import { type RawSubhost, subhost, UNKNOWN_SUBHOST } from './subhost.ts';
import { cidr, linkName, scopeName, subhostName } from './values.ts';

/** A hosts file as it is written: checked value by value, nothing filled in. */
export interface RawFile {
  readonly scope?: string;
  readonly defaults?: RawSubhost;
  readonly bridges?: readonly Named<RawBridge>[];
  readonly subhosts?: readonly Named<RawSubhost>[];
}

export interface RawBridge {
  readonly address?: readonly Placed<string>[];
}

const bridge: Shape<RawBridge> = object<RawBridge>({
  address: described(oneOrMore('addresses with prefix length', cidr), {
    title: 'Addresses of the machine on this bridge',
    description: 'With prefix length: one, or a list; IPv4 or IPv6.',
    examples: ['10.77.0.1/24', ['10.77.0.1/24', 'fd00::1/64']],
  }),
});

/** The whole file. */
export const hostsFileShape: Shape<RawFile> = object<RawFile>(
  {
    scope: described(scopeName, {
      title: 'Scope',
      description: 'Whose subhosts these are. Two files with different scopes on one machine never touch what the other one made.',
      default: 'default',
      examples: ['demo'],
    }),
    defaults: described(subhost, {
      title: 'Defaults',
      description: 'Keys of a subhost that each subhost has unless it says otherwise.',
      examples: [{ ram_size: '20M', start: 'none' }],
    }),
    bridges: described(record(linkName, bridge, {}), {
      title: 'Bridges, by name',
      description: 'Made and kept by ob. One that exists already must not be named here.',
      examples: [{ ob0: { address: '10.77.0.1/24' } }],
    }),
    subhosts: described(record(subhostName, subhost, UNKNOWN_SUBHOST), {
      title: 'Subhosts, by name',
      description: 'A name is 1 to 12 characters of a-z, 0-9 and "-", a letter first.',
      examples: [{ web: { base: './web', cables: [{ bridge: 'ob0', address: '10.77.0.2/24' }] } }],
    }),
  },
  ['subhosts'],
);

/** JSON Schema (draft-07) of the whole file. */
export const hostsFileSchema: object = {
  $schema: 'http://json-schema.org/draft-07/schema#',
  title: 'Hosts file of ob',
  ...hostsFileShape.schema,
  // A subhost needs a base, unless all have one from the defaults.
  if: { required: ['defaults'], properties: { defaults: { type: 'object', required: ['base'] } } },
  else: { properties: { subhosts: { type: 'object', additionalProperties: { type: 'object', required: ['base'] } } } },
};
