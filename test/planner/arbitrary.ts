import fc, { type Arbitrary } from 'fast-check';

/** As much of JSON Schema as hosts files are described with; a form that is not known here fails the suite. */
export interface Schema {
  readonly type?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly propertyNames?: Schema;
  readonly additionalProperties?: Schema | false;
  readonly items?: Schema;
  readonly minItems?: number;
  readonly anyOf?: readonly Schema[];
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly pattern?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly multipleOf?: number;
  readonly title?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly examples?: readonly unknown[];
}

/** What a person may have meant, and what nobody means. */
const JUNK: readonly unknown[] = [
  ...[null, true, false, 0, -1, 1.5, 4096, 1e99, 2 ** 53, [], {}, [[]], { a: { b: 1 } }, '', ' ', '.', '..', '../..', '/', '-h', '~'],
  ...[
    '$(id)',
    '`id`',
    ';id',
    "a'b",
    'a\nb',
    'a,b',
    'a:b',
    'a\\b',
    '%',
    '*',
    '=',
    '==',
    '=x',
    '!',
    '! ',
    '!id',
    '\u202e',
    '\u200b',
    '\ufeff',
  ],
  ...[
    '1e3',
    '0x1f',
    'null',
    'no',
    '2024-01-01',
    '__proto__',
    'constructor',
    'lo',
    'x'.repeat(300),
    '1M',
    '1T',
    '0',
    '10.0.0.1/33',
    '::/129',
  ],
  ...['00:00:00:00:00:00', '01:00:00:00:00:01', '/proc', '/proc/1/root', '/dev/../etc', 'ü', '🦊', '\ud800', 'eth0', 'web', 'ob0'],
];

const KEYS = ['base', 'bass', 'subhosts', '<<', '__proto__', 'toString', '', 'a b', 'Base', 'cables ', '1', 'null', '\u202ebase'];

/** Values that fit a schema: now and then the examples, now and then what the schema alone allows. */
export function fitting(schema: Schema): Arbitrary<unknown> {
  return fromSchema(schema, (arbitrary) => arbitrary);
}

/** The same with a slip here and there, at any depth: another value, a key more. */
export function nearlyFitting(schema: Schema): Arbitrary<unknown> {
  const junk = fc.constantFrom(...JUNK);
  return fromSchema(schema, (arbitrary) =>
    fc.oneof(
      { weight: 30, arbitrary },
      { weight: 1, arbitrary: junk },
      { weight: 1, arbitrary: fc.tuple(arbitrary, fc.constantFrom(...KEYS), junk).map(addKey) },
    ),
  );
}

function addKey([value, key, junk]: readonly [unknown, string, unknown]): unknown {
  if (typeof value !== 'object' || value === null) return value;
  return Array.isArray(value) ? [...value, junk] : Object.defineProperty({ ...value }, key, { value: junk, enumerable: true });
}

type Slip = (arbitrary: Arbitrary<unknown>) => Arbitrary<unknown>;

function fromSchema(schema: Schema, slip: Slip): Arbitrary<unknown> {
  const known = [...(schema.examples ?? []), ...('default' in schema ? [schema.default] : [])];
  const bare = slip(bareOf(schema, slip));
  if (known.length === 0) return bare;
  return fc.oneof({ weight: 1, arbitrary: bare }, { weight: 2, arbitrary: fc.constantFrom(...known) });
}

function bareOf(schema: Schema, slip: Slip): Arbitrary<unknown> {
  const { type, pattern, minimum, maximum, multipleOf = 1, items, anyOf } = schema;
  if (anyOf) return fc.oneof(...anyOf.map((one) => fromSchema(one, slip)));
  if ('const' in schema) return fc.constant(schema.const);
  if (schema.enum) return fc.constantFrom(...schema.enum);
  if (type === 'string') return pattern === undefined ? fc.string() : fc.stringMatching(new RegExp(pattern), { maxLength: 24 });
  const range = { ...(minimum === undefined ? {} : { min: minimum }), ...(maximum === undefined ? {} : { max: maximum }) };
  if (type === 'integer' && multipleOf > 1)
    return fc.integer({ min: (minimum ?? 0) / multipleOf, max: (maximum ?? 0) / multipleOf }).map((one) => one * multipleOf);
  if (type === 'integer') return fc.integer(range);
  if (type === 'number') return fc.double({ ...range, noNaN: true, noDefaultInfinity: true });
  if (type === 'boolean') return fc.boolean();
  if (type === 'array' && items) return fc.array(fromSchema(items, slip), { minLength: schema.minItems ?? 0, maxLength: 3 });
  if (type === 'object') return objectOf(schema, slip);
  throw new Error(`no values are known for ${JSON.stringify(schema).slice(0, 200)}`);
}

function objectOf({ properties, required = [], propertyNames, additionalProperties }: Schema, slip: Slip): Arbitrary<unknown> {
  if (properties) {
    const model = Object.fromEntries(Object.entries(properties).map(([name, one]) => [name, fromSchema(one, slip)]));
    return fc.record(model, { requiredKeys: [...required] });
  }
  if (!additionalProperties) throw new Error('an object without properties');
  const name = fromSchema(propertyNames ?? { type: 'string' }, slip).map(String);
  return fc.dictionary(name, fromSchema(additionalProperties, slip), { maxKeys: 3 });
}

/** Every key of a file, by its path in the schema: `.subhosts.cables.mac`. */
export function keysOf(schema: unknown, at = ''): [path: string, key: Schema][] {
  if (typeof schema !== 'object' || schema === null) return [];
  const {
    if: _if,
    else: _else,
    properties = {},
    default: _default,
    examples: _examples,
    ...rest
  } = schema as Schema & Record<string, unknown>;
  const own = Object.entries(properties).flatMap(([name, key]): [string, Schema][] => [
    [`${at}.${name}`, key],
    ...keysOf(key, `${at}.${name}`),
  ]);
  return [...own, ...Object.values(rest).flatMap((part) => keysOf(part, at))];
}

/** The keys that a value has, by their paths in its schema. */
export function keysIn(value: unknown, schema: Schema, at = ''): string[] {
  const inside = (schema.anyOf ?? []).flatMap((one) => keysIn(value, one, at));
  if (Array.isArray(value)) return [...inside, ...value.flatMap((one) => keysIn(one, schema.items ?? {}, at))];
  if (typeof value !== 'object' || value === null) return inside;
  const own = Object.entries(value).flatMap(([key, one]) => {
    const known = schema.properties?.[key];
    const path = `${at}.${key}`;
    // Else it is a name of the user's.
    return known ? [path, ...keysIn(one, known, path)] : keysIn(one, schema.additionalProperties || {}, at);
  });
  return [...inside, ...own];
}
