import type { Node, ScalarNode } from './node.ts';
import { list, map, type Placed, placed, type Shape, text } from './shape.ts';

/** A program and its arguments, as words: nothing in them means anything to a shell. */
const word = text('a word', (value) => (value === '' ? 'it is empty' : undefined));
const words = list('words', word);
const line = map(
  text('a command', (value) => (value.trim() === '' ? 'it is empty' : undefined), { pattern: '\\S' }),
  splitCommand,
);

/** One line, split at its spaces, or a list of words. */
export const command: Shape<Placed<readonly string[]>> = placed({
  schema: { anyOf: [line.schema, { ...words.schema, minItems: 1 }] },
  read(node, report) {
    if (node.kind !== 'list') return line.read(node, report);
    const read = words.read(node, report);
    if (node.items.length === 0) report(node, 'a program is wanted here: the list is empty');
    return read?.length === node.items.length && read.length > 0 ? read : undefined;
  },
});

function splitCommand(value: string): string[] {
  return value.trim().split(/[ \t]+/);
}

/** `!COMMAND` in the place of a value: what it prints is the value. */
export function isCommand(node: Node): node is ScalarNode & { readonly value: string } {
  return node.kind === 'scalar' && typeof node.value === 'string' && node.value.startsWith('!') && !node.isPrinted;
}

/** Program and arguments of such a value. */
export function commandOf(value: string): string[] {
  return splitCommand(value.slice(1));
}

/**
 * A value that may be a command. Commands are run before values are read: what is a command still has no value that
 * could be told.
 */
export function orCommand<T>(shape: Shape<T>): Shape<T> {
  return {
    schema: { anyOf: [{ type: 'string', pattern: '^!\\s*\\S' }, shape.schema] },
    read(node, report) {
      if (!isCommand(node)) return shape.read(node, report);
      if (node.value.slice(1).trim() === '') report(node, '"!" stands before a command, and none is there');
      else text('a command', () => undefined).read(node, report);
      return undefined;
    },
  };
}
