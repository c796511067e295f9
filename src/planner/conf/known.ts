import { hostsFileShape } from '../hosts/format.ts';

/** What hosts.yaml has a word for. Read from its format, so that a variable begins to work when its key does. */
export interface Known {
  /** Is there such a key of a subhost, and is it a list there, or one text? */
  subhostKey(key: string): 'list' | 'text' | undefined;
  readonly vlan: boolean;
  /** Can a value be a command, `!COMMAND`? */
  readonly commands: boolean;
  /** Can a layer be in an image? */
  readonly diskfile: boolean;
}

export function knownOf(schema: object): Known {
  const keys = at(schema, 'properties', 'subhosts', 'additionalProperties', 'properties');
  return {
    subhostKey(key) {
      const found = Object.hasOwn(keys, key) ? at(keys, key) : undefined;
      if (!found) return undefined;
      return some(found, (part) => part['type'] === 'array') && !isText(found) ? 'list' : 'text';
    },
    vlan: some(at(keys, 'cables'), (part) => Object.hasOwn(at(part, 'properties'), 'vlan')),
    diskfile: some(at(keys, 'lower'), (part) => Object.hasOwn(at(part, 'properties'), 'diskfile')),
    commands: some(at(keys, 'lower'), (part) => typeof part['pattern'] === 'string' && part['pattern'].startsWith('^!')),
  };
}

export const KNOWN: Known = knownOf(hostsFileShape.schema);

type Schema = Readonly<Record<string, unknown>>;

/** A part of the schema; empty where there is none. */
function at(schema: object, ...path: readonly string[]): Schema {
  let part: unknown = schema;
  for (const key of path) part = isSchema(part) ? part[key] : undefined;
  return isSchema(part) ? part : {};
}

function isSchema(part: unknown): part is Schema {
  return typeof part === 'object' && part !== null;
}

function isText({ type, anyOf }: Schema): boolean {
  return type === 'string' || (Array.isArray(anyOf) && anyOf.some((part) => isSchema(part) && isText(part)));
}

/** Is there such a part anywhere in the schema? */
function some(schema: Schema, test: (part: Schema) => boolean): boolean {
  return test(schema) || Object.values(schema).some((part) => isSchema(part) && some(part, test));
}
