import { type Row, ratio, type Sample, spread } from './results.ts';

/** What `ob` must reach: a ratio to a peer that was measured in the same run. */
export interface Bar {
  readonly name: string;
  readonly row: Row;
  readonly n: number;
  readonly peer: string;
  /** At most this many times the peer's. */
  readonly most: number;
}

export const BARS: readonly Bar[] = [
  { name: 'apply 100', row: 'apply', n: 100, peer: 'limit', most: 3 },
  { name: 'apply 100', row: 'apply', n: 100, peer: 'overlay-boot', most: 1 / 100 },
  { name: 'apply 100', row: 'apply', n: 100, peer: 'crun', most: 1 },
  { name: 'apply 100', row: 'apply', n: 100, peer: 'lxc', most: 1 },
  { name: 'apply 500', row: 'apply', n: 500, peer: 'limit', most: 3 },
  { name: 'apply 1', row: 'apply', n: 1, peer: 'overlay-boot', most: 1 / 5 },
  { name: 'apply 1', row: 'apply', n: 1, peer: 'crun', most: 4 },
  { name: 'plan 1, nothing to do', row: 'plan', n: 1, peer: 'node -e 0', most: 2 },
  { name: 'plan 100, nothing to do', row: 'plan', n: 100, peer: 'node -e 0', most: 4 },
  { name: 'plan 1000, nothing to do', row: 'plan', n: 1000, peer: 'node -e 0', most: 20 },
  { name: 'apply --quiet 100, nothing to do, CPU', row: 'quiet-cpu', n: 100, peer: 'ansible', most: 1 / 100 },
  { name: 'destroy 100', row: 'destroy', n: 100, peer: 'limit', most: 2 },
  { name: 'resident per subhost', row: 'resident', n: 100, peer: 'limit', most: 2 },
  { name: 'memory per subhost', row: 'memory', n: 100, peer: 'limit', most: 2 },
  { name: 'start to first byte', row: 'first-byte', n: 1, peer: 'overlay-boot', most: 1 / 7 },
];

export interface Verdict {
  readonly name: string;
  readonly bar: string;
  readonly seen: string;
  readonly state: 'held' | 'missed' | 'not measured';
}

export function judge(samples: readonly Sample[]): Verdict[] {
  return [...BARS.map((bar) => judgeBar(samples, bar)), judgeGrowth(samples), judgeNode(samples)];
}

function judgeBar(samples: readonly Sample[], { name, row, n, peer, most }: Bar): Verdict {
  return verdict(name, `at most ${times(most)} ${peer}`, ratio(samples, row, n, 'ob', peer), most);
}

/** More subhosts must not make each of them dearer by more than half, unless they do so for the limit too. */
function judgeGrowth(samples: readonly Sample[]): Verdict {
  const growth = (peer: string): number | undefined => {
    const [many, few] = [spread(samples, 'apply', 500, peer), spread(samples, 'apply', 100, peer)];
    return many && few && many.median / 500 / (few.median / 100);
  };
  const most = Math.max(1.5, growth('limit') ?? 0);
  return verdict('apply 500, each', `at most ${times(most)} that of 100`, growth('ob'), most);
}

function judgeNode(samples: readonly Sample[]): Verdict {
  const left = spread(samples, 'node-left', 100, 'ob')?.most;
  const state = left === undefined ? 'not measured' : left > 0 ? 'missed' : 'held';
  return { name: 'Node processes that stay', bar: 'none', seen: left === undefined ? '' : String(left), state };
}

function verdict(name: string, bar: string, seen: number | undefined, most: number): Verdict {
  if (seen === undefined) return { name, bar, seen: '', state: 'not measured' };
  return { name, bar, seen: times(seen), state: seen <= most ? 'held' : 'missed' };
}

/** 2.4x; 1/120 of. */
export function times(factor: number): string {
  return factor < 0.75 ? `1/${round(1 / factor)} of` : `${round(factor)}x`;
}

function round(value: number): number {
  return value < 10 ? Math.round(value * 10) / 10 : Math.round(value);
}
