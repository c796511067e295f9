import type { Spot } from '../hosts/node.ts';

/** A line of a conf file, as overlay-boot 1.6.4 takes it: a variable is at the very start of its line, `=` right behind it. */
export type Line = Variable | Text<'comment'> | Text<'other'> | (Spot & { readonly kind: 'blank' });

interface Text<K extends string> extends Spot {
  readonly kind: K;
  readonly text: string;
}

export interface Variable extends Spot {
  readonly kind: 'variable';
  readonly name: string;
  /** Is there a space that makes overlay-boot pass over the line? */
  readonly spaced: boolean;
  readonly value: Word;
  readonly text: string;
}

/** Text and where it begins. A backslash is still in it: see `plain`. */
export interface Word extends Spot {
  readonly text: string;
}

/** The same in sed's `\s` of the C locale: other spaces of Unicode are part of a value. */
const SPACE = ' \\t\\v\\f\\r';
const VARIABLE = new RegExp(`^([${SPACE}]*)([A-Za-z_][A-Za-z0-9_]*)([${SPACE}]*)=[${SPACE}]*`);
const COMMENT = new RegExp(`^[${SPACE}]*#`);

/** FIRST: the number of the text's first line. */
export function splitLines(text: string, first: number): Line[] {
  return text.split('\n').map((raw, index) => toLine(trimEnd(raw), { line: first + index, column: 1 }));
}

/** Not by /[ ]+$/, which looks at the rest of a run of spaces again from each of them. */
function trimEnd(text: string): string {
  let end = text.length;
  while (end > 0 && ' \t\v\f\r'.includes(text.charAt(end - 1))) end--;
  return text.slice(0, end);
}

function toLine(text: string, spot: Spot): Line {
  if (text === '') return { ...spot, kind: 'blank' };
  if (COMMENT.test(text)) return { ...spot, kind: 'comment', text: text.replace(COMMENT, '#') };
  const [head, before, name, after] = VARIABLE.exec(text) ?? [];
  if (head === undefined || name === undefined) return { ...spot, kind: 'other', text };
  const value = { text: text.slice(head.length), line: spot.line, column: head.length + 1 };
  // Of all variables, SHARE alone may have a space before its `=`.
  const spaced = before !== '' || (after !== '' && name !== 'SHARE');
  return { ...spot, kind: 'variable', name, spaced, value, text };
}

/** The words of a value that is a list. */
export function splitWords(value: Word): Word[] {
  return [...value.text.matchAll(/[^ \t\v\f\r]+/g)].map(({ 0: text, index }) => ({ text, line: value.line, column: value.column + index }));
}

/** What a value says once the shell has read it: a backslash goes, what is behind it stays. Nothing else means anything. */
export function plain(text: string): string {
  return text.replace(/\\(.?)/gsu, '$1');
}
