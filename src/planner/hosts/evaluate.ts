import { dirname, resolve as resolvePath } from 'node:path';
import { commandOf, isCommand } from './command.ts';
import type { Answer, Facts } from './facts.ts';
import type { MapNode, Node, Report, ScalarNode } from './node.ts';
import { quote } from './show.ts';

/** Keys whose value may be a command; of these, what one prints is a list of words. */
const KEYS = ['base', 'lower', 'upper', 'work', 'live', 'log', 'start', 'cables', 'ram_size'];

interface Place {
  readonly facts: Facts;
  readonly report: Report;
  /** Full path of the file in which a line is. */
  readonly fileOf: (line: number) => string;
  readonly name?: string;
  /** Where commands are run, if it is there. */
  readonly base?: string | undefined;
}

/** Replaces every value that is a command by what that prints, if commands may be run now. What is printed is never looked at again. */
export function evaluate(node: Node, place: Place): Node {
  if (!place.facts.answer || node.kind !== 'map') return node;
  const defaults = find(node, 'defaults');
  const shared = defaults?.kind === 'map' ? evaluateSubhost(defaults, place) : undefined;
  const base = shared && baseOf(shared, place);
  return mapEntries(node, (key, value) => {
    if (key === 'defaults') return shared ?? value;
    if (key !== 'subhosts' || value.kind !== 'map') return value;
    return mapEntries(value, (name, one) => (one.kind === 'map' ? evaluateSubhost(one, { ...place, name, base }) : one));
  });
}

/** Base comes first: the others are run there. */
function evaluateSubhost(node: MapNode, place: Place): MapNode {
  // Nearly everywhere there is none, and a file may have a thousand subhosts.
  if (!node.entries.some(({ value }) => isCommand(value) || (value.kind === 'list' && value.items.some(isCommand)))) return node;
  const based = mapEntries(node, (key, value) => (key === 'base' ? evaluateValue(key, value, place) : value));
  const inBase = { ...place, base: baseOf(based, place) ?? place.base };
  return mapEntries(based, (key, value) => (KEYS.includes(key) ? evaluateValue(key, value, inBase) : value));
}

function evaluateValue(key: string, node: Node, place: Place): Node {
  if (key === 'cables' && node.kind === 'list')
    return node.items.some(isCommand) ? { ...node, items: node.items.flatMap((item) => toCables(item, place)) } : node;
  const printed = print(node, place);
  if (!printed) return node;
  return key === 'start' && printed.value.trim() !== 'none' ? toList(printed) : printed;
}

/** One command may print several. */
function toCables(item: Node, place: Place): Node[] {
  const printed = print(item, place);
  return printed ? toWords(printed) : [item];
}

type Printed = ScalarNode & { readonly value: string };

function toList(printed: Printed): Node {
  return { kind: 'list', line: printed.line, column: printed.column, items: toWords(printed) };
}

function toWords(printed: Printed): Printed[] {
  const words = printed.value.split(/\s+/).filter(Boolean);
  return words.map((word) => ({ ...printed, value: word, source: word }));
}

/** Undefined: it is no command, or one that failed, which has been told. */
function print(node: Node, { facts, report, fileOf, name, base }: Place): Printed | undefined {
  if (!isCommand(node)) return undefined;
  const argv = commandOf(node.value);
  if (argv.join('') === '') return undefined;
  const config = fileOf(node.line);
  const folder = base !== undefined && facts.whatIs(base) === 'directory' ? base : dirname(config);
  const env = { CONFIG: config, ...(name === undefined ? {} : { NAME: name }), ...(base === undefined ? {} : { BASE: base }) };
  const answer: Answer | undefined = facts.answer?.({ argv, folder, config, env });
  if (answer?.error !== undefined) report(node, `${quote(node.value)}: ${answer.error}`);
  const value = answer?.output;
  return value === undefined ? undefined : { ...node, value, source: value, isPrinted: true };
}

/** A relative one is meant from its file. */
function baseOf(node: MapNode, { fileOf }: Place): string | undefined {
  const base = find(node, 'base');
  return base?.kind === 'scalar' && typeof base.value === 'string' && !isCommand(base)
    ? resolvePath(dirname(fileOf(base.line)), base.value)
    : undefined;
}

function find(node: MapNode, name: string): Node | undefined {
  return node.entries.find(({ key }) => key.text === name)?.value;
}

/** NODE itself where nothing changes, as nearly everywhere. */
function mapEntries(node: MapNode, change: (key: string, value: Node) => Node): MapNode {
  let entries: MapNode['entries'] | undefined;
  node.entries.forEach(({ key, value }, index) => {
    const changed = change(key.text, value);
    if (changed !== value) entries = (entries ?? node.entries).with(index, { key, value: changed });
  });
  return entries ? { ...node, entries } : node;
}
