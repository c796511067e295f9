import { resolve as resolvePath } from 'node:path';
import type { Node, ScalarNode } from '../hosts/node.ts';
import { quote } from '../hosts/show.ts';
import { toDiskfile } from './diskfile.ts';
import type { Known } from './known.ts';
import { plain, splitWords, type Word } from './lines.ts';

const HOOKS = ['premount', 'postmount', 'init'];

/** What a value is read by. */
export interface Reading {
  readonly known: Known;
  /** The conf file's own folder. */
  readonly folder: string;
  /** The subhost's base, which paths of the machine's begin at; undefined: a command prints it. */
  readonly base: string | undefined;
  /** Where overlay-boot mounts the image that UPPER is in. */
  readonly mountPoint: string | undefined;
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
  if (key === 'work' && reading.mountPoint !== undefined) return workInImage(value, reading.mountPoint, reading);
  // In a hosts file these two are taken for a slip.
  return scalar(value, plain(value.text).replace(/^(?=[~$])/, './'));
}

/** SHARE says a directory of the machine's, from BASE, and after a colon where it is seen inside. */
export function toShare(value: Word, base: string | undefined): ScalarNode {
  const [machine = '', ...inside] = plain(value.text).split(':');
  return scalar(value, [base === undefined ? machine : resolvePath(base, machine), ...inside].join(':'));
}

function command(key: string, value: Word, reading: Reading): Node {
  const { known, refuse, folder } = reading;
  if (!known.commands) refuse(value, 'a command as value (!…) is not supported yet: write what it prints');
  const diskfile = known.diskfile && (key === 'lower' || key === 'upper') ? toDiskfile(value) : undefined;
  if (diskfile?.node) return diskfile.node;
  if (diskfile) refuse(value, diskfile.problem);
  // Of these it is not run in BASE, which may not be known yet.
  if (key === 'base')
    return scalar(
      value,
      plain(value.text).replace(/^!\s*(\S*\/\S*)/, (_, path) => `!${resolvePath(folder, path)}`),
    );
  return key === 'cables' ? { ...value, kind: 'list', items: [scalar(value)] } : scalar(value);
}

function start(value: Word, { refuse }: Reading): Node {
  const text = plain(value.text);
  if (text === 'none') return scalar(value);
  for (const word of splitWords(value))
    if (plain(word.text).startsWith('.')) refuse(word, `${quote(word.text)} is no service: a path begins with "/" here`);
  return list(value, scalar);
}

/** overlay-boot takes it from BASE, where the image is mounted; here it is meant from the root of that. */
function workInImage(value: Word, mountPoint: string, { refuse }: Reading): Node {
  const path = plain(value.text);
  if (!path.startsWith(`${mountPoint}/`)) refuse(value, `WORK has to be below ${quote(mountPoint)}, where the image is that UPPER is in`);
  return scalar(value, path.slice(mountPoint.length + 1));
}

/** A program and its arguments. It is run in BASE; INIT alone is looked for in PATH as well. */
function hook(key: string, value: Word, { base, known }: Reading): Node {
  const fromBase = (path: string): string => (base === undefined ? path.replace(/^(?![./])/, './') : resolvePath(base, path));
  const toPath = ({ text }: Word): string => (key === 'init' && !text.includes('/') ? plain(text) : fromBase(plain(text)));
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
