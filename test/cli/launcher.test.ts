import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import { COMMANDS } from '../../src/cli/all-commands.ts';
import { LINES } from '../../src/cli/kept-lines.ts';
import { SHORT } from '../../src/cli/short-commands.ts';
import { createMachine, noLive } from '../machine.ts';

const DIST = fileURLToPath(new URL('../../dist', import.meta.url));

const noSnapshot = existsSync(`${DIST}/ob.node`) ? false : 'this Node takes no snapshot';
const otherNode = process.version.startsWith('v20.') ? false : 'another Node';

/** A folder with the launcher and, in place of Node, a program that prints what it was started with. */
function createFolder(t: test.TestContext): { dist: string; node: string; start(program: string, words?: readonly string[]): string[] } {
  const folder = mkdtempSync(`${tmpdir()}/ob launcher `);
  t.after(() => rmSync(folder, { recursive: true }));
  const [dist, node] = [`${folder}/dist`, `${folder}/node`];
  mkdirSync(dist);
  copyFileSync(`${DIST}/ob`, `${dist}/ob`);
  writeFileSync(node, '#!/bin/sh\nprintf "%s\\n" "$@"\n');
  chmodSync(node, 0o755);
  const start = (program: string, words: readonly string[] = ['plan', 'a b', '']): string[] =>
    execFileSync(program, words, { cwd: dist, env: { ...process.env, OB_NODE: node }, encoding: 'utf8' })
      .split('\n')
      .slice(0, -1);
  return { dist, node, start };
}

function markOf(node: string): string {
  const { ino, size, ctimeMs } = statSync(node);
  return `${ino}.${size}.${Math.floor(ctimeMs / 1000)}`;
}

test('the snapshot is started where it was taken by this Node and in this folder', (t) => {
  const { dist, node, start } = createFolder(t);
  writeFileSync(`${dist}/ob.node`, `${markOf(node)} ${dist}\n--other\n--one --two\n`);
  const asked = ['plan', 'a b', '-q'];
  const words = ['--one', '--two', '--snapshot-blob', `${dist}/short.blob`, `${dist}/ob`, ...asked];
  assert.deepEqual(start(`${dist}/ob`, asked), words);
  symlinkSync(`${dist}/ob`, `${dist}/../link`);
  assert.deepEqual(start(`${dist}/../link`, asked), words);
  assert.deepEqual(start('./ob', asked), words);
  writeFileSync(`${dist}/ob.node`, `${markOf(node)} ${dist}\n`);
  assert.deepEqual(start(`${dist}/ob`, asked), words.slice(2));
});

test('a folder may have a name of two lines', (t) => {
  const { dist, node, start } = createFolder(t);
  const folder = `${dist}/a\nb`;
  mkdirSync(folder);
  copyFileSync(`${dist}/ob`, `${folder}/ob`);
  writeFileSync(`${folder}/ob.node`, `${markOf(node)} ${folder}\n--other\n--one\n`);
  assert.deepEqual(start(`${folder}/ob`, ['plan']), `--one\n--snapshot-blob\n${folder}/short.blob\n${folder}/ob\nplan`.split('\n'));
});

test('the commands that are asked for most are started from the snapshot that has nothing else in it', (t) => {
  const { dist, node, start } = createFolder(t);
  writeFileSync(`${dist}/ob.node`, `${markOf(node)} ${dist}\n--all\n--short\n`);
  for (const { name } of [...COMMANDS, { name: '--version' }]) {
    const [blob, flag] = SHORT.some((one) => one.name === name) ? ['short.blob', '--short'] : ['ob.blob', '--all'];
    for (const words of [[], [''], ['-q', 'a b'], ['--detailed-exitcode'], ['a', '--quiet']])
      assert.deepEqual(start(`${dist}/ob`, [name, ...words]), [flag, '--snapshot-blob', `${dist}/${blob}`, `${dist}/ob`, name, ...words]);
    for (const words of [['-x'], ['a', 'b'], ['--json', 'a'], ['-qq'], ['--', 'a']])
      assert.equal(start(`${dist}/ob`, [name, ...words])[0], '--all', words.join(' '));
  }
});

test('the snapshot without yargs is started for each line that it knows, and reads others all the same', { skip: noSnapshot }, (t) => {
  const { dist, node, start } = createFolder(t);
  writeFileSync(`${dist}/ob.node`, `${markOf(node)} ${dist}\n--all\n--short\n`);
  for (const line of LINES) assert.equal(start(`${dist}/ob`, line.split(' '))[0], '--short', line);
  const { status, stdout, stderr } = spawnSync(`${DIST}/ob`, ['start'], { encoding: 'utf8' });
  assert.deepEqual([status, stdout, stderr], [64, '', 'ob: start wants <NAMES..>\n    -> ob start --help\n']);
});

