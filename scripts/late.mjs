import { readFileSync } from 'node:fs';
import { builtinModules, createRequire } from 'node:module';

// What a program that comes out of a snapshot loads when it needs it, and not before.

const require = createRequire(import.meta.url);

/**
 * What these have open in the kernel or in C++ cannot be kept in a snapshot: they are loaded when they are first used,
 * in the program that comes out of it.
 */
const LATE = new Set(['child_process', 'crypto', 'module', 'net', 'readline', 'stream/promises', 'timers/promises', 'tty']);

/**
 * Packages that most runs do without, and what is asked of them, functions alone: each in a file of its own beside the snapshot. Of
 * the lines that are asked for most a snapshot knows what yargs makes of them (src/cli/kept-lines.ts).
 */
export const LATE_PACKAGES = { execa: ['execa', 'execaSync'], yargs: ['default'] };

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

/** What is loaded late: modules of Node, and if the program ISSHORT these packages too. */
export const late = (isShort) => ({
  name: 'late',
  setup(builder) {
    builder.onResolve({ filter: /.*/ }, ({ path, namespace, kind }) => {
      if (isShort && path in LATE_PACKAGES) return { path, namespace: 'late-package' };
      const name = path.replace(/^node:/, '');
      if (kind === 'entry-point' || !builtinModules.includes(name)) return;
      return (LATE.has(name) || name === 'assert') && namespace !== 'late'
        ? { path: name, namespace: 'late' }
        : { path: `node:${name}`, external: true };
    });
    builder.onLoad({ filter: /.*/, namespace: 'late-package' }, ({ path }) => ({ contents: latePackage(path) }));
    builder.onLoad({ filter: /.*/, namespace: 'late' }, ({ path }) => ({ contents: path === 'assert' ? ASSERT : lateModule(path) }));
    // Its tables of ICU cannot be kept either; it serves to measure the lines of a help text. And yargs draws such a text
    // for each command that it runs, for an error that this one shows in its own words.
    builder.onLoad({ filter: /node_modules\/.*\.m?js$/ }, ({ path }) => ({
      contents: readFileSync(path, 'utf8')
        // A folder of translations that may not be looked at is as good as none.
        .replaceAll("err.code === 'ENOENT'", 'err.code')
        .replaceAll('new Intl.Segmenter()', '({ segment: (text) => new Intl.Segmenter().segment(text) })')
        .replaceAll('yargs.getInternalMethods().getUsageInstance().cacheHelpMessage();', ''),
    }));
  },
});

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

/** A module whose functions load the real one, which has been built, when one of them is called. */
function latePackage(name) {
  const declare = (key) => (key === 'default' ? 'export default' : `export const ${key} =`);
  return `
    import { createRequire } from 'node:module';
    let loaded;
    const real = () => (loaded ??= createRequire(import.meta.url)('./${name}.cjs'));
    ${LATE_PACKAGES[name].map((key) => `${declare(key)} (...words) => real().${key}(...words);`).join('\n')}`;
}
