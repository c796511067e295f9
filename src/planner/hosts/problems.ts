import { ExitCode, ObError } from '../../resources/error.ts';
import type { Problem, Report, Spot } from './node.ts';
import { showPath } from './show.ts';

const MAX_SHOWN = 50;

/** Where a line stands, as a person is told it: several files can be read as one text, with lines numbered on. */
export type Locate = (line: number) => { readonly path: string; readonly line: number };

/** All that is wrong in what was read: collected, then shown at once. */
export interface Problems {
  readonly report: Report;
  /** The same for a later look, but for places where something is wrong already: what was refused is no second problem because of what it then looks like. */
  reportMore(): Report;
  readonly size: number;
  /** The file in which a line is. */
  pathOf(line: number): string;
  /** In the order of the text, each in the file that it is in. */
  sorted(): readonly (Problem & { readonly path: string })[];
  /** A line `file:line:column: message` for each, and exit code 65. */
  toError(): ObError;
}

export function createProblems(locate: Locate): Problems {
  const found: Problem[] = [];
  const report: Report = ({ line, column }, message, other) => void found.push({ line, column, message: `${message}${also(line, other)}` });
  const also = (line: number, other: Spot | undefined): string => {
    if (!other) return '';
    const there = locate(other.line);
    return there.path === locate(line).path ? `, in line ${there.line}` : `, in ${showPath(there.path)}:${there.line}`;
  };
  const sorted: Problems['sorted'] = () =>
    [...found].sort((a, b) => a.line - b.line || a.column - b.column).map((one) => ({ ...one, ...locate(one.line) }));
  return {
    report,
    reportMore() {
      const refused = new Set(found.map(placeOf));
      return (spot, message, other) => (refused.has(placeOf(spot)) ? undefined : report(spot, message, other));
    },
    get size() {
      return found.length;
    },
    pathOf: (line) => locate(line).path,
    sorted,
    toError() {
      const lines = sorted().map(({ path, line, column, message }) => `${showPath(path)}:${line}:${column}: ${message}`);
      const more = lines.length > MAX_SHOWN ? [`${showPath(locate(1).path)}: and ${lines.length - MAX_SHOWN} more`] : [];
      return new ObError([...lines.slice(0, MAX_SHOWN), ...more].join('\n'), { exitCode: ExitCode.badFile });
    },
  };
}

/** Tells the first problem of each place only: the others are what follows from it. */
export function oncePerPlace(report: Report): Report {
  const told = new Set<string>();
  return (spot, message, other) => {
    if (!told.has(placeOf(spot))) report(spot, message, other);
    told.add(placeOf(spot));
  };
}

export function placeOf({ line, column }: Spot): string {
  return `${line}:${column}`;
}
