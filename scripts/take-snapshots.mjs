import { execFileSync } from 'node:child_process';
import { copyFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { dropCodeCache } from './code-cache.mjs';

/** For a snapshot, which takes a second. */
const LONGEST_MS = 60_000;

/** What dist/ob compares: snapshots are good for one very Node, with the flags they were taken with, in one place. */
const MARK = 'dist/ob.node';

/** SCRIPTS: what each file is a snapshot of. All of them, or none: without them ob works all the same. */
export function takeSnapshots(scripts) {
  const made = Object.entries(scripts).map(([file, script]) => ({ file, script, blob: `${file}.${process.pid}` }));
  try {
    const flags = takeWithFlags(made);
    for (const { blob } of made) makeSmaller(blob, flags);
    for (const { blob, file } of made) renameSync(blob, file);
    const { ino, size, ctimeMs } = statSync(process.execPath);
    writeFileSync(MARK, `${ino}.${size}.${Math.floor(ctimeMs / 1000)} ${resolve('dist')}\n${flags.join(' ')}\n`);
  } catch (error) {
    for (const name of [MARK, ...Object.keys(scripts)]) rmSync(name, { force: true });
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

/**
 * A run is over before V8's optimising compiler has earned what it costs: without it a plan takes a quarter less time, and
 * half the CPU, for 100 subhosts as for 1000. A snapshot works only with the flags that it was taken with.
 */
function takeWithFlags(made) {
  // Strings are hashed anew with a seed of each start's own, against those who send names that collide; who writes a hosts
  // file has root already. That takes a sixth of the start.
  // Threads that collect garbage beside the program are for heaps of another size: they take a tenth of a plan for 100 subhosts.
  const best = ['--no-opt', '--no-rehash-snapshot', '--single-threaded-gc'];
  const asked = process.env.OB_REHEARSAL;
  // Another Node may know no such flag, or not be able to keep what a rehearsal has touched.
  const tries = asked ? [[best, asked]] : [best, []].flatMap((flags) => ['', 'none'].map((manner) => [flags, manner]));
  let failed;
  for (const [flags, OB_REHEARSAL] of tries) {
    try {
      const env = { ...process.env, OB_REHEARSAL };
      for (const { blob, script } of made) {
        const words = [...flags, '--snapshot-blob', blob, '--build-snapshot', script];
        execFileSync(process.execPath, words, { env, stdio: 'pipe', timeout: LONGEST_MS });
      }
      return flags;
    } catch (error) {
      failed ??= error;
    }
  }
  throw failed;
}
