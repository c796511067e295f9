import type { KeyNode, MapNode, Node, Report, ScalarNode, Spot } from './node.ts';
import { quote, showText, unseenIn } from './show.ts';

/**
 * What a value in the file must look like. One description serves both the check with line and column and the
 * JSON Schema for editors, so that they cannot differ.
 */
export interface Shape<T> {
  /** The value, or undefined if it is wrong: then it has been reported. */
  read(node: Node, report: Report): T | undefined;
  readonly schema: object;
}

/** A value together with where it stands, for checks that come later. */
export interface Placed<T> extends Spot {
  readonly value: T;
}

/** What an editor shows of a value: title, description, default, examples. */
export function described<T>(shape: Shape<T>, words: Words): Shape<T> {
  return { ...shape, schema: { ...shape.schema, ...words } };
}

interface Words {
  readonly title: string;
  readonly description: string;
  readonly default?: unknown;
  readonly examples?: readonly unknown[];
}

export function placed<T>(shape: Shape<T>): Shape<Placed<T>> {
  return {
    schema: shape.schema,
    read(node, report) {
      const value = shape.read(node, report);
      return value === undefined ? undefined : { value, line: node.line, column: node.column };
    },
  };
}

/** An object that remembers which keys were written, also those with a wrong value. */
export function keyed<T extends object>(shape: Shape<T>): Shape<T & { readonly keys: ReadonlySet<string> }> {
  return {
    schema: shape.schema,
    read(node, report) {
      const value = shape.read(node, report);
      const keys = new Set(node.kind === 'map' ? node.entries.map(({ key }) => key.text) : []);
      return value === undefined ? undefined : { ...value, keys };
    },
  };
}

/** A string; RULE says in words what is wrong with it, or undefined. */
export function text(what: string, rule: (value: string) => string | undefined, schema: object = {}): Shape<string> {
  return {
    schema: { type: 'string', ...schema },
    read(node, report) {
      if (node.kind !== 'scalar' || typeof node.value !== 'string') {
        report(node, `${what} is wanted here, not ${describe(node)}${textHint(node, rule)}`);
        return undefined;
      }
      const unseen = unseenIn(node.value);
      const wrong = unseen ? `it holds ${unseen}, which cannot be seen` : rule(node.value);
      if (!wrong) return node.value;
      report(node, `${quote(node.value)} is no ${what.replace(/^(an?|the) /, '')}: ${wrong}`);
      return undefined;
    },
  };
}

/** Keys that are known by name; all but REQUIRED may be left out. */
export function object<T extends object>(
  keys: { readonly [K in keyof T]-?: Shape<Exclude<T[K], undefined>> },
  required: readonly (keyof T & string)[] = [],
): Shape<T> {
  const shapes = new Map(Object.entries(keys) as [string, Shape<unknown>][]);
  return {
    schema: {
      type: 'object',
      properties: Object.fromEntries([...shapes].map(([name, shape]) => [name, shape.schema])),
      required,
      additionalProperties: false,
    },
    read(node, report) {
      if (!isMap(node, report, shapes)) return undefined;
      const values: [string, unknown][] = [];
      for (const { key, value } of node.entries) {
        const shape = shapes.get(key.text);
        if (shape) values.push([key.text, shape.read(value, report)]);
        else report(key, `unknown key ${quote(key.text)}${nearest(key.text, [...shapes.keys()])}`);
      }
      const there = new Set(node.entries.map((entry) => entry.key.text));
      for (const name of required) if (!there.has(name) && !node.isCut) report(node, `the key "${name}" is missing`);
      return Object.fromEntries(values.filter(([, value]) => value !== undefined)) as T;
    },
  };
}

/** One entry of a map from names of the user's to values. */
export interface Named<T> {
  readonly name: Placed<string>;
  /** Else it is none that is allowed, or was there already: that has been reported. */
  readonly isNameGood: boolean;
  readonly value: T;
}

/** A map from names of the user's to values; gives them in the file's order. WRONG: what stands for a value that is none. */
export function record<T>(name: Shape<string>, shape: Shape<T>, wrong: T): Shape<Named<T>[]> {
  return {
    schema: { type: 'object', propertyNames: name.schema, additionalProperties: shape.schema },
    read(node, report) {
      if (!isMap(node, report)) return undefined;
      const before = new Set<string>();
      return node.entries.map(({ key, value }) => {
        const isNameGood = name.read(toScalar(key), report) !== undefined && !before.has(key.text);
        before.add(key.text);
        return { name: { value: key.text, line: key.line, column: key.column }, isNameGood, value: shape.read(value, report) ?? wrong };
      });
    },
  };
}

function toScalar({ text, value, line, column }: KeyNode): ScalarNode {
  return { kind: 'scalar', value: value === undefined ? text : value, source: text, line, column };
}

