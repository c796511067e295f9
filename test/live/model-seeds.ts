import { messageOf } from '../../src/resources/error.ts';
import type { Row } from '../crash/table.ts';
import { createRandom } from '../random.ts';
import { draw, drawEdit, type Op, show } from './model-ops.ts';
import { LAST, runModel } from './model-run.ts';

interface Seeds {
  readonly first: number;
  readonly count: number;
  /** Steps of each. */
  readonly length: number;
  /** Disposable machines at a time: a run waits more than it works. */
  readonly workers: number;
  /** See `draw`. */
  readonly isTimed: boolean;
  /** Progress goes to stderr. */
  readonly isShown: boolean;
}

interface SeedRow extends Row {
  readonly failures: string[];
}

/** So long a failure is made shorter. */
const SHRINK_MS = 240_000;
const FIRST_EDITS = 12;
/** So often it is said how far it is, where nobody looks at a terminal. */
const TELL_MS = 60_000;

/** Each seed on a machine of its own. */
export async function trySeeds(seeds: Seeds, tell: (line: string) => void): Promise<SeedRow> {
  const { first, count, length, workers, isTimed, isShown } = seeds;
  const row: SeedRow = { who: 'ob', level: 'model', scenario: `${length} random steps`, tried: 0, converged: 0, clean: 0, failures: [] };
  const hits = { drifts: 0, kills: 0 };
  const progress = createProgress(row, count);
  let next = first;
  const work = async (): Promise<void> => {
    while (next < first + count) {
      const seed = next++;
      const ops = drawAll(seed, length, isTimed);
      const failure = await failureOf(ops, hits);
      row.tried++;
      row.converged += failure?.isConverged === false ? 0 : 1;
      row.clean += failure ? 0 : 1;
      if (failure) row.failures.push(await describe(seed, ops, failure));
      if (failure && isShown) process.stderr.write(`\n${row.failures.at(-1)}\n\n`);
      if (isShown) progress();
    }
  };
  await Promise.all(Array.from({ length: Math.min(workers, count) }, work));
  tell(`${hits.drifts} drifts and ${hits.kills} kills came to something`);
  return row;
}

/** Begins with a file that is like few others: edits alone cost nothing. */
function drawAll(seed: number, length: number, isTimed: boolean): Op[] {
  const random = createRandom(seed);
  const edits = Array.from({ length: FIRST_EDITS }, () => drawEdit(random));
  return [...edits, ...Array.from({ length }, () => draw(random, isTimed))];
}

/** A line on stderr: on a terminal always the same one, else one now and then. */
function createProgress(row: SeedRow, count: number): () => void {
  const begin = Date.now();
  let told = begin;
  return () => {
    const now = Date.now();
    const left = (((now - begin) / row.tried) * (count - row.tried)) / 60_000;
    const line = `${row.tried} of ${count} seeds, ${row.failures.length} failed, ${left.toFixed(0)} min left`;
    if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${line}${row.tried === count ? '\n' : ''}`);
    else if (now - told >= TELL_MS || row.tried === count) {
      told = now;
      process.stderr.write(`${line}\n`);
    }
  };
}

interface Failure {
  readonly message: string;
  /** So many steps had begun. */
  readonly at: number;
  /** The last apply had mended all; destroy has left something. */
  readonly isConverged: boolean;
}

async function failureOf(ops: readonly Op[], hits = { drifts: 0, kills: 0 }): Promise<Failure | undefined> {
  let at = 0;
  let last = '';
  try {
    const { drifts, kills } = await runModel(ops, (line) => {
      at++;
      last = line;
    });
    hits.drifts += drifts;
    hits.kills += kills;
    return undefined;
  } catch (error) {
    return { message: `${last}: ${messageOf(error)}`, at: Math.min(at, ops.length), isConverged: last === LAST };
  }
}

async function describe(seed: number, ops: readonly Op[], failure: Failure): Promise<string> {
  const began = ops.slice(0, failure.at);
  const shortest = await shrink(began, failure);
  const steps = shortest.ops.map((op) => `    ${show(op)}`).join('\n');
  return `SEED=${seed}, after ${shortest.ops.length} of ${began.length} steps:\n${steps}\n${shortest.failure.message}`;
}

/** Leaves out what it fails without: halves, then smaller parts, then single ones. */
async function shrink(ops: readonly Op[], failure: Failure): Promise<{ ops: readonly Op[]; failure: Failure }> {
  let best = { ops, failure };
  const deadline = Date.now() + SHRINK_MS;
  for (let size = Math.ceil(ops.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2))
    for (let from = 0; from < best.ops.length && Date.now() < deadline; ) {
      const fewer = best.ops.filter((_, index) => index < from || index >= from + size);
      const found = await failureOf(fewer);
      if (found) best = { ops: fewer.slice(0, found.at), failure: found };
      else from += size;
    }
  return best;
}
