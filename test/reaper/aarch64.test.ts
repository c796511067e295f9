import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { findProgram } from '../../src/resources/programs.ts';
import { noLive } from '../machine.ts';

const REAPER = fileURLToPath(new URL('../../reaper', import.meta.url));
const CC = 'aarch64-linux-gnu-gcc';
const QEMU = findProgram('qemu-aarch64-static') ?? findProgram('qemu-aarch64');

const noCompiler = findProgram(CC) ? undefined : 'needs a compiler: apt-get install gcc-aarch64-linux-gnu libc6-dev-arm64-cross';
const noMachine = QEMU ? undefined : 'needs an emulator: apt-get install qemu-user-static';

/** A copy of the folder, as what is built in this one is what runs here. */
function build(t: TestContext): string {
  const folder = join(mkdtempSync(join(tmpdir(), 'ob-aarch64-')), 'reaper');
  t.after(() => rmSync(join(folder, '..'), { recursive: true }));
  cpSync(REAPER, folder, { recursive: true });
  const made = spawnSync('make', ['-s', '-C', folder, 'clean', 'all', 'check', `CC=${CC}`], { encoding: 'utf8' });
  assert.equal(made.status, 0, made.stdout + made.stderr);
  return folder;
}

test('all programs in C are built for aarch64, within their limits', { skip: noCompiler }, (t) => {
  build(t);
});

/** A daemon that ends once PID 1 has gone through its list: then PID 1 closes what it tells that on. */
const DAEMON = `#!/bin/sh
[ "$1" = stop ] || cat status >told &
`;

test('PID 1 of aarch64 goes through its list, and ends with its last child', { skip: noCompiler ?? noMachine ?? noLive }, (t) => {
  const folder = build(t);
  writeFileSync(`${folder}/daemon`, DAEMON, { mode: 0o755 });
  const list = `...:/bin/true ...:/none ...:/none? ...:${folder}/daemon`;
  const emulated = `mkfifo status; exec ${QEMU} -0 /.reaper ./pid1 MARK digest 60000 60000 runs:00 ${list} 3<>status`;
  const ran = spawnSync('sh', ['-c', 'exec unshare -pf --kill-child sh -c "$0"', emulated], {
    cwd: folder,
    encoding: 'utf8',
    timeout: 60_000,
  });
  assert.deepEqual([ran.status, ran.stderr], [0, '']);
  const told = readFileSync(`${folder}/told`, 'utf8').replaceAll(`${folder}/`, '');
  assert.equal(
    told,
    [
      'up',
      'start /bin/true',
      'done /bin/true 000',
      'start /none',
      'done /none 127',
      'done /none skp',
      'start daemon',
      'done daemon 000',
      'finished',
    ]
      .map((line) => `MARK ${line}\n`)
      .join(''),
  );
});
