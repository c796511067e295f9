import { byKind, choice, list, type Placed, placed, type Shape, text } from './shape.ts';

/** What is hidden beside the usual; `none`: nothing at all. */
export type RawHide = readonly Placed<string>[] | 'none';

/** Folders without which nothing runs inside; what is in them may be hidden. */
const NEEDED = /^\/((bin|etc|lib\w*|sbin|usr|var)\/?)?$/;
/** What the subhost has there is its own, and not of the lower layer. */
const OWN = /^\/(dev|proc|run|sys)(\/|$)/;

export const hide: Shape<RawHide> = byKind<RawHide>({
  list: list('paths', placed(text('a path to hide', wrongHidden, { pattern: '^/[^\\x00-\\x1f\\x7f]*$' }))),
  scalar: choice<RawHide>('none', () => 'none'),
});

function wrongHidden(path: string): string | undefined {
  if (!path.startsWith('/')) return 'write it as the subhost would see it, from "/" on';
  const names = path.replace(/\/$/, '').split('/').slice(1);
  if (names.some((name) => ['', '.', '..'].includes(name))) return 'write it without "//", "." and ".."';
  if (NEEDED.test(path)) return 'nothing runs without it';
  if (OWN.test(path)) return 'what the subhost has there is its own';
  return Buffer.byteLength(path) > 4095 ? 'it is longer than 4095 bytes' : undefined;
}
