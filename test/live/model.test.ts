import test, { type TestContext } from 'node:test';
import { messageOf } from '../../src/resources/error.ts';
import { noLive } from '../machine.ts';
import { createRandom } from '../random.ts';
import { draw, type Op, show } from './model-ops.ts';
import { runModel } from './model-run.ts';

// SEED and COUNT make it another one, or many: npm run test:crash.
const first = Number(process.env['SEED'] ?? 1);
const count = Number(process.env['COUNT'] ?? 1);
const length = Number(process.env['OPS'] ?? 30);

/** So long a failure is made shorter. */
const SHRINK_MS = 240_000;

for (let seed = first; seed < first + count; seed++)
  test(`${length} random edits, runs, kills and drifts: apply mends it, destroy ends it (SEED=${seed})`, { skip: noLive }, async (t) => {
    const random = createRandom(seed);
    const ops = Array.from({ length }, () => draw(random, process.env['COUNT'] !== undefined));
    const failure = await failureOf(ops, (line) => t.diagnostic(line));
    if (!failure) return;
    const shortest = await shrink(t, ops.slice(0, failure.at), failure);
    throw new Error(`SEED=${seed}, after:\n${shortest.ops.map((op) => `    ${show(op)}`).join('\n')}\n${shortest.failure.message}`);
  });

interface Failure {
  readonly message: string;
  /** So many had begun. */
  readonly at: number;
}

async function failureOf(ops: readonly Op[], say?: (line: string) => void): Promise<Failure | undefined> {
  let at = 0;
  let last = '';
  try {
    const { drifts, kills } = await runModel(ops, (line) => {
      at++;
      last = line;
    });
    say?.(`${drifts} drifts and ${kills} kills came to something`);
    return undefined;
  } catch (error) {
    return { message: `${last}: ${messageOf(error)}`, at: Math.min(at, ops.length) };
  }
}

/** Leaves out what it fails without: halves, then smaller parts, then single ones. */
async function shrink(t: TestContext, ops: readonly Op[], failure: Failure): Promise<{ ops: readonly Op[]; failure: Failure }> {
  let best = { ops, failure };
  const deadline = Date.now() + SHRINK_MS;
  for (let size = Math.ceil(ops.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2))
    for (let from = 0; from < best.ops.length && Date.now() < deadline; ) {
      const fewer = best.ops.filter((_, index) => index < from || index >= from + size);
      const found = await failureOf(fewer);
      if (found) best = { ops: fewer.slice(0, found.at), failure: found };
      else from += size;
    }
  t.diagnostic(`${ops.length} steps before the failure, ${best.ops.length} of them needed`);
  return best;
}
