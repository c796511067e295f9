import fc, { type Arbitrary } from 'fast-check';
import type { Facts } from '../../src/planner/hosts/facts.ts';
import { hostsFileSchema } from '../../src/planner/hosts/format.ts';
import { parseHostsFile } from '../../src/planner/hosts/read.ts';
import { ObError } from '../../src/resources/error.ts';
import type { HostsFile } from '../../src/resources/hosts.ts';
import { fitting, type Schema } from './arbitrary.ts';
import { FACTS, PATH } from './hosts-facts.ts';

/** A hosts file as a value of JSON. */
export interface FileValue {
  readonly [key: string]: unknown;
  readonly defaults?: object;
  readonly bridges?: Readonly<Record<string, object>>;
  readonly subhosts: Readonly<Record<string, object>>;
}

/** One thing that a person writes, changes or takes out. */
export type Edit =
  | { readonly of: Part; readonly name: string; readonly key: string; readonly value: unknown }
  | { readonly of: Part; readonly name: string; readonly key: null }
  | { readonly of: 'swap'; readonly name: string; readonly other: string };

/** Of `defaults` there is no more than one, without a name. */
type Part = 'defaults' | 'bridges' | 'subhosts';

const SUBHOSTS = ['web', 'db', 'w', 'web1'];
const BRIDGES = ['ob0', 'web0', 'br9'];
const { properties = {} } = hostsFileSchema as Schema;

/** Each key with values of its schema. So a key that is new is there at once. */
export function edits(): Arbitrary<Edit> {
  return fc.oneof(
    { weight: 2, arbitrary: entryEdits('defaults', ['']) },
    { weight: 2, arbitrary: entryEdits('bridges', BRIDGES) },
    { weight: 9, arbitrary: entryEdits('subhosts', SUBHOSTS) },
    { weight: 2, arbitrary: swaps() },
  );
}

/** Two subhosts, directories and all, under each other's names; or one under another name. */
function swaps(): Arbitrary<Edit> {
  const name = fc.constantFrom(...SUBHOSTS);
  return fc.record({ of: fc.constant('swap'), name, other: name });
}

function entryEdits(of: Part, names: readonly string[]): Arbitrary<Edit> {
  const schema = (of === 'defaults' ? properties[of] : properties[of]?.additionalProperties) || {};
  const name = fc.constantFrom(...names);
  const keys = Object.entries(schema.properties ?? {}).map(([key, one]) =>
    fc.record({ of: fc.constant(of), name, key: fc.constant(key), value: key === 'cables' ? cables() : fitting(one) }),
  );
  return fc.oneof(
    { weight: keys.length, arbitrary: fc.oneof<Arbitrary<Edit>[]>(...keys) },
    { weight: 1, arbitrary: fc.record({ of: fc.constant(of), name, key: fc.constant(null) }) },
    { weight: 1, arbitrary: fc.record({ of: fc.constant(of), name, key: fc.constant(''), value: fc.constant(null) }) },
  );
}

/** Cables with bridges that are there, and with few keys each: the examples of all of them hardly ever fit beside each other. */
function cables(): Arbitrary<unknown> {
  const all = properties['subhosts']?.additionalProperties || {};
  const { items = {} } = all.properties?.['cables'] ?? {};
  const keys = Object.entries(findObject(items)?.properties ?? {}).filter(([key]) => key !== 'bridge');
  const none = { weight: 2, arbitrary: fc.constant({}) };
  const one = fc.oneof(none, ...keys.map(([key, schema]) => fitting(schema).map((value) => ({ [key]: value }))));
  const bridge = fc.constantFrom({}, ...[...BRIDGES, 'br0', 'br1'].map((name) => ({ bridge: name })));
  const few = fc.tuple(bridge, one, one).map((parts) => Object.assign({}, ...parts));
  return fc.array(fc.oneof({ weight: 4, arbitrary: few }, { weight: 1, arbitrary: fitting(items) }), { maxLength: 3 });
}

function findObject(schema: Schema): Schema | undefined {
  return schema.properties ? schema : schema.anyOf?.map(findObject).find((one) => one !== undefined);
}

/** The file with an edit; or as it was, where nobody could have it so. */
export function withEdit(value: FileValue, edit: Edit): FileValue {
  const next = edited(value, edit);
  return readValue(next) ? next : value;
}

function edited(value: FileValue, edit: Edit): FileValue {
  if (edit.of === 'defaults') {
    const { defaults, ...rest } = value;
    return edit.key === null ? rest : { ...value, defaults: { ...defaults, ...(edit.key === '' ? {} : { [edit.key]: edit.value }) } };
  }
  if (edit.of === 'swap') {
    const names = new Map([
      [edit.name, edit.other],
      [edit.other, edit.name],
    ]);
    return { ...value, subhosts: Object.fromEntries(Object.entries(value.subhosts).map(([name, one]) => [names.get(name) ?? name, one])) };
  }
  const { [edit.name]: old, ...others } = value[edit.of] ?? {};
  if (edit.key === null) return { ...value, [edit.of]: others };
  const first = edit.of === 'subhosts' ? { base: `/srv/${edit.name}` } : {};
  const one = { ...first, ...old, ...(edit.key === '' ? {} : { [edit.key]: edit.value }) };
  return { ...value, [edit.of]: { ...others, [edit.name]: one } };
}

/** Something of each kind. */
export const FULL: FileValue = {
  scope: 'demo',
  bridges: { ob0: { address: '10.77.0.1/24' } },
  subhosts: {
    web: { base: '/srv/web', cables: [{ bridge: 'ob0', address: '10.77.0.2/24' }, { bridge: 'ob0', vlan: 7 }, { bridge: 'br0' }] },
    db: { base: '/srv/db', upper: { diskfile: { image: 'disk.img' } }, cables: [{ bridge: 'ob0' }] },
    w: { base: '/srv/w', lower: '/srv/tree', upper: '/srv/tree', restart: 'never' },
  },
};

/** Each command prints a path of its subhost's: a file in which one is left as it is can be checked, but not applied. */
const WITH_COMMANDS: Facts = { ...FACTS, answer: ({ argv, env }) => ({ output: `/srv/${env['NAME']}/${argv.join('-')}` }) };

/** Undefined: it is refused. */
export function readValue(value: FileValue): HostsFile | undefined {
  try {
    return parseHostsFile(JSON.stringify(value), PATH, WITH_COMMANDS);
  } catch (error) {
    if (error instanceof ObError) return undefined;
    throw error;
  }
}

/** Files with one key beside what has to be there, of all keys. */
export function smallFiles(): Arbitrary<FileValue> {
  const small: FileValue = { scope: 'demo', bridges: { ob0: {} }, subhosts: { web: { base: '/srv/web' } } };
  const cable = cables().map((value): Edit => ({ of: 'subhosts', name: 'web', key: 'cables', value }));
  const entry = fc.oneof(entryEdits('defaults', ['']), entryEdits('subhosts', ['web']), cable);
  const one = fc.oneof({ weight: 9, arbitrary: entry }, { weight: 1, arbitrary: entryEdits('bridges', ['ob0']) });
  return one.map((edit) => withEdit(small, edit));
}
