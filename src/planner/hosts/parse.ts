import {
  Composer,
  CST,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  Lexer,
  LineCounter,
  Parser,
  type YAMLParseError,
  type Node as YamlNode,
} from 'yaml';
import { createBrackets } from './brackets.ts';
import type { KeyNode, MapNode, Node, Report, Spot } from './node.ts';
import { codePoint, quote } from './show.ts';
import { toWords } from './yaml-words.ts';

const MAX_DEPTH = 16;

/** YAML 1.2 text to nodes. Every problem is reported; undefined if nothing can be made of the text. */
export function parseYaml(text: string, report: Report): Node | undefined {
  if (reportUnprintable(text, report)) return undefined;
  const lines = countLines(text);
  const spotOf = (offset: number): Spot => {
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(line, 1), column: Math.max(col, 1) };
  };
  const scan = scanTokens(text, (offset, message) => report(spotOf(offset), message));
  if (!scan) return undefined;
  const composer = new Composer({ version: '1.2', schema: 'core', resolveKnownTags: false, uniqueKeys: false, prettyErrors: false });
  const documents = [...composer.compose(scan.tokens)];
  const [first, second] = documents;
  if (second) report(spotOf(second.range[0]), 'more than one document in the file: put all subhosts into one');
  const errors = first ? documents.flatMap((document) => document.errors) : composer.streamInfo().errors;
  const cutLine = reportErrors([...openBrackets(text, scan), ...toSlips(errors, scan)], spotOf, report);
  if (first?.contents && !isLeftOut(first.contents as YamlNode)) return readRoot(first.contents as YamlNode, { spotOf, report, cutLine });
  if (cutLine === NOWHERE) report({ line: 1, column: 1 }, 'the file is empty');
  return undefined;
}

/** YAML allows these in no text. The parser does, and takes some for tokens of its own. */
function reportUnprintable(text: string, report: Report): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
  const unprintable = /[\u0000-\u0008\u000b-\u001f]/;
  const lines = text.split(/\r?\n/).map((line) => unprintable.exec(line));
  for (const [index, bad] of lines.entries()) {
    if (!bad) continue;
    const why = bad[0] === '\r' ? 'a line ends with LF or CR LF, not with CR alone' : `${codePoint(bad[0])} has no place in a text file`;
    report({ line: index + 1, column: bad.index + 1 }, why);
  }
  return lines.some((bad) => bad !== null);
}

/** Not left to the parser: it forgets lines behind some errors. */
function countLines(text: string): LineCounter {
  const lines = new LineCounter();
  for (let start = 0; start >= 0; start = text.indexOf('\n', start) + 1 || -1) lines.addNewLine(start);
  return lines;
}

/** The text as the parser's tokens, and where in it what begins. */
interface Scan {
  readonly tokens: readonly CST.Token[];
  /** Texts in quotes. */
  readonly quoted: readonly number[];
  /** Brackets that are never closed. */
  readonly open: readonly number[];
}

type ReportAt = (offset: number, message: string) => void;

/**
 * The composer calls itself for every level, and 20,000 open brackets can abort Node itself, which nothing can catch. So
 * the depth is watched token by token, before it sees any of them; undefined if it is too deep.
 */
function scanTokens(text: string, reportAt: ReportAt): Scan | undefined {
  const parser = new Parser();
  const tokens: CST.Token[] = [];
  const quoted: number[] = [];
  const brackets = createBrackets();
  let isContent = false;
  for (const lexeme of new Lexer().lex(text)) {
    const type = isContent ? 'scalar' : CST.tokenType(lexeme);
    isContent = lexeme === CST.SCALAR;
    if (type === 'single-quoted-scalar' || type === 'double-quoted-scalar') quoted.push(parser.offset);
    else refuseIndirection(lexeme, type, (message) => reportAt(parser.offset, message));
    brackets.see(type, lexeme, parser.offset);
    tokens.push(...parser.next(lexeme));
    if (parser.stack.length <= MAX_DEPTH) continue;
    const levels = parser.stack.filter(CST.isCollection);
    if (levels.length <= MAX_DEPTH) continue;
    reportAt(levels.at(-1)?.offset ?? 0, `nested deeper than ${MAX_DEPTH} levels`);
    return undefined;
  }
  tokens.push(...parser.end());
  return { tokens, quoted, open: brackets.end() };
}

/** What makes a file say something else than what stands there. */
function refuseIndirection(lexeme: string, type: CST.TokenType | null, refuse: (message: string) => void): void {
  const word = (): string => quote(lexeme.trim());
  if (type === 'alias') refuse(`alias ${word()}: aliases are not supported, write the value out or use "defaults"`);
  else if (type === 'anchor') refuse(`anchor ${word()}: anchors are not supported, use "defaults"`);
  else if (type === 'tag') refuse(`tag ${word()}: tags are not supported`);
  else if (type === 'directive-line' && !/^%YAML +1\.2\s*$/.test(lexeme)) refuse(`directive ${word()}: directives are not supported`);
}

/** What the parser refused, and where a person looks for it. Only behind a wrong value does the text still say what it would without. */
interface Slip {
  readonly kind: 'value' | 'bracket' | 'grammar';
  readonly offset: number;
  readonly message: string;
}

