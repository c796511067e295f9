/** One measurement; its unit is in UNITS. */
export interface Sample {
  readonly row: Row;
  readonly n: number;
  readonly peer: string;
  readonly round: number;
  readonly value: number;
}

/** What is measured. */
export type Row =
  | 'apply'
  | 'destroy'
  | 'apply-moments'
  | 'destroy-moments'
  | 'plan'
  | 'quiet-cpu'
  | 'resident'
  | 'memory'
  | 'node-left'
  | 'first-byte';

export const UNITS: Readonly<Record<Row, string>> = {
  apply: 'ms',
  destroy: 'ms',
  'apply-moments': 'ms since its start',
  'destroy-moments': 'ms since its start',
  plan: 'ms',
  'quiet-cpu': 'ms of CPU',
  resident: 'kB',
  memory: 'kB',
  'node-left': 'processes',
  'first-byte': 'ms',
};

export interface Results {
  readonly date: string;
  readonly machine: string;
  readonly command: string;
  readonly versions: Readonly<Record<string, string>>;
  readonly samples: readonly Sample[];
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const [low = Number.NaN, high = Number.NaN] = [sorted[sorted.length % 2 ? middle : middle - 1], sorted[middle]];
  return (low + high) / 2;
}

export interface Spread {
  readonly median: number;
  readonly least: number;
  readonly most: number;
  readonly count: number;
}

/** Undefined: never measured. */
export function spread(samples: readonly Sample[], row: Row, n: number, peer: string): Spread | undefined {
  const values = samples.filter((one) => one.row === row && one.n === n && one.peer === peer).map((one) => one.value);
  if (values.length === 0) return undefined;
  return { median: median(values), least: Math.min(...values), most: Math.max(...values), count: values.length };
}

/**
 * The median of the ratios of each round: the two were measured one after the other, so what else the machine did at
 * that time bears on both.
 */
export function ratio(samples: readonly Sample[], row: Row, n: number, peer: string, base: string): number | undefined {
  const of = (name: string): Map<number, number> =>
    new Map(samples.filter((one) => one.row === row && one.n === n && one.peer === name).map((one) => [one.round, one.value]));
  const below = of(base);
  const ratios = [...of(peer)].flatMap(([round, value]) => {
    const other = below.get(round);
    return other === undefined ? [] : [value / other];
  });
  return ratios.length > 0 ? median(ratios) : undefined;
}
