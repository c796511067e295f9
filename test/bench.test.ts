import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { BARS, judge, times } from '../bench/bars.ts';
import { parseMemory } from '../bench/memory.ts';
import { fillPage } from '../bench/page.ts';
import { address, hostsYaml, mac } from '../bench/peers.ts';
import { drawGrowth } from '../bench/plot.ts';
import { median, type Results, ratio, type Sample, spread } from '../bench/results.ts';
import { table } from '../bench/table.ts';
import { machineFacts } from '../src/planner/hosts/facts.ts';
import { parseHostsFile } from '../src/planner/hosts/read.ts';

const RUN = fileURLToPath(new URL('../bench/run.ts', import.meta.url));

/** `row n peer: VALUE of round 1, of round 2, …`, one a line. */
function samples(text: string): Sample[] {
  return text
    .trim()
    .split('\n')
    .flatMap((line) => {
      const [name = '', values = ''] = line.split(':');
      const [row = '', n, ...peer] = name.trim().split(' ');
      return values
        .trim()
        .split(' ')
        .map((value, index) => ({ row: row as Sample['row'], n: Number(n), peer: peer.join(' '), round: index + 1, value: Number(value) }));
    });
}

/** Every bar held, by a hair. */
function heldBy(factor: number): Sample[] {
  const rows = new Map<string, number>();
  for (const { row, n, peer, most } of BARS) {
    rows.set(`${row} ${n} ${peer}`, 1000);
    const key = `${row} ${n} ob`;
    rows.set(key, Math.min(rows.get(key) ?? Number.POSITIVE_INFINITY, 1000 * most * factor));
  }
  rows.set('apply 500 ob', 5 * (rows.get('apply 100 ob') ?? 0));
  rows.set('node-left 100 ob', 0);
  return samples([...rows].map(([key, value]) => `${key}: ${value}`).join('\n'));
}

function resultsOf(list: readonly Sample[]): Results {
  return { date: '2026-01-02', machine: 'two cores', command: 'npm run bench', versions: { ob: '1', none: '' }, samples: list };
}

