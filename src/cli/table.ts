import { printable } from './printable.ts';

/** Columns as wide as their widest cell; all but the first at the side that is asked for. First line: the heads. */
export function table(heads: readonly string[], rows: readonly (readonly string[])[], side: 'left' | 'right' = 'left'): string[] {
  const lines = [heads, ...rows].map((line) => line.map(printable));
  const widths = heads.map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)));
  const pad = (cell: string, column: number): string => {
    const width = widths[column] ?? 0;
    return side === 'right' && column > 0 ? cell.padStart(width) : cell.padEnd(width);
  };
  return lines.map((line) => line.map(pad).join('  ').trimEnd());
}
