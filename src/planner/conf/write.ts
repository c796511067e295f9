import type { KeyNode, MapNode, Node, ScalarNode } from '../hosts/node.ts';
import type { Comments } from './conf.ts';

const MAX_LINE = 100;

/**
 * Nodes as YAML. Written here and not by the library: this is all that a hosts file needs, and so the text is laid
 * out as a person would, with each comment where it was. That reading gives the same nodes again is tested.
 */
export function writeYaml(node: MapNode, comments: Comments): string {
  return `${writeMap(node, comments, '').join('\n')}\n`;
}

function writeMap(node: MapNode, comments: Comments, indent: string): string[] {
  const lines = node.entries.flatMap(({ key, value }, index) => [
    // Between subhosts, which are maps in a map.
    ...(index > 0 && value.kind === 'map' && indent.length < 4 ? [''] : []),
    ...commentsOf(key, comments, indent),
    ...writeEntry(key, value, comments, indent),
  ]);
  return [...lines, ...commentsOf(node, comments, indent)];
}

function writeEntry(key: KeyNode, value: Node, comments: Comments, indent: string): string[] {
  const head = `${indent}${quote(key.text)}:`;
  const short = `${head} ${inline(value)}`;
  // What is deeper than a subhost's keys is short.
  if (value.kind === 'map' && value.entries.length > 0 && indent.length < 4) return [head, ...writeMap(value, comments, `${indent}  `)];
  if (value.kind !== 'list' || isShort(value.items, short, comments)) return [short];
  return [head, ...value.items.flatMap((item) => [...commentsOf(item, comments, `${indent}  `), `${indent}  - ${inline(item)}`])];
}

function isShort(items: readonly Node[], line: string, comments: Comments): boolean {
  return items.length === 0 || (line.length <= MAX_LINE && !items.some((item) => comments.has(item)));
}

function inline(node: Node): string {
  if (node.kind === 'scalar') return writeScalar(node);
  if (node.kind === 'list') return `[${node.items.map(inline).join(', ')}]`;
  const entries = node.entries.map(({ key, value }) => `${quote(key.text)}: ${inline(value)}`);
  return entries.length > 0 ? `{ ${entries.join(', ')} }` : '{}';
}

function writeScalar({ value }: ScalarNode): string {
  return typeof value === 'string' ? quote(value) : String(value);
}

/** Words that YAML, in one of its versions, takes for something else than text. */
const TAKEN = /^(null|true|false|yes|no|on|off|y|n)$/i;

/** A string of JSON is one of YAML too; text that can only be meant as text goes without quotes. */
function quote(text: string): string {
  const isPlain = /^([A-Za-z/][A-Za-z0-9_./-]*|[0-9]+[kKmMgG])$/.test(text) && !TAKEN.test(text);
  return isPlain ? text : JSON.stringify(text);
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
const NOT_IN_COMMENTS = /[\u0000-\u0008\u000a-\u001f\u007f-\u009f\u2028\u2029]/g;

function commentsOf(node: KeyNode | Node, comments: Comments, indent: string): string[] {
  return (comments.get(node) ?? []).map((text) => `${indent}${text.replace(NOT_IN_COMMENTS, '\ufffd')}`);
}