async function check(t: TestContext, list: readonly Sample[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const folder = mkdtempSync(`${tmpdir()}/ob-bench-test-`);
  t.after(() => rmSync(folder, { recursive: true }));
  writeFileSync(`${folder}/numbers.json`, JSON.stringify(resultsOf(list)));
  const args = ['--import', 'tsx', RUN, '--check', '--judge', `${folder}/numbers.json`];
  return new Promise((resolve) => {
    execFile(process.execPath, args, (error, stdout, stderr) => resolve({ code: Number(error?.code ?? 0), stdout, stderr }));
  });
}

test('the median of an even number of values lies between the two in the middle', () => {
  assert.equal(median([5, 1, 3]), 3);
  assert.equal(median([4, 1, 3, 100]), 3.5);
});

test('a ratio is the median of the ratios of each round: a round that was slow for both does not count', () => {
  const list = samples('apply 1 ob: 2 20 300\napply 1 limit: 1 10 100');
  assert.equal(ratio(list, 'apply', 1, 'ob', 'limit'), 2);
  assert.equal(ratio(list, 'apply', 1, 'ob', 'crun'), undefined);
});

test('rounds that only one of the two has are left out of the ratio', () => {
  assert.equal(ratio(samples('apply 1 ob: 2 900\napply 1 limit: 1'), 'apply', 1, 'ob', 'limit'), 2);
});

test('a spread tells the median, the least and the most', () => {
  assert.deepEqual(spread(samples('apply 1 ob: 3 1 2'), 'apply', 1, 'ob'), { median: 2, least: 1, most: 3, count: 3 });
});

test('what holds every bar misses none', () => {
  const verdicts = judge(heldBy(0.99));
  assert.deepEqual(
    verdicts.filter(({ state }) => state === 'missed'),
    [],
  );
});

test('each bar can be missed', () => {
  for (const { row, n, peer, most, name } of BARS) {
    const list = [
      { row, n, peer, round: 1, value: 1000 },
      { row, n, peer: 'ob', round: 1, value: 1001 * most },
    ];
    assert.deepEqual(
      judge(list).flatMap((one) => (one.state === 'missed' ? one.name : [])),
      [name],
    );
  }
});

test('a subhost of 500 may cost half as much again as one of 100, and more only where it does for the limit', () => {
  const growth = (text: string) => judge(samples(text)).find(({ name }) => name === 'apply 500, each')?.state;
  assert.equal(growth('apply 100 ob: 100\napply 500 ob: 700'), 'held');
  assert.equal(growth('apply 100 ob: 100\napply 500 ob: 800'), 'missed');
  assert.equal(growth('apply 100 ob: 100\napply 500 ob: 800\napply 100 limit: 50\napply 500 limit: 450'), 'held');
});

test('a Node process that stays is a miss', () => {
  assert.equal(judge(samples('node-left 100 ob: 1')).find(({ state }) => state === 'missed')?.name, 'Node processes that stay');
});

test('ratios below one are read as parts', () => {
  assert.equal(times(2.44), '2.4x');
  assert.equal(times(1 / 120), '1/120 of');
});

test('--check exits 0 where every bar is held', async (t) => {
  const { code, stderr } = await check(t, heldBy(0.99));
  assert.equal(stderr.includes('missed'), false);
  assert.equal(code, 0);
});

test('--check exits 1 and names each bar that is missed, and what was not measured', async (t) => {
  const { code, stderr } = await check(t, samples('apply 100 ob: 400\napply 100 limit: 100\nplan 1 ob: 50\nplan 1 node -e 0: 20'));
  assert.equal(code, 1);
  assert.match(stderr, /^missed: apply 100: 4x, the bar is at most 3x limit$/m);
  assert.match(stderr, /^missed: plan 1, nothing to do: 2.5x, the bar is at most 2x node -e 0$/m);
  assert.match(stderr, /^not measured: destroy 100: the bar is at most 2x limit$/m);
  assert.equal(stderr.match(/^missed/gm)?.length, 2);
});

test('a page keeps what stands around the numbers', () => {
  const page = 'before\n<!-- bench -->\nold\n<!-- /bench -->\nafter\n';
  const filled = fillPage(page, resultsOf(samples('apply 10 limit: 1 2 3\napply 10 ob: 40 50 60')));
  assert.match(filled, /^before\n<!-- bench -->\n\nMeasured on 2026-01-02 by `npm run bench`, on two cores; ob 1\.\n/);
  assert.match(filled, /\| ob +\| 50 \(40-60\) \|\n\| limit \| 2 \(1-3\) +\|/);
  assert.match(filled, /<!-- \/bench -->\nafter\n$/);
  assert.equal(filled.includes('old'), false);
  assert.throws(() => fillPage('nothing', resultsOf([])), /no place/);
});

test('a table has columns of one width', () => {
  assert.equal(table(['a', 'long'], [['word', 'b']]), '| a    | long |\n|------|------|\n| word | b    |');
});

test('the plot names both axes and every peer, and no two names are on one another', () => {
  const svg = drawGrowth(samples('apply 1 ob: 50\napply 100 ob: 300\napply 1 limit: 5\napply 100 limit: 299\napply 100 crun: 301'));
  for (const text of ['number of subhosts', 'milliseconds', '>ob<', '>limit<', '>crun<']) assert.ok(svg.includes(text), text);
  const heights = [...svg.matchAll(/<text x="634" y="([\d.]+)"/g)].map(([, y]) => Number(y)).sort((a, b) => a - b);
  assert.equal(heights.length, 3);
  for (const [index, y] of heights.entries()) assert.ok(index === 0 || y - (heights[index - 1] ?? 0) >= 15);
  assert.equal(svg.includes('NaN'), false);
});

test('memory counts a page that is shared in parts, and page tables and a kernel stack for each thread', () => {
  const text = 'VmRSS:\t   12 kB\nVmPTE:\t   28 kB\nThreads:\t2\nRss:   12 kB\nPss:    5 kB\nPss_Dirty:   4 kB\n';
  assert.deepEqual(parseMemory(text), { residentKb: 12, wholeKb: 65 });
});

test('the subhosts that are measured are what ob takes for right, each with a MAC and an address of its own', () => {
  const file = parseHostsFile(hostsYaml(300), '/mnt/hosts.yaml', machineFacts(new Set(['br0'])));
  const cables = file.subhosts.flatMap((subhost) => subhost.cables);
  assert.equal(new Set(cables.map((cable) => cable.mac)).size, 300);
  assert.equal(new Set(cables.flatMap((cable) => cable.address)).size, 300);
  assert.deepEqual([mac(300), address(300)], ['02:00:0a:4d:01:2d', '10.77.1.45']);
});
