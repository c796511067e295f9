// Makes dist/ob.js, which any Node can run, and two start-up snapshots for the Node that runs this: with them ob starts three
// times as fast, and cron starts it every minute. dist/short.blob is for the commands of src/cli/short-commands.ts, dist/ob.blob
// for all.
import { execFileSync } from 'node:child_process';
import { chmodSync, renameSync, rmSync } from 'node:fs';
import { resolve } from 'node:path';
import { build } from 'esbuild';
import { LATE_PACKAGES, late } from './late.mjs';
import { takeSnapshots } from './take-snapshots.mjs';

/** Only differences are asked for: `performance` tells the same, but it takes nine modules of Node, at each start. */
const CLOCK = 'const clock = () => { const [seconds, ns] = process.hrtime(); return seconds * 1000 + ns / 1e6; };';

const common = {
  bundle: true,
  platform: 'node',
  target: 'node20',
  logLevel: 'warning',
  // Of its two builds the one of ES modules: what nobody asks for is left out.
  alias: { yaml: resolve('node_modules/yaml/browser/dist/index.js') },
};

/** yargs and its friends call require: an ES module has none unless it makes one. */
const MODULE = {
  format: 'esm',
  banner: {
    js: '#!/usr/bin/env node\nimport { createRequire as obRequire } from "node:module"; const require = obRequire(import.meta.url);',
  },
};

/** What other files than ES modules do not know of themselves. */
const OWN_URL = {
  define: { 'import.meta.url': 'importMetaUrl' },
  banner: 'const importMetaUrl = require("node:url").pathToFileURL(__filename).href;',
};

/** In one step: a run that begins meanwhile finds the former file or this one. */
async function buildFile(file, options) {
  const outfile = `${file}.${process.pid}`;
  await build({ ...common, ...options, outfile });
  chmodSync(outfile, 0o755);
  renameSync(outfile, file);
}

/** Gives the name of what `node --build-snapshot` is to run. Its name tells the program where dist is. */
async function buildScript(name) {
  const outfile = `dist/${name}.${process.pid}.cjs`;
  await build({
    ...common,
    entryPoints: [`src/cli/snapshot/${name}.ts`],
    format: 'cjs',
    // The text is part of the snapshot, and is read at each start; names stay, for the trace of a bug.
    minifyWhitespace: true,
    minifySyntax: true,
    outfile,
    plugins: [late(name === 'short')],
    define: { ...OWN_URL.define, 'performance.now': 'clock' },
    banner: { js: `${OWN_URL.banner} ${CLOCK}` },
  });
  return outfile;
}

/** See src/cli/snapshot/lines.ts. */
async function readLines() {
  const outfile = `dist/lines.${process.pid}.mjs`;
  try {
    await build({ ...common, ...MODULE, entryPoints: ['src/cli/snapshot/lines.ts'], outfile });
    return execFileSync(process.execPath, [outfile], { encoding: 'utf8' });
  } finally {
    rmSync(outfile, { force: true });
  }
}

await buildFile('dist/ob.js', { ...MODULE, entryPoints: ['src/cli/ob.ts'] });
for (const name of Object.keys(LATE_PACKAGES))
  await buildFile(`dist/${name}.cjs`, {
    entryPoints: [name],
    format: 'cjs',
    define: OWN_URL.define,
    banner: { js: OWN_URL.banner },
  });
takeSnapshots({ all: await buildScript('all'), short: await buildScript('short'), lines: await readLines() });