test('the Node of Debian takes a snapshot', { skip: otherNode }, () => {
  for (const name of ['ob.blob', 'short.blob', 'ob.node']) assert.ok(existsSync(`${DIST}/${name}`), name);
});

test('of what Node has compiled of its own, the snapshot holds what a run loads', { skip: noSnapshot || otherNode }, async (t) => {
  const { dropCodeCache } = await import(String(new URL('../../scripts/code-cache.mjs', import.meta.url)));
  const { dist } = createFolder(t);
  const [blob, script] = [`${dist}/a.blob`, `${dist}/a.cjs`];
  writeFileSync(script, "require('v8').startupSnapshot.setDeserializeMainFunction(() => require('tty') && console.log('fine'))");
  execFileSync(process.execPath, ['--snapshot-blob', blob, '--build-snapshot', script]);
  const before = statSync(blob).size;
  assert.equal(dropCodeCache(blob), true);
  assert.ok(statSync(blob).size < before * 0.7, `${statSync(blob).size} bytes of ${before}`);
  assert.equal(execFileSync(process.execPath, ['--snapshot-blob', blob], { encoding: 'utf8' }), 'fine\n');
  assert.ok(statSync(`${DIST}/ob.blob`).size - statSync(blob).size < 5e6, 'it was done with that of ob');
  assert.ok(statSync(`${DIST}/short.blob`).size < statSync(`${DIST}/ob.blob`).size - 4e5, 'what most runs do without is not in it');
  const torn = readFileSync(blob).subarray(0, -1);
  writeFileSync(blob, torn);
  assert.equal(dropCodeCache(blob), false, 'it does not end where it should');
  assert.deepEqual(readFileSync(blob), torn);
});

/** Takes a snapshot of what FOLDER/src is then. */
function takeSnapshot(
  t: test.TestContext,
  manner: string,
  change = (folder: string): void => void folder,
): { folder: string; stderr: string } {
  const folder = mkdtempSync(`${tmpdir()}/ob snapshot `);
  t.after(() => rmSync(folder, { recursive: true }));
  const root = fileURLToPath(new URL('../..', import.meta.url));
  for (const name of ['scripts', 'node_modules', 'package.json', 'tsconfig.json']) symlinkSync(`${root}/${name}`, `${folder}/${name}`);
  cpSync(`${root}/src`, `${folder}/src`, { recursive: true });
  mkdirSync(`${folder}/dist`);
  change(folder);
  const env = { ...process.env, OB_REHEARSAL: manner };
  const { status, stderr } = spawnSync(process.execPath, ['scripts/bundle.mjs'], { cwd: folder, env, encoding: 'utf8' });
  assert.equal(status, 0, stderr);
  return { folder, stderr };
}

test('all that is rehearsed while the snapshot is taken comes to a good end', { skip: noSnapshot || noLive }, (t) => {
  const { folder, stderr } = takeSnapshot(t, 'strict');
  assert.equal(stderr, '');
  assert.deepEqual(
    readdirSync(`${folder}/dist`).sort(),
    ['execa.cjs', 'ob.blob', 'ob.js', 'ob.node', 'short.blob', 'yargs.cjs'],
    'and leaves nothing behind',
  );
});

test('a rehearsal that does not come to its end is not kept, nor what was stubbed for it', { skip: noSnapshot }, (t) => {
  const stall = (folder: string): void => {
    const cast = `${folder}/src/cli/rehearsal/cast.ts`;
    const text = readFileSync(cast, 'utf8');
    assert.ok(text.includes("stdin?.on('end', end);"));
    // The first is that of who starts programs: nothing else is waited for then, and no timer.
    writeFileSync(cast, text.replace("stdin?.on('end', end);", ''));
  };
  const strict = takeSnapshot(t, 'strict', stall);
  assert.match(strict.stderr, /^ob: this Node takes no snapshot, ob will start slower: /);
  assert.deepEqual(readdirSync(`${strict.folder}/dist`).sort(), ['execa.cjs', 'ob.js', 'yargs.cjs'], 'nothing is left behind');
  const { folder, stderr } = takeSnapshot(t, '', stall);
  assert.deepEqual([stderr, existsSync(`${folder}/dist/ob.blob`)], ['', true], 'without a rehearsal there is one');
});

test('a timer that is due later than all that were rehearsed is waited for', { skip: noSnapshot }, (t) => {
  const { folder } = takeSnapshot(t, '', (copy) => {
    const file = `${copy}/src/cli/snapshot/snapshot.ts`;
    const text = readFileSync(file, 'utf8');
    assert.ok(text.includes('void main(commands)'));
    writeFileSync(file, text.replace('void main(', "void (process.argv.includes('wait') ? () => setTimeout(() => {}, 1e9) : main)("));
  });
  copyFileSync(`${DIST}/ob`, `${folder}/dist/ob`);
  const { signal } = spawnSync(`${folder}/dist/ob`, ['wait'], { env: { ...process.env, OB_NODE: process.execPath }, timeout: 500 });
  assert.equal(signal, 'SIGTERM', 'it had not ended');
});

