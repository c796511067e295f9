import { execFileSync } from 'node:child_process';
import { copyFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { dropCodeCache } from './code-cache.mjs';

/** For a snapshot, which takes a second. */
const LONGEST_MS = 60_000;

/** What dist/ob compares: snapshots are good for one very Node, in one place. The flags of each have a line. */
const MARK = 'dist/ob.node';

/**
 * ALL and SHORT: what dist/ob.blob and dist/short.blob are to be snapshots of; LINES: see src/cli/snapshot/lines.ts. Both of them, or
 * none: without them ob works all the same.
 */
export function takeSnapshots({ all, short, lines }) {
  const made = [
    { file: 'dist/ob.blob', script: all, more: [] },
    { file: 'dist/short.blob', script: short, more: SHORT_FLAGS },
  ].map((one) => ({ ...one, blob: `${one.file}.${process.pid}` }));
  try {
    const flags = takeWithFlags(made, lines);
    for (const [index, { blob, file }] of made.entries()) {
      makeSmaller(blob, flags[index]);
      renameSync(blob, file);
    }
    const { ino, size, ctimeMs } = statSync(process.execPath);
    writeFileSync(
      MARK,
      `${ino}.${size}.${Math.floor(ctimeMs / 1000)} ${resolve('dist')}\n${flags.map((some) => `${some.join(' ')}\n`).join('')}`,
    );
  } catch (error) {
    for (const name of [MARK, ...made.map(({ file }) => file)]) rmSync(name, { force: true });
    process.stderr.write(
      `ob: this Node takes no snapshot, ob will start slower: ${(String(error.stderr ?? '').trim() || String(error)).slice(0, 2000)}\n`,
    );
  } finally {
    // With what a rehearsal that was killed has left.
    const left = made.flatMap(({ script, blob }) => [blob, script, ...['.yaml', '.text', '.told'].map((end) => script + end)]);
    for (const name of left) rmSync(name, { force: true });
  }
}

/** Only if it still works then: how a snapshot is laid out is Node's own affair. */
function makeSmaller(blob, flags) {
  const smaller = `${blob}.smaller`;
  try {
    copyFileSync(blob, smaller);
    if (!dropCodeCache(smaller)) return;
    execFileSync(process.execPath, [...flags, '--snapshot-blob', smaller, resolve('dist/ob'), '--version'], { stdio: 'ignore' });
    renameSync(smaller, blob);
  } catch {
    // It is as good as it was, but larger.
  } finally {
    rmSync(smaller, { force: true });
  }
}

/** A snapshot works only with the flags that it was taken with. */
const FLAGS = [
  // A run is over before V8's optimising compiler has earned what it costs: without it a plan takes a quarter less time, and
  // half the CPU, for 100 subhosts as for 1000. What is called often gets its plain machine code at once, not with others later.
  '--no-opt',
  '--no-baseline-batch-compilation',
  // Strings are hashed anew with a seed of each start's own, against those who send names that collide; who writes a hosts
  // file has root already. That takes a sixth of the start.
  '--no-rehash-snapshot',
  // Threads that collect garbage beside the program are for heaps of another size: they take a tenth of a plan for 100 subhosts.
  '--single-threaded-gc',
];

/**
 * Nearly all that a run has built up is needed to its end, so to look through it for garbage is in vain; and memory that is new
 * costs a fault for each page: what is in the cache is used again. A tenth of a plan for 1000 subhosts. In MB.
 */
const SHORT_FLAGS = [
  '--initial-old-space-size=256',
  '--min-semi-space-size=4',
  '--max-semi-space-size=4',
  // Threads for what V8 would do beside the program, which is next to nothing here: each is started, and waited for at the end.
  '--v8-pool-size=1',
  // See src/cli/tier.ts.
  '--no-sparkplug',
  // The same of regular expressions: what is looked for twice is not worth machine code yet.
  '--regexp-tier-up-ticks=50',
];

/** Gives the flags of each. */
function takeWithFlags(made, lines) {
  const asked = process.env.OB_REHEARSAL;
  // Another Node may know no such flag, or not be able to keep what a rehearsal has touched.
  const tries = asked ? [[true, asked]] : [true, false].flatMap((hasFlags) => ['', 'none'].map((manner) => [hasFlags, manner]));
  let failed;
  for (const [hasFlags, OB_REHEARSAL] of tries) {
    try {
      const env = { ...process.env, OB_REHEARSAL, OB_LINES: lines };
      return made.map(({ blob, script, more }) => {
        const flags = hasFlags ? [...FLAGS, ...more] : [];
        const words = [...flags, '--snapshot-blob', blob, '--build-snapshot', script];
        execFileSync(process.execPath, words, { env, stdio: 'pipe', timeout: LONGEST_MS });
        return flags;
      });
    } catch (error) {
      failed ??= error;
    }
  }
  throw failed;
}
