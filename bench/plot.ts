import { type Sample, spread } from './results.ts';
import { figure } from './table.ts';

const WIDTH = 760;
const HEIGHT = 460;
const BOX = { left: 72, right: 620, top: 44, bottom: 400 } as const;
const LABEL_GAP = 15;
const COLOURS: Readonly<Record<string, string>> = {
  ob: '#c0392b',
  limit: '#222222',
  crun: '#2471a3',
  runc: '#5dade2',
  lxc: '#1e8449',
  bwrap: '#7d3c98',
  'overlay-boot': '#b9770e',
};

interface Line {
  readonly peer: string;
  readonly points: readonly { readonly n: number; readonly ms: number }[];
}

/** Growth curves of `apply`, both axes logarithmic: a straight line at 45 degrees is the same time for each subhost. */
export function drawGrowth(samples: readonly Sample[]): string {
  const mine = samples.filter((one) => one.row === 'apply');
  const lines = linesOf(mine);
  const x = scale(
    mine.map(({ n }) => n),
    BOX.left,
    BOX.right,
  );
  const y = scale(
    lines.flatMap(({ points }) => points.map(({ ms }) => ms)),
    BOX.bottom,
    BOX.top,
  );
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="13">
<rect width="${WIDTH}" height="${HEIGHT}" fill="white"/>
<text x="${BOX.left}" y="24" font-size="15">Time to bring up N subhosts on an empty machine</text>
${gridX(x)}
${gridY(y)}
<text x="${(BOX.left + BOX.right) / 2}" y="${HEIGHT - 18}" text-anchor="middle">number of subhosts</text>
<text transform="translate(18 ${(BOX.top + BOX.bottom) / 2}) rotate(-90)" text-anchor="middle">milliseconds, median</text>
${lines.map((line) => drawLine(line, x, y)).join('\n')}
${labels(lines, x, y)}
</svg>
`;
}

function linesOf(samples: readonly Sample[]): Line[] {
  const sizes = [...new Set(samples.map(({ n }) => n))].sort((a, b) => a - b);
  return [...new Set(samples.map(({ peer }) => peer))].map((peer) => ({
    peer,
    points: sizes.flatMap((n) => {
      const seen = spread(samples, 'apply', n, peer);
      return seen ? { n, ms: seen.median } : [];
    }),
  }));
}

interface Scale {
  (value: number): number;
  /** Powers of ten from the first to the last that the axis has. */
  readonly ticks: readonly number[];
}

function scale(values: readonly number[], from: number, to: number): Scale {
  const first = Math.floor(Math.log10(Math.min(1, ...values)));
  const last = Math.max(first + 1, Math.ceil(Math.log10(Math.max(1, ...values))));
  const place = (value: number): number => Math.round((from + ((Math.log10(value) - first) / (last - first)) * (to - from)) * 10) / 10;
  return Object.assign(place, { ticks: Array.from({ length: last - first + 1 }, (_, index) => 10 ** (first + index)) });
}

function gridX(x: Scale): string {
  return x.ticks
    .map(
      (tick) =>
        `<line x1="${x(tick)}" x2="${x(tick)}" y1="${BOX.top}" y2="${BOX.bottom}" stroke="#dddddd"/>` +
        `<text x="${x(tick)}" y="${BOX.bottom + 20}" text-anchor="middle">${figure(tick)}</text>`,
    )
    .join('\n');
}

function gridY(y: Scale): string {
  return y.ticks
    .map(
      (tick) =>
        `<line x1="${BOX.left}" x2="${BOX.right}" y1="${y(tick)}" y2="${y(tick)}" stroke="#dddddd"/>` +
        `<text x="${BOX.left - 8}" y="${y(tick) + 4}" text-anchor="end">${figure(tick)}</text>`,
    )
    .join('\n');
}

function drawLine({ peer, points }: Line, x: Scale, y: Scale): string {
  const colour = COLOURS[peer] ?? '#7f8c8d';
  const places = points.map(({ n, ms }) => `${x(n)},${y(ms)}`);
  const dots = points.map(({ n, ms }) => `<circle cx="${x(n)}" cy="${y(ms)}" r="3" fill="${colour}"/>`).join('');
  return `<polyline points="${places.join(' ')}" fill="none" stroke="${colour}" stroke-width="${peer === 'ob' ? 3 : 1.5}"/>${dots}`;
}

/** At the right, each beside the end of its line, but never on one another. */
function labels(lines: readonly Line[], x: Scale, y: Scale): string {
  const ends = lines.flatMap(({ peer, points }) => {
    const end = points.at(-1);
    return end ? { peer, x: x(end.n), y: y(end.ms) } : [];
  });
  let lowest = Number.NEGATIVE_INFINITY;
  return ends
    .sort((a, b) => a.y - b.y)
    .map((end) => {
      const colour = COLOURS[end.peer] ?? '#7f8c8d';
      lowest = Math.max(end.y, lowest + LABEL_GAP);
      const lead = `<line x1="${end.x + 4}" y1="${end.y}" x2="${BOX.right + 10}" y2="${lowest}" stroke="${colour}" stroke-dasharray="2 3"/>`;
      return `${lead}<text x="${BOX.right + 14}" y="${lowest + 4}" fill="${colour}">${end.peer}</text>`;
    })
    .join('\n');
}
