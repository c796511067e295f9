/** Columns as wide as their widest cell; all but the first at the side that is asked for. First line: the heads. */
export function table(heads: readonly string[], rows: readonly (readonly string[])[], side: 'left' | 'right' = 'left'): string[] {
  const widths = heads.map((head, column) => Math.max(head.length, ...rows.map((row) => row[column]?.length ?? 0)));
  return [heads, ...rows].map((row) =>
    row
      .map((cell, column) => (side === 'right' && column > 0 ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0)))
      .join('  ')
      .trimEnd(),
  );
}
