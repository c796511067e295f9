// Makes dist/ob.js, which any Node can run, and dist/ob.blob, a start-up snapshot for the Node that runs this: with it
// ob starts three times as fast, and cron starts it every minute.
import { execFileSync } from 'node:child_process';
import { chmodSync, copyFileSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { builtinModules, createRequire } from 'node:module';
import { resolve } from 'node:path';
import { build } from 'esbuild';
import { dropCodeCache } from './code-cache.mjs';

const require = createRequire(import.meta.url);

/**
 * What these have open in the kernel or in C++ cannot be kept in a snapshot: they are loaded when they are first used,
 * in the program that comes out of it.
 */
const LATE = new Set(['child_process', 'crypto', 'module', 'net', 'readline', 'stream/promises', 'timers/promises', 'tty']);

/** All that yargs asks of this module, at each start; the real one takes longer to load than yargs to parse a command line. */
const ASSERT = `
  const check = (isFine, message) => {
    if (!isFine) throw new Error(message);
  };
  export const strictEqual = (one, other, message) => check(Object.is(one, other), message);
  export const notStrictEqual = (one, other, message) => check(!Object.is(one, other), message);`;

/** While the snapshot is taken there can be no child process: see src/cli/rehearsal/cast.ts. */
const PLAYED_SPAWN = `
    exports.spawn = (...words) => (isBuildingSnapshot() ? globalThis.obPlayProgram : real().spawn)(...words);`;

const late = {
  name: 'late',
  setup(builder) {
    builder.onResolve({ filter: /.*/ }, ({ path, namespace, kind }) => {
      const name = path.replace(/^node:/, '');
      if (kind === 'entry-point' || !builtinModules.includes(name)) return;
      return (LATE.has(name) || name === 'assert') && namespace !== 'late'
        ? { path: name, namespace: 'late' }
        : { path: `node:${name}`, external: true };
    });
    builder.onLoad({ filter: /.*/, namespace: 'late' }, ({ path }) => ({ contents: path === 'assert' ? ASSERT : lateModule(path) }));
    // Its tables of ICU cannot be kept either; it serves to measure the lines of a help text. And yargs draws such a text
    // for each command that it runs, for an error that this one shows in its own words.
    builder.onLoad({ filter: /node_modules\/.*\.m?js$/ }, ({ path }) => ({
      contents: readFileSync(path, 'utf8')
        // A folder of translations that may not be looked at is as good as none.
        .replaceAll("err.code === 'ENOENT'", 'err.code')
        // Looked up in the environment for each token of a hosts file.
        .replaceAll('node_process.env.LOG_TOKENS', 'false')
        .replaceAll('new Intl.Segmenter()', '({ segment: (text) => new Intl.Segmenter().segment(text) })')
        .replaceAll('yargs.getInternalMethods().getUsageInstance().cacheHelpMessage();', ''),
    }));
  },
};

/** A module whose functions load the real one when they are called, and whose classes when they are asked for. */
function lateModule(name) {
  const real = require(`node:${name}`);
  const keys = Object.keys(real).map((key) => [key, typeof real[key] === 'function' && !/^[A-Z]/.test(key)]);
  return `
    const { isBuildingSnapshot } = require('node:v8').startupSnapshot;
    const real = () => require('node:${name}');
    const lateRequire = (url) => new Proxy(() => {}, {
      apply: (_, self, words) => real().createRequire(url)(...words),
      get: (_, key) => real().createRequire(url)[key],
    });
    for (const [key, isFunction] of ${JSON.stringify(keys)})
      if (key === 'createRequire') exports[key] = lateRequire;
      else if (isFunction) exports[key] = (...words) => real()[key](...words);
      else Object.defineProperty(exports, key, { enumerable: true, get: () => (isBuildingSnapshot() ? undefined : real()[key]) });
    ${name === 'child_process' ? PLAYED_SPAWN : ''}
    Object.defineProperty(exports, '__esModule', { value: true });
    Object.defineProperty(exports, 'default', { get: () => (isBuildingSnapshot() ? exports : real()) });`;
}

/** Only differences are asked for: `performance` tells the same, but it takes nine modules of Node, at each start. */
const CLOCK = 'const clock = () => { const [seconds, ns] = process.hrtime(); return seconds * 1000 + ns / 1e6; };';

/** For a snapshot, which takes a second. */
const LONGEST_MS = 60_000;

const common = { bundle: true, platform: 'node', target: 'node20', logLevel: 'warning' };

await build({
  ...common,
  entryPoints: ['src/cli/ob.ts'],
  format: 'esm',
  outfile: `dist/ob.js.${process.pid}`,
  // yargs and its friends call require: an ES module has none unless it makes one.
  banner: {
    js: '#!/usr/bin/env node\nimport { createRequire as obRequire } from "node:module"; const require = obRequire(import.meta.url);',
  },
});
chmodSync(`dist/ob.js.${process.pid}`, 0o755);
renameSync(`dist/ob.js.${process.pid}`, 'dist/ob.js');

// Its name tells the program where dist is.
const script = `dist/snapshot.${process.pid}.cjs`;
await build({
  ...common,
  entryPoints: ['src/cli/snapshot.ts'],
  format: 'cjs',
  // The text is part of the snapshot, and is read at each start; names stay, for the trace of a bug.
  minifyWhitespace: true,
  minifySyntax: true,
  outfile: script,
  plugins: [late],
  define: { 'import.meta.url': 'importMetaUrl', 'performance.now': 'clock' },
  banner: { js: `const importMetaUrl = require("node:url").pathToFileURL(__filename).href; ${CLOCK}` },
});
takeSnapshot();

/** Without one ob works all the same. The mark is compared by dist/ob: a snapshot is good for one very Node in one place. */
function takeSnapshot() {
  const blob = `dist/ob.blob.${process.pid}`;
  try {
    const flags = takeWithFlags(blob);
    makeSmaller(blob, flags);
    const { ino, size, ctimeMs } = statSync(process.execPath);
    renameSync(blob, 'dist/ob.blob');
    writeFileSync('dist/ob.node', `${ino}.${size}.${Math.floor(ctimeMs / 1000)} ${resolve('dist')}\n${flags.join(' ')}\n`);
  } catch (error) {
    for (const name of ['dist/ob.blob', 'dist/ob.node']) rmSync(name, { force: true });
    process.stderr.write(
      `ob: this Node takes no snapshot, ob will start slower: ${(String(error.stderr ?? '').trim() || String(error)).slice(0, 2000)}\n`,
    );
  } finally {
    for (const name of ['', '.yaml', '.text', '.told']) rmSync(script + name, { force: true });
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
function takeWithFlags(blob) {
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
      const words = [...flags, '--snapshot-blob', blob, '--build-snapshot', script];
      execFileSync(process.execPath, words, { env, stdio: 'pipe', timeout: LONGEST_MS });
      return flags;
    } catch (error) {
      failed ??= error;
    }
  }
  throw failed;
}
