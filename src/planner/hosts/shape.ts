import type { MapNode, Node, Report, ScalarNode, Spot } from './node.ts';
import { typeName } from './parse.ts';

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
    schema: { type: 'string', description: what, ...schema },
    read(node, report) {
      if (node.kind !== 'scalar' || typeof node.value !== 'string') {
        report(node, `${what} is wanted here, not ${describe(node)}${quoteHint(node)}`);
        return undefined;
      }
      const wrong = hasControl(node.value) ? 'it holds a control character' : rule(node.value);
      if (!wrong) return node.value;
      report(node, `${JSON.stringify(node.value)} is no ${what.replace(/^(an?|the) /, '')}: ${wrong}`);
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
      if (!isMap(node, report)) return undefined;
      const values: [string, unknown][] = [];
      for (const { key, value } of node.entries) {
        const shape = shapes.get(key.text);
        if (shape) values.push([key.text, shape.read(value, report)]);
        else report(key, `unknown key "${key.text}"${nearest(key.text, [...shapes.keys()])}`);
      }
      const there = new Set(node.entries.map((entry) => entry.key.text));
      for (const name of required) if (!there.has(name)) report(node, `the key "${name}" is missing`);
      return Object.fromEntries(values.filter(([, value]) => value !== undefined)) as T;
    },
  };
}

/** A map from names of the user's to values; gives them in the file's order. */
export function record<T>(what: string, name: Shape<string>, shape: Shape<T>): Shape<{ name: Placed<string>; value: T }[]> {
  return {
    schema: { type: 'object', description: what, propertyNames: name.schema, additionalProperties: shape.schema },
    read(node, report) {
      if (!isMap(node, report)) return undefined;
      return node.entries.flatMap(({ key, value }) => {
        const keyNode: ScalarNode = { kind: 'scalar', value: key.text, source: key.text, line: key.line, column: key.column };
        const good = name.read(keyNode, report);
        const read = shape.read(value, report);
        if (good === undefined || read === undefined) return [];
        return [{ name: { value: good, line: key.line, column: key.column }, value: read }];
      });
    },
  };
}

export function list<T>(what: string, shape: Shape<T>): Shape<T[]> {
  return {
    schema: { type: 'array', description: what, items: shape.schema },
    read(node, report) {
      if (node.kind !== 'list') {
        report(node, `a list is wanted here (${what}), not ${describe(node)}`);
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
    schema: { anyOf: [shape.schema, many.schema], description: what },
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
      report(node, `a list or "${word}" is wanted here, not ${describe(node)}`);
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

function isMap(node: Node, report: Report): node is MapNode {
  if (node.kind === 'map') return true;
  report(node, `keys and values are wanted here, not ${describe(node)}`);
  return false;
}

function describe(node: Node): string {
  if (node.kind === 'map') return 'keys and values';
  return node.kind === 'list' ? 'a list' : typeName(node.value);
}

function quoteHint(node: Node): string {
  return node.kind === 'scalar' && node.value !== null ? `: write "${node.source}" in quotes if you mean the text` : '';
}

function hasControl(value: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for, with those that turn the direction of text.
  return /[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u202a-\u202e\u2028\u2029\u2066-\u2069\ufeff]/.test(value);
}

/** `; did you mean "cables"?`, if there is a word that is near enough. */
export function nearest(word: string, words: readonly string[]): string {
  const ranked = words.map((one) => ({ one, far: distance(word.toLowerCase(), one) })).sort((a, b) => a.far - b.far);
  const [best] = ranked;
  if (best && best.far <= Math.max(1, Math.floor(best.one.length / 2))) return `; did you mean "${best.one}"?`;
  return `; known are ${words.join(', ')}`;
}

/** Levenshtein distance, row by row. */
function distance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (const [i, a] of [...from].entries()) {
    const next = [i + 1];
    for (const [j, b] of [...to].entries())
      next.push(Math.min((next[j] ?? 0) + 1, (row[j + 1] ?? 0) + 1, (row[j] ?? 0) + (a === b ? 0 : 1)));
    row = next;
  }
  return row[to.length] ?? 0;
}
