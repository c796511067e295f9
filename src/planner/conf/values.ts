import { resolve as resolvePath } from 'node:path';
import type { Node, ScalarNode } from '../hosts/node.ts';
import { quote } from '../hosts/show.ts';
import type { Known } from './known.ts';
import { plain, splitWords, type Word } from './lines.ts';

const HOOKS = ['premount', 'postmount', 'init'];

/** What a value is read by. */
export interface Reading {
  readonly known: Known;
  /** The conf file's own folder. */
  readonly folder: string;
  /** The subhost's base, which paths of the machine's begin at. */
  readonly base: string;
  /** Says that a part of the value has no meaning yet, and goes without it. */
  drop(word: Word, what: string): void;
  /** Says that a part of the value is wrong. */
  refuse(word: Word, what: string): void;
}

/** The value of a subhost's key as hosts.yaml has it. Values are literal: no character of theirs means anything to a shell. */
export function toValue(key: string, value: Word, reading: Reading): Node {
  if (value.text.startsWith('!')) return command(key, value, reading);
  if (key === 'base' || key === 'log') return scalar(value, resolvePath(reading.folder, plain(value.text)));
  if (key === 'start') return start(value, reading);
  if (key === 'cables') return list(value, (word) => cable(word, reading));
  if (HOOKS.includes(key)) return hook(key, value, reading);
  return scalar(value);
}

/** SHARE says a directory of the machine's, from BASE, and after a colon where it is seen inside. */
export function toShare(value: Word, base: string): ScalarNode {
  const [machine = '', ...inside] = plain(value.text).split(':');
  return scalar(value, [resolvePath(base, machine), ...inside].join(':'));
}

function command(key: string, value: Word, { known, refuse }: Reading): Node {
  // What a command prints comes too late to find the folder that relative paths of other values begin at.
  if (key === 'base') refuse(value, 'BASE cannot be a command (!…) here: write the path');
  else if (!known.commands) refuse(value, 'a command as value (!…) is not supported yet: write what it prints');
  return key === 'cables' ? { ...value, kind: 'list', items: [scalar(value)] } : scalar(value);
}

function start(value: Word, { refuse }: Reading): Node {
  const text = plain(value.text);
  if (text === 'none') return scalar(value);
  for (const word of splitWords(value))
    if (plain(word.text).startsWith('.')) refuse(word, `${quote(word.text)} is no service: a path begins with "/" here`);
  return list(value, scalar);
}

/** A program and its arguments. It is run in BASE; INIT alone is looked for in PATH as well. */
function hook(key: string, value: Word, { base, known }: Reading): Node {
  const toPath = ({ text }: Word): string => (key === 'init' && !text.includes('/') ? plain(text) : resolvePath(base, plain(text)));
  const [program, ...rest] = splitWords(value);
  const texts = program ? [toPath(program), ...rest.map(({ text }) => plain(text))] : [];
  if (known.subhostKey(key) === 'text' && !texts.some((text) => / /.test(text))) return scalar(value, texts.join(' '));
  const spot = { line: value.line, column: value.column };
  return { kind: 'list', ...spot, items: texts.map((text) => scalar(value, text)) };
}

/** `[bridge]=[mac]` is known to hosts.yaml too; `[bridge]=.VLAN` has a key there. */
function cable(word: Word, { known, drop }: Reading): Node | undefined {
  const text = plain(word.text);
  const [, bridge = '', tag] = /^([^=]*)=\.(.*)$/.exec(text) ?? [];
  if (tag === undefined) return scalar(word);
  if (!known.vlan) {
    drop(word, `the VLAN cable ${quote(text)}`);
    return undefined;
  }
  const { line, column } = word;
  const entry = (key: string, value: ScalarNode['value']) => ({
    key: { line, column, text: key },
    value: { kind: 'scalar' as const, line, column, value, source: String(value) },
  });
  const vlan = entry('vlan', /^[0-9]+$/.test(tag) ? Number(tag) : tag);
  return { kind: 'map', line, column, entries: [...(bridge === '' ? [] : [entry('bridge', bridge)]), vlan] };
}

function list(value: Word, toItem: (word: Word) => Node | undefined): Node {
  const { line, column } = value;
  return { kind: 'list', line, column, items: splitWords(value).flatMap((word) => toItem(word) ?? []) };
}

function scalar(word: Word, text = plain(word.text)): ScalarNode {
  return { kind: 'scalar', value: text, source: text, line: word.line, column: word.column };
}