export function list<T>(what: string, shape: Shape<T>): Shape<T[]> {
  return {
    schema: { type: 'array', items: shape.schema },
    read(node, report) {
      if (node.kind !== 'list') {
        report(node, `a list of ${what} is wanted here, not ${describe(node)}${listHint(node)}`);
        return undefined;
      }
      return node.items.flatMap((item) => shape.read(item, report) ?? []);
    },
  };
}

/** One value, or a list of them. */
export function oneOrMore<T>(what: string, shape: Shape<T>): Shape<T[]> {
  const many = list(what, shape);
  return {
    schema: { anyOf: [shape.schema, many.schema] },
    read(node, report) {
      if (node.kind === 'list') return many.read(node, report);
      const one = shape.read(node, report);
      return one === undefined ? undefined : [one];
    },
  };
}

/** One word, which stands for a value. */
export function choice<T>(word: string, make: () => T): Shape<T> {
  return {
    schema: { const: word },
    read(node, report) {
      if (node.kind === 'scalar' && node.value === word) return make();
      report(node, `a list or "${word}" is wanted here, not ${describe(node)}${listHint(node)}`);
      return undefined;
    },
  };
}

/** A shape for each of a list, a map and a scalar; null where the file may not have that. */
export function byKind<T>(shapes: { list?: Shape<T>; map?: Shape<T>; scalar?: Shape<T> }): Shape<T> {
  const all = Object.values(shapes);
  return {
    schema: { anyOf: all.map((shape) => shape.schema) },
    read: (node, report) => (shapes[node.kind] ?? (all[0] as Shape<T>)).read(node, report),
  };
}

/** Makes another value of what was read. */
export function map<A, B>(shape: Shape<A>, make: (value: A) => B): Shape<B> {
  return {
    schema: shape.schema,
    read(node, report) {
      const value = shape.read(node, report);
      return value === undefined ? undefined : make(value);
    },
  };
}

function isMap(node: Node, report: Report, keys: ReadonlyMap<string, unknown> = new Map()): node is MapNode {
  if (node.kind === 'map') return true;
  report(node, `keys and values are wanted here, not ${describe(node)}${mapHint(node, keys)}`);
  return false;
}

/** `base /srv/web`, and what stands below its key without being indented. */
function mapHint(node: Node, keys: ReadonlyMap<string, unknown>): string {
  if (node.kind !== 'scalar') return '';
  if (node.value === null) return ': write them below it, indented';
  const [first = ''] = node.source.split(/[\s=]/, 1);
  return keys.has(first) ? `: a ":" is missing behind "${first}"` : '';
}

/** What a node is called to a person. */
export function describe(node: Node): string {
  if (node.kind === 'map') return 'keys and values';
  if (node.kind === 'list') return 'a list';
  if (node.value === null) return 'nothing';
  return typeof node.value === 'boolean' ? 'true or false' : `a ${typeof node.value}`;
}

/** Quotes help only where the text would do. */
function textHint(node: Node, rule: (value: string) => string | undefined): string {
  if (node.kind !== 'scalar' || node.source === '') return '';
  return `: ${rule(node.source) ?? `write "${node.source}" in quotes if you mean the text`}`;
}

function listHint(node: Node): string {
  return node.kind === 'scalar' && node.value === null ? '' : ': put it in [ ]';
}

/** More help nobody to choose. */
const MAX_LISTED = 20;
/** No name is longer, and it would take long to compare. */
const MAX_COMPARED = 64;

/** `; did you mean "cables"?`, if there is a word that is near enough. */
export function nearest(word: string, words: readonly string[]): string {
  const compared = word.slice(0, MAX_COMPARED).toLowerCase();
  const isBegin = (one: string): boolean => compared.length > 2 && one.toLowerCase().startsWith(compared);
  const ranked = words.map((one) => ({ one, far: isBegin(one) ? 1 : distance(compared, one.toLowerCase()) })).sort((a, b) => a.far - b.far);
  const [best] = ranked;
  if (best && best.far <= Math.max(1, Math.round(best.one.length / 3))) return `; did you mean ${quote(best.one)}?`;
  return `; known are ${showText(words.slice(0, MAX_LISTED).join(', '))}${words.length > MAX_LISTED ? ', …' : ''}`;
}

/** Levenshtein distance, row by row, but that two letters swapped are one slip. */
function distance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, index) => index);
  let before = row;
  for (const [i, a] of [...from].entries()) {
    const next = [i + 1];
    for (const [j, b] of [...to].entries()) {
      const isSwapped = i > 0 && j > 0 && a === to[j - 1] && b === from[i - 1];
      const swapped = isSwapped ? (before[j - 1] ?? 0) + 1 : Number.POSITIVE_INFINITY;
      next.push(Math.min((next[j] ?? 0) + 1, (row[j + 1] ?? 0) + 1, (row[j] ?? 0) + (a === b ? 0 : 1), swapped));
    }
    before = row;
    row = next;
  }
  return row[to.length] ?? 0;
}