/** These come with what has been refused as indirection. */
const REFUSED: readonly string[] = ['ALIAS_PROPS', 'BAD_ALIAS', 'BAD_DIRECTIVE', 'MULTIPLE_ANCHORS', 'MULTIPLE_TAGS', 'TAG_RESOLVE_FAILED'];
const VALUE: readonly string[] = ['BAD_DQ_ESCAPE', 'BAD_SCALAR_START'];

function toSlips(errors: readonly YAMLParseError[], { quoted, open }: Scan): Slip[] {
  return errors.flatMap(({ code, message, pos }) => {
    if (REFUSED.includes(code) || (open.length > 0 && / end with a .$|flow-error-end/.test(message))) return [];
    const isQuoted = code === 'BAD_DQ_ESCAPE' || message.startsWith('Missing closing');
    const kind = VALUE.includes(code) ? 'value' : 'grammar';
    return [{ kind, offset: isQuoted ? lastUpTo(pos[0], quoted) : pos[0], message: toWords(message) }];
  });
}

function openBrackets(text: string, { open }: Scan): Slip[] {
  return open.map((offset) => ({ kind: 'bracket', offset, message: `this ${text[offset]} is never closed` }));
}

/** The last of some ascending offsets that is not behind this one. */
function lastUpTo(offset: number, ascending: readonly number[]): number {
  let low = 0;
  for (let high = ascending.length; low < high; ) {
    const middle = (low + high) >> 1;
    if ((ascending[middle] ?? 0) <= offset) low = middle + 1;
    else high = middle;
  }
  return ascending[low - 1] ?? offset;
}

const NOWHERE = Number.POSITIVE_INFINITY;

/** Of what upsets the grammar one for each line: a second is mostly the first one's echo. Gives the line of the first. */
function reportErrors(slips: readonly Slip[], spotOf: (offset: number) => Spot, report: Report): number {
  const upset = new Set<number>();
  for (const { kind, offset, message } of [...slips].sort((a, b) => a.offset - b.offset)) {
    const spot = spotOf(offset);
    if (kind !== 'grammar' || !upset.has(spot.line)) report(spot, message);
    if (kind !== 'value') upset.add(spot.line);
  }
  return Math.min(NOWHERE, ...[...upset].slice(0, 1));
}

/** Nodes from CUTLINE on are left out: they would be guesses. */
interface Reading {
  readonly spotOf: (offset: number) => Spot;
  readonly report: Report;
  readonly cutLine: number;
}

function readRoot(node: YamlNode, reading: Reading): Node | undefined {
  return startOf(node, reading).line < reading.cutLine ? toNode(node, reading) : undefined;
}

function startOf(node: YamlNode, { spotOf }: Reading): Spot {
  return spotOf(node.range?.[0] ?? 0);
}

function toNode(node: YamlNode, reading: Reading): Node {
  const spot = startOf(node, reading);
  if (isMap(node)) return toMap(node.items as Pair[], spot, reading);
  if (isSeq(node)) {
    const items = (node.items as YamlNode[]).filter((item) => !isBehindCut(item, reading));
    return { kind: 'list', ...spot, items: items.map((item) => toNode(item, reading)) };
  }
  if (!isScalar(node)) return { kind: 'scalar', ...spot, value: null, source: '' };
  return { kind: 'scalar', ...spot, value: toValue(node.value), source: node.source ?? String(node.value) };
}

function toValue(value: unknown): string | number | boolean | null {
  return typeof value === 'number' || typeof value === 'boolean' || value === null ? value : String(value);
}

/** Where the text is cut, what looks empty may have been something. */
function isBehindCut(node: YamlNode | null, reading: Reading): boolean {
  if (reading.cutLine === NOWHERE) return false;
  return !node || isLeftOut(node) || startOf(node, reading).line >= reading.cutLine;
}

function isLeftOut(node: YamlNode): boolean {
  return isScalar(node) && node.value === null && !node.source;
}

interface Pair {
  readonly key: YamlNode;
  readonly value: YamlNode | null;
}

function toMap(pairs: readonly Pair[], spot: Spot, reading: Reading): MapNode {
  const first = new Map<string, KeyNode>();
  const entries = pairs.flatMap(({ key, value }) => {
    const keyNode = isBehindCut(value, reading) ? undefined : toKey(key, reading);
    if (!keyNode) return [];
    const before = first.get(keyNode.text);
    if (before) reading.report(keyNode, `the key ${quote(keyNode.text)} is there already`, before);
    else first.set(keyNode.text, keyNode);
    // A value that is left out has no place of its own: the key's is where a person looks.
    const { line, column } = keyNode;
    const isThere = value && !isLeftOut(value);
    return [{ key: keyNode, value: isThere ? toNode(value, reading) : { kind: 'scalar' as const, line, column, value: null, source: '' } }];
  });
  return { kind: 'map', ...spot, entries, ...(reading.cutLine === NOWHERE ? {} : { isCut: true }) };
}

/** Undefined if it is none; then it has been reported. */
function toKey(key: YamlNode, reading: Reading): KeyNode | undefined {
  const spot = startOf(key, reading);
  if (isAlias(key)) return undefined;
  if (!isScalar(key)) {
    reading.report(spot, 'a key must be a plain word');
    return undefined;
  }
  const text = key.source ?? String(key.value);
  if (text === '<<') {
    reading.report(spot, 'merge key <<: merge keys are not supported, use "defaults"');
    return undefined;
  }
  const value = toValue(key.value);
  return { ...spot, text, ...(typeof value === 'string' ? {} : { value }) };
}
