import { showText } from './show.ts';

/** What the parser says of common slips, in words that help somebody who does not know YAML's grammar. */
const WORDS: readonly (readonly [form: RegExp, words: string])[] = [
  [/^Tabs are not allowed.*/, 'a tab cannot indent a line in YAML: use spaces'],
  [/^Missing closing (["'])quote/, 'this $1 is never closed'],
  [/^Plain value cannot start with .*?(\S+)$/, 'a value cannot begin with $1: write it in quotes'],
  [/^Invalid escape sequence (.*)$/s, '$1 means nothing between double quotes: use single quotes'],
  [/^Nested mappings are not allowed in compact.*/, 'another key begins inside this value: check line breaks and indentation'],
  [/^Implicit (?:keys need to be on a single line|map keys need to be followed).*/, 'a ":" is missing behind this key'],
  [/^A block sequence may not be used as.*/, 'an item of a list stands among keys'],
  [/^Unexpected block-seq-ind on same line.*/, 'a list begins on a new line, or is written in [ ]'],
  [/^Unexpected (?:flow-map-end|flow-seq-end) token[^"]*"(.)"/, 'this $1 closes nothing'],
  [/^Unexpected flow-error-end .*/s, 'these brackets do not match'],
  [/^Unexpected \S+ (?:at node end|token in YAML (?:stream|document)).*/s, 'this does not belong here'],
  [/^All (?:mapping|sequence) items must start.*/, 'this begins in another column than what is above it: check the indentation'],
  [/^Flow (?:map|sequence) .*end with a (.)$/, 'a $1 is missing before this'],
  [/^Block collections are not allowed within flow.*/, 'between brackets, a "," is missing here or a key is too many'],
  [/^Missing , (?:or : )?between flow.*/, 'a "," is missing before this'],
  [/^Comments must be separated.*/, 'a comment needs a space before its #; a value that holds a # needs quotes'],
];

/** A message of the parser's, as a person is told it. */
export function toWords(message: string): string {
  const known = WORDS.find(([form]) => form.test(message));
  return showText(known ? message.replace(...known) : `this is no YAML: ${message.replace(/\.$/, '')}`);
}
