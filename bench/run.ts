// npm run bench -- [--quick] [--check] [--peers NAME,…] [--rounds N]: measures ob beside its peers in a disposable machine.
import { execFileSync } from 'node:child_process';
import { copyFileSync, cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, release, tmpdir, totalmem } from 'node:os';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { collect, createMachine, noLive, OB } from '../test/machine.ts';
import { judge } from './bars.ts';
import type { Order } from './inside.ts';
import { fillPage } from './page.ts';
import type { Tools } from './peers.ts';
import { drawGrowth } from './plot.ts';
import type { Results, Sample } from './results.ts';
import { barTable } from './table.ts';

const HERE = fileURLToPath(new URL('.', import.meta.url));
const PAGE = fileURLToPath(new URL('../docs/performance.md', import.meta.url));
const PLOT = fileURLToPath(new URL('../docs/performance.svg', import.meta.url));

const USAGE = `npm run bench -- [OPTION]...
  --quick          fewer and smaller: three rounds, no peer that takes minutes
  --check          exit 1 if a bar is missed, and name each
  --rounds N       how often each is measured, in turn (default 5)
  --sizes N,M      how many subhosts (default 1,10,100,500,1000)
  --peers A,B      only these, beside ob and the limit
  --save NAME      keep the numbers as bench/results/NAME.json and put them into docs/performance.md
  --judge FILE     measure nothing, judge the numbers in this file; with --save they are drawn again
`;

const { values: options } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    check: { type: 'boolean', default: false },
    help: { type: 'boolean', short: 'h', default: false },
    rounds: { type: 'string' },
    sizes: { type: 'string' },
    peers: { type: 'string' },
    save: { type: 'string' },
    judge: { type: 'string' },
  },
});

/** What is left to do at the end, newest first. */
const last: (() => void | Promise<void>)[] = [];

function buildTools(): Tools {
  const folder = mkdtempSync(`${tmpdir()}/ob-bench-`);
  last.push(() => rmSync(folder, { recursive: true }));
  const cc = process.env['CC'] ?? 'cc';
  const tools = { limit: `${folder}/limit`, pid1: `${folder}/pid1`, answer: `${folder}/answer`, ob: OB };
  const strict = ['-Wall', '-Wextra', '-Werror', '-static', '-s'];
  const bare = ['-Os', '-ffreestanding', '-nostdlib', '-no-pie', '-fno-stack-protector', '-fno-asynchronous-unwind-tables'];
  const link = ['-Wl,-z,noseparate-code', '-Wl,--build-id=none', '-Wl,-z,noexecstack'];
  execFileSync(cc, [...strict, '-O2', '-o', tools.limit, `${HERE}limit.c`], { stdio: 'inherit' });
  execFileSync(cc, [...strict, ...bare, ...link, '-o', tools.pid1, `${HERE}pid1.c`], { stdio: 'inherit' });
  copyFileSync(tools.limit, tools.answer);
  return tools;
}

function orderFor(tools: Tools): Order {
  const { quick: isQuick } = options;
  return {
    tools,
    playbook: `${HERE}playbook.yml`,
    rounds: Number(options.rounds ?? (isQuick ? 3 : 5)),
    sizes: options.sizes?.split(',').map(Number) ?? (isQuick ? [1, 10, 100] : [1, 10, 100, 500, 1000]),
    planSizes: isQuick ? [1, 100] : [1, 100, 1000],
    isQuick,
    only: options.peers?.split(',') ?? [],
  };
}

async function measure(order: Order): Promise<Results> {
  // Of the test context it is only told what to do at the end.
  const machine = await createMachine({ after: (act: () => Promise<void>) => last.push(act) } as unknown as TestContext);
  // The machine has a /var/lib of its own, and this peer lives there.
  const overlayBoot = '/var/lib/overlay-boot';
  if (existsSync(overlayBoot)) cpSync(overlayBoot, `/proc/${machine.pid}/root${overlayBoot}`, { recursive: true });
  const child = machine.start(process.execPath, ['--import', 'tsx', `${HERE}inside.ts`, JSON.stringify(order)], { cwd: HERE });
  const samples: Sample[] = [];
  const versions: Record<string, string> = { node: process.version, kernel: release() };
  let rest = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      const value = JSON.parse(line);
      if (value.note) process.stderr.write(`${value.note}\n`);
      else if (value.of) versions[value.of] = value.version;
      else samples.push({ ...value, value: Math.round(value.value * 1000) / 1000 });
    }
  });
  const { code, stderr } = await collect(child);
  if (code !== 0) throw new Error(`the benchmark failed (exit ${code}): ${stderr}`);
  const cpu = cpus();
  return {
    date: new Date().toISOString().slice(0, 10),
    machine: `${cpu.length} x ${cpu[0]?.model.trim()}, ${Math.round(totalmem() / 2 ** 30)} GB`,
    command: ['npm run bench --', ...process.argv.slice(2)].join(' '),
    versions,
    samples,
  };
}

/** One sample a line: small, and its changes can be read. */
function toJson({ samples, ...head }: Results): string {
  const lines = samples.map((sample) => JSON.stringify(sample)).join(',\n');
  return `${JSON.stringify(head, null, 2).slice(0, -2)},\n  "samples": [\n${lines}\n]}\n`;
}

function keep(results: Results): void {
  const { save } = options;
  if (!save) return;
  mkdirSync(`${HERE}results`, { recursive: true });
  writeFileSync(`${HERE}results/${save}.json`, toJson(results));
  writeFileSync(PLOT, drawGrowth(results.samples));
  writeFileSync(PAGE, fillPage(readFileSync(PAGE, 'utf8'), results));
}

async function main(): Promise<number> {
  if (options.help) {
    process.stdout.write(USAGE);
    return 0;
  }
  if (!options.judge && noLive) throw new Error('the benchmark needs root, for its disposable machine');
  const results: Results = options.judge ? JSON.parse(readFileSync(options.judge, 'utf8')) : await measure(orderFor(buildTools()));
  keep(results);
  const verdicts = judge(results.samples);
  process.stdout.write(`${barTable(verdicts)}\n`);
  const missed = verdicts.filter(({ state }) => state === 'missed');
  if (!options.check) return 0;
  for (const { name, bar, seen } of missed) process.stderr.write(`missed: ${name}: ${seen}, the bar is ${bar}\n`);
  for (const { name, bar, state } of verdicts)
    if (state === 'not measured') process.stderr.write(`not measured: ${name}: the bar is ${bar}\n`);
  return missed.length > 0 ? 1 : 0;
}

try {
  process.exitCode = await main();
} finally {
  for (const act of last.reverse()) await act();
}
