import type { Verdict } from './bars.ts';
import { type Row, type Sample, type Spread, spread } from './results.ts';

/** Markdown that is readable as it is: columns of one width. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((word, column) => Math.max(3, word.length, ...rows.map((row) => row[column]?.length ?? 0)));
  const line = (cells: readonly string[]): string =>
    `| ${widths.map((width, column) => (cells[column] ?? '').padEnd(width)).join(' | ')} |`;
  return [line(head), `|${widths.map((width) => '-'.repeat(width + 2)).join('|')}|`, ...rows.map(line)].join('\n');
}

export function barTable(verdicts: readonly Verdict[]): string {
  const rows = verdicts.map(({ name, bar, seen, state }) => [name, bar, seen || '-', state]);
  return table(['work', 'bar', 'measured', ''], rows);
}

/** Median, and from the least to the most, for each peer and each number of subhosts; undefined where there is nothing. */
export function rowTable(samples: readonly Sample[], row: Row): string | undefined {
  const mine = samples.filter((one) => one.row === row);
  const sizes = [...new Set(mine.map(({ n }) => n))].sort((a, b) => a - b);
  const names = [...new Set(mine.map(({ peer }) => peer))];
  const peers = row.endsWith('-moments') ? names : names.sort(limitAndObFirst);
  if (sizes.length === 0) return undefined;
  const rows = peers.map((peer) => [peer, ...sizes.map((n) => cell(spread(mine, row, n, peer)))]);
  return table(['', ...sizes.map((n) => `N = ${n}`)], rows);
}

function limitAndObFirst(a: string, b: string): number {
  const rank = (name: string): number => ['ob', 'limit'].indexOf(name) >>> 0;
  return rank(a) - rank(b) || a.localeCompare(b);
}

function cell(seen: Spread | undefined): string {
  if (!seen) return '-';
  const range = seen.count > 1 ? ` (${figure(seen.least)}-${figure(seen.most)})` : '';
  return figure(seen.median) + range;
}

/** Three figures: more would be noise. */
export function figure(value: number): string {
  return Number(value.toPrecision(3)).toLocaleString('en-US', { maximumFractionDigits: 1 });
}