test('what the environment says to other programs of Node does not matter', () => {
  const env = { ...process.env, NODE_OPTIONS: '--max-lazy', NODE_EXTRA_CA_CERTS: '/nowhere' };
  const { status, stderr } = spawnSync(`${DIST}/ob`, ['--version'], { env, encoding: 'utf8' });
  assert.deepEqual([status, stderr], [0, '']);
});

test("how Node's memory is laid out is said to Node alone, and not where somebody else says it", (t) => {
  const { dist, node } = createFolder(t);
  writeFileSync(node, '#!/bin/sh\necho "$GLIBC_TUNABLES"\n');
  const told = (more: NodeJS.ProcessEnv): string =>
    execFileSync(`${dist}/ob`, ['status'], { env: { ...process.env, OB_NODE: node, ...more }, encoding: 'utf8' });
  assert.match(told({}), /^glibc\.malloc\.hugetlb=1:/);
  assert.equal(told({ GLIBC_TUNABLES: 'glibc.malloc.check=0' }), 'glibc.malloc.check=0\n');
  const env = { ...process.env, OB_NODE: node };
  assert.equal(execFileSync(`${dist}/ob`, ['watch'], { env, encoding: 'utf8' }), '\n', 'it stays for long');
});

test('Node gets the lowest descriptors that are free, of those who help it: it closes them up to the first gap', {
  skip: noLive,
}, async (t) => {
  const { dist, node } = createFolder(t);
  writeFileSync(node, '#!/bin/sh\necho "$OB_AHEAD.$OB_HELPER"\n');
  copyFileSync(`${DIST}/reaper`, `${dist}/reaper`);
  const machine = await createMachine(t);
  for (const count of [0, 17]) {
    const taken = Array.from({ length: count }, (_, index) => `${3 + index}</dev/null`).join(' ');
    const env = { ...process.env, OB_NODE: node };
    const { stdout, stderr } = await machine.run('bash', ['-c', `exec "$0" apply ${taken}`, `${dist}/ob`], { env });
    assert.equal(stdout, `${[3, 4, 5, 6].map((fd) => fd + count).join('.')}\n`, stderr);
  }
});

test('without PATH, Node is looked for where system programs are; in no folder that one happens to be in', (t) => {
  const { dist, node } = createFolder(t);
  copyFileSync(node, `${dist}/node`);
  chmodSync(`${dist}/node`, 0o755);
  const found = findNode();
  for (const env of [{}, { PATH: ':.:relative' }, { PATH: `/nowhere:${dist}` }] as NodeJS.ProcessEnv[]) {
    const { status, stdout, stderr } = spawnSync(`${dist}/ob`, ['--version'], { cwd: dist, env, encoding: 'utf8' });
    if (env['PATH'] === `/nowhere:${dist}`) assert.equal(stdout, `${dist}/ob.js\n--version\n`);
    else if (!env['PATH'] && found) assert.match(stderr, /ob\.js/, 'Node was started, and does not find the bundle');
    else assert.deepEqual([status, stderr], [1, 'ob: there is no node on this machine: apt-get install nodejs\n']);
  }
});

function findNode(): string | undefined {
  const folders = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin'];
  return folders.map((folder) => `${folder}/node`).find((path) => existsSync(path));
}

test('without a snapshot, or with one of another Node or folder, the bundle is', (t) => {
  const { dist, node, start } = createFolder(t);
  const words = [`${dist}/ob.js`, 'plan', 'a b', ''];
  assert.deepEqual(start(`${dist}/ob`), words);
  for (const mark of [`1.2.3 ${dist}`, `${markOf(node)} /elsewhere`, '']) {
    writeFileSync(`${dist}/ob.node`, `${mark}\n`);
    assert.deepEqual(start(`${dist}/ob`), words, mark);
  }
});

test('snapshot and bundle say the same', { skip: noSnapshot }, () => {
  const cases = [
    ['--help'],
    ['apply', '--help'],
    ['plan', '--nothing'],
    ['validate', 'no-such-file'],
    ['plan', 'no-such-file'],
    ['status', 'no-such-file'],
    ['validate', 'fixtures/hosts.yaml'],
    ['schema'],
  ];
  for (const words of cases) {
    const [one, other] = [[`${DIST}/ob`], [process.execPath, `${DIST}/ob.js`]].map(([program = '', ...first]) => {
      const { status, stdout, stderr } = spawnSync(program, [...first, ...words], { cwd: `${DIST}/..`, encoding: 'utf8' });
      return { status, stdout, stderr };
    });
    assert.deepEqual(one, other, words.join(' '));
    assert.ok(one && one.stdout.length + one.stderr.length > 20, words.join(' '));
  }
});
