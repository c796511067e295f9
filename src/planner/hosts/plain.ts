import type { KeyNode, MapNode, Node, ScalarNode } from './node.ts';

// Most hosts files say all that they say in a small part of YAML: words, texts in quotes, maps and lists, one thing a line. That
// part is read here, in a tenth of the time that a parser of all YAML takes. Whatever is not surely of that part, and so
// whatever is wrong, is left to that parser; a test compares what the two make of the same texts.

const UNUSUAL = /[^\n -~]/;
const KEY = /([A-Za-z_][A-Za-z0-9_.-]*):(?: +|(?=\n|$))/y;
const FLOW_KEY = /([A-Za-z_][A-Za-z0-9_.-]*): +/y;
const DASH = /- +/y;
const SCALAR = /"([^"\\\n]*)"|'([^'\n]*)'|[A-Za-z0-9_./][A-Za-z0-9_./:=@+-]*/y;
const OPEN = /[{[] */y;
const CLOSE = /[}\]] */y;
const COMMA = /, */y;
const SPACES = / */y;
const END = / *(?:(?<= )#[^\n]*)?(?:\n|$)/y;
const BLANK = / *(?:#[^\n]*)?(?:\n|$)/y;

/** What the core schema of YAML 1.2 takes for something else than text. */
const TYPED =
  /^(?:null|Null|NULL|true|True|TRUE|false|False|FALSE|0o[0-7]+|0x[0-9a-fA-F]+|\.(?:inf|Inf|INF|nan|NaN|NAN)|(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?)$/;
/** Of this, what is surely a number, and which. */
const WHOLE = /^[0-9]{1,15}$/;

/** No file that is right is deeper. */
const MAX_DEPTH = 8;

interface Cursor {
  readonly text: string;
  at: number;
  line: number;
  lineStart: number;
}

/** The map that a text of that part is; undefined: it may be something else. */
export function readPlain(text: string): MapNode | undefined {
  if (UNUSUAL.test(text)) return undefined;
  const cursor: Cursor = { text, at: 0, line: 1, lineStart: 0 };
  const root = toContent(cursor) === 0 ? readBlockMap(cursor, 0, 1) : undefined;
  return root && cursor.at === text.length ? root : undefined;
}

/** Passes what there is of PATTERN, if it is there. */
function pass(cursor: Cursor, pattern: RegExp): boolean {
  pattern.lastIndex = cursor.at;
  if (!pattern.test(cursor.text)) return false;
  cursor.at = pattern.lastIndex;
  return true;
}

function spotOf({ at, line, lineStart }: Cursor): { line: number; column: number } {
  return { line, column: at - lineStart + 1 };
}

/** To the first word of the next line that has any. Gives its column, from 0; -1 at the end. Undefined: there is more in this line. */
function toNextLine(cursor: Cursor): number | undefined {
  if (!pass(cursor, END)) return undefined;
  startLine(cursor);
  return toContent(cursor);
}

function toContent(cursor: Cursor): number {
  while (cursor.at < cursor.text.length && pass(cursor, BLANK)) startLine(cursor);
  pass(cursor, SPACES);
  return cursor.at < cursor.text.length ? cursor.at - cursor.lineStart : -1;
}

function startLine(cursor: Cursor): void {
  cursor.line++;
  cursor.lineStart = cursor.at;
}

/**
 * Its first key is what comes next, COLUMN from the left; so are the others. Passes what is behind it up to the next word: where
 * that is no word of what is around it either, the text does not end with the root.
 */
function readBlockMap(cursor: Cursor, column: number, depth: number): MapNode | undefined {
  const entries: { key: KeyNode; value: Node }[] = [];
  const keys = new Set<string>();
  const spot = spotOf(cursor);
  for (let next = column; next === column; next = cursor.at < cursor.text.length ? cursor.at - cursor.lineStart : -1) {
    const key = readKey(cursor, KEY, keys);
    const value = key && readBlockValue(cursor, key, column, depth + 1);
    if (!value) return undefined;
    entries.push({ key, value });
  }
  return { kind: 'map', ...spot, entries };
}

function readKey(cursor: Cursor, pattern: RegExp, keys: Set<string>): KeyNode | undefined {
  const spot = spotOf(cursor);
  const begin = cursor.at;
  if (!pass(cursor, pattern)) return undefined;
  const text = cursor.text.slice(begin, cursor.text.indexOf(':', begin));
  if (keys.has(text) || TYPED.test(text)) return undefined;
  keys.add(text);
  return { ...spot, text };
}

function readBlockValue(cursor: Cursor, { line, column: place }: KeyNode, column: number, depth: number): Node | undefined {
  const next = toNextLine(cursor);
  if (next === undefined) {
    const value = readInLine(cursor, depth);
    return value && toNextLine(cursor) !== undefined ? value : undefined;
  }
  if (next <= column) return { kind: 'scalar', line, column: place, value: null, source: '' };
  if (depth > MAX_DEPTH) return undefined;
  return cursor.text[cursor.at] === '-' ? readBlockList(cursor, next, depth) : readBlockMap(cursor, next, depth);
}

function readBlockList(cursor: Cursor, column: number, depth: number): Node | undefined {
  const items: Node[] = [];
  const spot = spotOf(cursor);
  for (let next: number | undefined = column; next === column; ) {
    const item = pass(cursor, DASH) ? readInLine(cursor, depth + 1) : undefined;
    next = item && toNextLine(cursor);
    if (!item || next === undefined) return undefined;
    items.push(item);
  }
  return { kind: 'list', ...spot, items };
}

function readInLine(cursor: Cursor, depth: number): Node | undefined {
  const first = cursor.text[cursor.at];
  if (first !== '{' && first !== '[') return readScalar(cursor);
  return depth > MAX_DEPTH ? undefined : readFlow(cursor, first === '{', depth);
}

function readFlow(cursor: Cursor, isMap: boolean, depth: number): Node | undefined {
  const spot = spotOf(cursor);
  const entries: { key: KeyNode; value: Node }[] = [];
  const items: Node[] = [];
  const keys = new Set<string>();
  pass(cursor, OPEN);
  const end = isMap ? '}' : ']';
  for (let isFirst = true; cursor.text[cursor.at] !== end || !isFirst; isFirst = false) {
    const key = isMap ? readKey(cursor, FLOW_KEY, keys) : undefined;
    const value = key || !isMap ? readInLine(cursor, depth + 1) : undefined;
    if (!value) return undefined;
    if (key) entries.push({ key, value });
    else items.push(value);
    pass(cursor, SPACES);
    if (cursor.text[cursor.at] === end) break;
    if (!pass(cursor, COMMA)) return undefined;
  }
  pass(cursor, CLOSE);
  return isMap ? { kind: 'map', ...spot, entries } : { kind: 'list', ...spot, items };
}

function readScalar(cursor: Cursor): ScalarNode | undefined {
  const spot = spotOf(cursor);
  const begin = cursor.at;
  if (!pass(cursor, SCALAR)) return undefined;
  const source = cursor.text.slice(begin, cursor.at);
  if (source[0] === '"' || source[0] === "'") {
    const text = source.slice(1, -1);
    return { kind: 'scalar', ...spot, value: text, source: text };
  }
  if (source.endsWith(':')) return undefined;
  if (!TYPED.test(source)) return { kind: 'scalar', ...spot, value: source, source };
  if (WHOLE.test(source)) return { kind: 'scalar', ...spot, value: Number(source), source };
  return source === 'true' || source === 'false' ? { kind: 'scalar', ...spot, value: source === 'true', source } : undefined;
}
