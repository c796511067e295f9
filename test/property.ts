import type { TestContext } from 'node:test';
import fc from 'fast-check';

// The same values at every run, so that a test which holds today holds tomorrow; SEED makes it others, RUNS so many times more.
const seed = Number(process.env['SEED'] ?? 1);
const factor = Number(process.env['RUNS'] ?? 1);

/** Fails with the smallest values found for which a property does not hold, and with what makes them again. */
export async function holds<Ts>(t: TestContext, runs: number, property: fc.IProperty<Ts> | fc.IAsyncProperty<Ts>): Promise<void> {
  const numRuns = Math.ceil(runs * factor);
  t.diagnostic(`SEED=${seed}, ${numRuns} runs`);
  await fc.assert(property as fc.IAsyncProperty<Ts>, { seed, numRuns, includeErrorInReport: true });
}
