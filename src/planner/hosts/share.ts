import { posix } from 'node:path';
import type { Share } from '../../resources/hosts.ts';
import { type Placed, placed, type Shape, text } from './shape.ts';
import { wrongPath } from './values.ts';

/** `share` as it is written: `DIR`, `DIR:INSIDE`, either with `:ro`. */
interface RawShare {
  readonly source: string;
  /** Undefined: at the place that it has on the machine. */
  readonly target: string | undefined;
  readonly readOnly: boolean;
}

const FORM = 'write it like /srv/data, /srv/data:/data or /srv/data:/data:ro';

/** What the reaper mounts there, and its own image. */
const TAKEN = /^\/(?:proc|sys|dev|run|\.reaper)(?:\/|$)/;

function toRawShare(value: string): RawShare {
  const parts = value.split(':');
  const readOnly = parts.length > 1 && parts.at(-1) === 'ro';
  const [source = '', target] = readOnly ? parts.slice(0, -1) : parts;
  return { source, target, readOnly };
}

/** BELOW makes the path on the machine absolute. */
export function toShare(text: string, below: (path: string) => string): Share {
  const { source, target, readOnly } = toRawShare(text);
  const path = below(source);
  return { source: path, target: target?.replace(/(.)\/+$/, '$1') ?? path, readOnly };
}

/** Why it is no share; undefined if it is one. */
export function wrongShare(value: string): string | undefined {
  const parts = value.split(':');
  if (parts.length > 3 || (parts.length === 3 && parts[2] !== 'ro')) return FORM;
  const { source, target } = toRawShare(value);
  if (source === '' || target === '') return FORM;
  return wrongPath(source) ?? (target === undefined ? undefined : wrongTarget(target));
}

/** Why nothing can be shared there; undefined if it can. */
export function wrongTarget(target: string): string | undefined {
  if (!target.startsWith('/')) return `"${target}" is meant inside: it has to begin with "/"`;
  if (posix.normalize(target).replace(/(.)\/$/, '$1') !== target.replace(/(.)\/$/, '$1')) return `"${target}" has "." or ".." in it`;
  if (/^\/*$/.test(target)) return 'the root itself cannot be shared';
  return TAKEN.test(target) ? `${target} is taken by what every subhost has there` : wrongPath(target);
}

export const share: Shape<Placed<string>> = placed(
  text('a share', wrongShare, { pattern: '^[^~$,:\\\\][^,:\\\\]*(:/[^,:\\\\]+)?(:ro)?$' }),
);
