import type { Report } from '../hosts/node.ts';
import { nearest } from '../hosts/shape.ts';
import { quote } from '../hosts/show.ts';
import type { Known } from './known.ts';
import type { Line, Variable } from './lines.ts';

/** A line that counts, with the comments above it. */
export interface Kept {
  readonly line: Variable;
  readonly above: readonly string[];
}

const VARIABLES = 'NAME BASE CABLES INIT LIVE LOG LOWER POSTMOUNT PREMOUNT RAM_SIZE SHARE START UPPER WORK'.split(' ');

interface Sieve {
  readonly known: Known;
  readonly warn: Report;
  /** Is its root mounted, or there already? */
  readonly mounts: boolean;
}

/** The lines that count. Each that does not is named in a warning and stays as a comment; END: what is below the last one. */
export function sift(lines: readonly Line[], { known, warn, mounts }: Sieve): { kept: Kept[]; end: string[] } {
  const seen = new Map<string, Variable>();
  const kept: Kept[] = [];
  let above: string[] = [];
  for (const line of lines) {
    if (line.kind === 'blank') continue;
    if (line.kind === 'comment') {
      above.push(line.text);
      continue;
    }
    const before = line.kind === 'variable' ? seen.get(line.name) : undefined;
    const why = line.kind === 'other' ? `${quote(line.text)} is no variable` : whyIgnored(line, before, known, mounts);
    if (line.kind === 'variable' && !line.spaced && line.name !== 'SHARE' && !before) seen.set(line.name, line);
    if (why !== undefined) {
      warn(line, `${why}: ignored`);
      above.push(`# ${why}: ${line.text}`);
    } else if (line.kind === 'variable' && line.value.text !== '') {
      warnOfMarks(line, warn);
      kept.push({ line, above });
      above = [];
    }
  }
  return { kept, end: above };
}

function whyIgnored({ name, spaced }: Variable, before: Variable | undefined, known: Known, mounts: boolean): string | undefined {
  if (spaced) return `overlay-boot passes over ${name} with a space before it or before its "="`;
  if (!VARIABLES.includes(name)) return `there is no variable ${name}${similar(name)}`;
  if (before) return `${name} is there already, and the first one counts`;
  if (name === 'PREMOUNT' && !mounts) return 'PREMOUNT is run for a root that is mounted, and LOWER is LIVE';
  return name === 'NAME' || known.subhostKey(name.toLowerCase()) ? undefined : `${name} is not supported yet`;
}

function similar(name: string): string {
  const words = VARIABLES.map((word) => word.toLowerCase());
  const best = /^; did you mean "(.*)"/.exec(nearest(name, words))?.[1];
  return best === undefined ? '' : `; did you mean ${best.toUpperCase()}?`;
}

/** Where a value is likely not to say what was meant. */
function warnOfMarks({ value, name }: Variable, warn: Report): void {
  if (value.text.includes('\\')) warn(value, `a backslash in ${name} is dropped`);
  if (/(^|\s)#/.test(value.text)) warn(value, `what follows "#" is part of ${name}: a comment has a line of its own`);
}
