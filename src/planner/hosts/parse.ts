import { isAlias, isMap, isScalar, isSeq, LineCounter, parseAllDocuments, type YAMLError, type Node as YamlNode } from 'yaml';
import type { KeyNode, MapNode, Node, Report, Spot } from './node.ts';

const MAX_DEPTH = 16;

/** YAML 1.2 text to nodes. Every problem is reported; undefined if nothing can be made of the text. */
export function parseYaml(text: string, report: Report): Node | undefined {
  const deep = findTooDeep(text);
  if (deep) {
    // Before the parser sees it: 20,000 open brackets can abort Node itself, which nothing can catch.
    report(deep, `nested deeper than ${MAX_DEPTH} levels`);
    return undefined;
  }
  const lines = new LineCounter();
  const documents = parseAllDocuments(text, { version: '1.2', schema: 'core', lineCounter: lines, uniqueKeys: true, prettyErrors: false });
  const spotOf = (offset: number): Spot => {
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(line, 1), column: Math.max(col, 1) };
  };
  if (!Array.isArray(documents)) {
    report({ line: 1, column: 1 }, 'the file is empty');
    return undefined;
  }
  for (const document of documents)
    for (const problem of [...document.errors, ...document.warnings]) report(spotOf(problem.pos[0]), toWords(problem));
  const [first, second] = documents;
  if (second) report(spotOf(second.range[0]), 'more than one document in the file: put all subhosts into one');
  if (!first?.contents) {
    report({ line: 1, column: 1 }, 'the file is empty');
    return undefined;
  }
  return toNode(first.contents as YamlNode, spotOf, report);
}

function toWords({ code, message }: YAMLError): string {
  return code === 'DUPLICATE_KEY' ? 'this key is there already' : message.replace(/\.$/, '');
}

type SpotOf = (offset: number) => Spot;

function toNode(node: YamlNode | null | undefined, spotOf: SpotOf, report: Report): Node {
  const spot = spotOf(node?.range?.[0] ?? 0);
  refuseIndirection(node, spot, report);
  if (isMap(node)) return toMap(node, spot, spotOf, report);
  if (isSeq(node)) return { kind: 'list', ...spot, items: node.items.map((item) => toNode(item as YamlNode, spotOf, report)) };
  if (!isScalar(node)) return { kind: 'scalar', ...spot, value: null, source: '' };
  const value = node.value;
  const isPlain = typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' || value === null;
  return { kind: 'scalar', ...spot, value: isPlain ? value : String(value), source: node.source ?? String(value) };
}

/** What makes a file say something else than what stands there. */
function refuseIndirection(node: YamlNode | null | undefined, spot: Spot, report: Report): void {
  if (isAlias(node)) report(spot, `alias *${node.source}: aliases are not supported, write the value out or use "defaults"`);
  else if (node && 'anchor' in node && node.anchor) report(spot, `anchor &${node.anchor}: anchors are not supported, use "defaults"`);
  if (node?.tag?.startsWith('!')) report(spot, `tag ${node.tag}: tags are not supported`);
}

function toMap(node: { items: unknown[] }, spot: Spot, spotOf: SpotOf, report: Report): MapNode {
  const pairs = node.items as { key: YamlNode; value: YamlNode | null }[];
  const entries = pairs.map(({ key, value }) => {
    const keyNode = toKey(key, spotOf, report);
    // A value that is left out has no place of its own: the key's is where a person looks.
    const valueNode = value?.range
      ? toNode(value, spotOf, report)
      : { kind: 'scalar' as const, ...spotAt(keyNode), value: null, source: '' };
    return { key: keyNode, value: valueNode };
  });
  return { kind: 'map', ...spot, entries };
}

function spotAt({ line, column }: Spot): Spot {
  return { line, column };
}

function toKey(key: YamlNode, spotOf: SpotOf, report: Report): KeyNode {
  const node = toNode(key, spotOf, report);
  if (node.kind !== 'scalar') {
    report(node, 'a key must be a plain word');
    return { ...spotAt(node), text: '' };
  }
  if (node.source === '<<') report(node, 'merge key <<: merge keys are not supported, use "defaults"');
  else if (typeof node.value !== 'string')
    report(node, `${node.source || 'an empty key'} is read as ${typeName(node.value)}, not as a name: write "${node.source}" in quotes`);
  return { ...spotAt(node), text: node.source };
}

/** What a value is called to a person. */
export function typeName(value: unknown): string {
  if (value === null) return 'nothing';
  return typeof value === 'boolean' ? 'true or false' : `a ${typeof value}`;
}

/** Where the text goes too deep, counted without parsing: open brackets, indentation, and `- - -`. */
function findTooDeep(text: string): Spot | undefined {
  let flow = 0;
  let indents: number[] = [];
  for (const [index, line] of text.split('\n').entries()) {
    const start = line.search(/\S/);
    if (start < 0) continue;
    if (flow === 0 && line[start] !== '#') {
      indents = [...indents.filter((indent) => indent < start), start];
      const dashes = /^(?:- +)*/.exec(line.slice(start))?.[0].split('-').length ?? 1;
      if (indents.length + dashes - 1 > MAX_DEPTH + 1) return { line: index + 1, column: start + 1 };
    }
    let quote = '';
    for (let at = start; at < line.length; at++) {
      const c = line[at] ?? '';
      if (quote) {
        if (quote === '"' ? c === '\\' : c === quote && line[at + 1] === quote) at++;
        else if (c === quote) quote = '';
      } else if ((c === '"' || c === "'") && /[\s,[{:]/.test(line[at - 1] ?? ' ')) quote = c;
      else if (c === '#' && /\s/.test(line[at - 1] ?? ' ')) break;
      else if (c === '[' || c === '{') flow++;
      else if (c === ']' || c === '}') flow = Math.max(0, flow - 1);
      if (flow > MAX_DEPTH) return { line: index + 1, column: at + 1 };
    }
  }
  return undefined;
}
