import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { closeSync, constants, existsSync, openSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname } from 'node:path';
import test, { type TestContext } from 'node:test';
import { type Helper, openHelper } from '../../src/resources/helper.ts';
import type { Ended } from '../../src/resources/ran.ts';
import { type OnLine, run, startWith } from '../../src/resources/run.ts';
import { REAPER } from '../machine.ts';
import { until } from '../reaper/rig.ts';

interface Scene {
  readonly helper: Helper;
  readonly path: string;
  readonly fd: number;
}

/** A helper that has the lock on a new file. */
async function open(t: TestContext): Promise<Scene> {
  const folder = await mkdtemp(`${tmpdir()}/ob-helper-`);
  const path = `${folder}/lock`;
  const fd = openSync(path, 'w+');
  const helper = await openHelper(REAPER, fd);
  assert.ok(helper, 'the lock is free');
  t.after(async () => {
    await helper.end();
    closeSync(fd);
    await rm(folder, { recursive: true });
  });
  return { helper, path, fd };
}

const sh = (helper: Helper, script: string, input = '', timeLimitMs = 60_000): Promise<Ended> => {
  const started = helper.start('/bin/sh', ['-c', script], { input, timeLimitMs });
  assert.ok(started);
  return started;
};

test('a helper tells what a program said and how it ended', async (t) => {
  const { helper } = await open(t);
  const said = { failed: true, timedOut: false, exitCode: 3, stdout: 'a "b"\\ \u0001 \u00e4\n\n\u{1f600}', stderr: 'oh no' };
  assert.deepEqual(await sh(helper, 'printf \'a "b"\\\\ \\001 \u00e4\\n\\n\u{1f600}\\n\'; echo oh no >&2; exit 3'), said);
  assert.equal((await sh(helper, "printf 'a\\0b'")).stdout, 'a\0b');
  const words = ['-c', 'for word; do echo "<$word>"; done', 'sh', '', 'two\nlines', '\u00e4'];
  assert.equal((await helper.start('/bin/sh', words, { timeLimitMs: 60_000 }))?.stdout, '<>\n<two\nlines>\n<\u00e4>');
  assert.deepEqual([(await sh(helper, 'kill -KILL $$')).failed, (await sh(helper, 'kill -KILL $$')).exitCode], [true, undefined]);
  assert.match(
    String((await helper.start('/nowhere', [], { timeLimitMs: 60_000 }))?.stderr),
    /^cannot start it: exec: No such file or directory$/,
  );
});

test('what is long comes through whole, both ways, of more programs than there is room for', async (t) => {
  const { helper } = await open(t);
  const text = Array.from({ length: 20_000 }, (_, index) => `line ${index} \u00e4\n`).join('');
  const all = await Promise.all(Array.from({ length: 150 }, (_, index) => sh(helper, `cat; echo ${index}`, index % 10 ? '' : text)));
  for (const [index, one] of all.entries()) assert.equal(one.stdout, `${index % 10 ? '' : text}${index}`);
});

test('where more of them hang than there is room for, each is ended when its time is over', async (t) => {
  const { helper } = await open(t);
  const all = await Promise.all(Array.from({ length: 100 }, () => sh(helper, 'exec sleep 1000', '', 200)));
  assert.ok(all.every(({ timedOut, failed }) => timedOut && failed));
});

test('what many processes of a program say at the same time is written to the end of what has been said', async (t) => {
  const { helper } = await open(t);
  // Else they write over each other, but so seldom that no test would meet it.
  const ended = await sh(helper, 'for fd in 1 2; do sed -n "s/^flags:.*\\(....\\)$/\\1/p" /proc/self/fdinfo/$fd; done');
  for (const flags of String(ended.stdout).split('\n')) assert.ok(Number.parseInt(flags, 8) & constants.O_APPEND, flags);
});

test('who asked may be gone: the lock is held until the last program has ended, and no program has it', async (t) => {
  const folder = await mkdtemp(`${tmpdir()}/ob-helper-`);
  t.after(() => rm(folder, { recursive: true }));
  const [path, wait] = [`${folder}/lock`, `${folder}/wait`];
  const isFree = async (): Promise<boolean> => (await run('flock', ['--nonblock', path, 'true'])).ok;
  const fd = openSync(path, 'w+');
  const helper = await openHelper(REAPER, fd);
  assert.ok(helper, 'the lock is free');
  closeSync(fd);
  closeSync(openSync(wait, 'w'));
  const ended = sh(helper, `readlink /proc/$$/fd/3; while [ -e ${wait} ]; do sleep 0.02; done`);
  const isOver = helper.end();
  assert.equal(await isFree(), false, 'the program goes on');
  await rm(wait);
  await isOver;
  assert.equal((await ended).stdout, '');
  assert.ok(await isFree());
});

/** What is talked about with a script: what it says is kept, and ANSWER replies to it. */
function talk(helper: Helper, script: string, answer: OnLine = () => {}, timeLimitMs = 60_000): { heard: string[]; ended: Promise<Ended> } {
  const heard: string[] = [];
  const onLine: OnLine = (line, say) => {
    heard.push(line);
    answer(line, say);
  };
  const ended = helper.talk('/bin/sh', ['-c', script], { onLine, timeLimitMs });
  assert.ok(ended);
  return { heard, ended };
}

test('a program can be talked with, and so can what it leaves to talk in its place', async (t) => {
  const { helper } = await open(t);
  const script = 'echo who; read name; echo "$name"; read more || echo gone; (sleep 0.1; echo late \u00e4) & exit 3';
  const { heard, ended } = talk(helper, script, (line, say) => say(line === 'who' ? 'a "b"\n' : ''));
  assert.deepEqual([(await ended).exitCode, heard], [3, ['who', 'a "b"', 'gone', 'late \u00e4']]);
  const long = talk(helper, 'i=0; while [ $i -lt 3000 ]; do i=$((i + 1)); echo "line $i"; done; printf end');
  await long.ended;
  assert.deepEqual(long.heard, [...Array.from({ length: 3000 }, (_, index) => `line ${index + 1}`), 'end']);
});

test('who is talked with ends at its time limit, when it is not understood, and hears when there is nobody any more', async (t) => {
  const { helper } = await open(t);
  const late = talk(helper, 'echo begun; exec sleep 1000', undefined, 200);
  assert.deepEqual([(await late.ended).timedOut, late.heard], [true, ['begun']]);
  const left = talk(helper, 'sleep 3 & exit 0', undefined, 200);
  assert.equal((await left.ended).timedOut, true, 'what it has left talks on');
  const odd = talk(helper, 'echo nonsense; exec sleep 1000', () => {
    throw new Error('no such word');
  });
  assert.deepEqual([(await odd.ended).failed, odd.heard], [true, ['nonsense']]);
  const path = `${await mkdtemp(`${tmpdir()}/ob-talk-`)}/left`;
  t.after(() => rm(dirname(path), { recursive: true }));
  const waiting = talk(helper, `read word || echo $? >${path}`);
  await helper.end();
  assert.match(String((await waiting.ended).stderr), /has ended/);
  await until('it hears that there is nobody any more', () => existsSync(path));
});

test('more than it can hear at a time are not started by it', async (t) => {
  const { helper } = await open(t);
  const all = Array.from({ length: 16 }, () => talk(helper, 'read word'));
  assert.equal(helper.talk('/bin/true', [], { onLine: () => {}, timeLimitMs: 60_000 }), undefined);
  assert.equal((await sh(helper, 'echo fine')).stdout, 'fine');
  await helper.end();
  await Promise.all(all.map(({ ended }) => ended));
});

test('a program past its time limit is killed, and no other', async (t) => {
  const { helper } = await open(t);
  const [late, fine] = await Promise.all([sh(helper, 'exec sleep 1000', '', 200), sh(helper, 'sleep 0.5; echo fine')]);
  assert.deepEqual([late.failed, late.timedOut, fine.failed, fine.stdout], [true, true, false, 'fine']);
});

test('a program has the environment, the folder and the signals of one that we start ourselves', async (t) => {
  const { helper } = await open(t);
  const script = 'env | grep -v ^_=; pwd; grep -E "^(SigBlk|SigIgn)" /proc/self/status; ls /proc/self/fd; cat; ps -o sid= $$ | grep -c $$';
  const ours = await run('/bin/sh', ['-c', script], { input: 'in' });
  startWith(helper);
  t.after(() => startWith(undefined));
  assert.deepEqual(await run('/bin/sh', ['-c', script], { input: 'in' }), ours);
  // The shell's parent is the helper.
  assert.match(readFileSync(`/proc/${(await run('/bin/sh', ['-c', 'echo $PPID'])).output}/cmdline`, 'utf8'), /reaper\0serve\0lock\0$/);
});

test('a program for which there is no room is told as failed, and the next request is read', () => {
  const request = (key: number, input: string): string => `run ${key} 9 ${input.length}\n/bin/cat\0${input}`;
  const ran = spawnSync('sh', ['-c', 'ulimit -n 3; exec "$0" serve', REAPER], {
    input: request(1, 'abc') + request(2, ''),
    encoding: 'utf8',
  });
  const told = (key: number): string => `{"key":${key},"exit":1,"err":"reaper error clone 24 "}\n`;
  assert.deepEqual([ran.status, ran.stdout, ran.stderr], [0, told(1) + told(2), '']);
});

test('the lock is that of the open file, and nobody else gets it while that is open', async (t) => {
  const { helper, path, fd } = await open(t);
  const other = openSync(path, 'r+');
  assert.equal(await openHelper(REAPER, other), undefined);
  await helper.end();
  assert.equal(await openHelper(REAPER, other), undefined, 'the helper has gone, the file is open');
  const again = await openHelper(REAPER, fd);
  assert.ok(again, 'it is ours already');
  await again.end();
  closeSync(other);
});

test('a helper that is killed fails what it was at, and starts no more', async (t) => {
  const { helper } = await open(t);
  const ended = await sh(helper, 'kill -KILL $PPID');
  assert.deepEqual([ended.failed, ended.timedOut, ended.exitCode], [true, false, undefined]);
  assert.match(String(ended.stderr), /has ended/);
  assert.equal(helper.start('/bin/true', [], { timeLimitMs: 60_000 }), undefined);
  startWith(helper);
  t.after(() => startWith(undefined));
  assert.equal((await run('/bin/echo', ['still'])).output, 'still');
});
