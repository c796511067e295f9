import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseInit } from '../../src/resources/linux/init.ts';
import {
  describeProcess,
  identify,
  ifThere,
  parseNamespacePids,
  parseTicks,
  readArguments,
  readIfThere,
  readLinkIfThere,
} from '../../src/resources/linux/proc.ts';
import { seen } from './seen.ts';

test('the start time is found behind whatever a process calls itself', () => {
  assert.equal(parseTicks(seen('init-stat.txt')), Number(/ (\d+) \d+ \d+ 18446744073709551615 /.exec(seen('init-stat.txt'))?.[1]));
  assert.match(seen('hostile-stat.txt'), /^\d+ \(a\) S \(b\n/);
  assert.equal(parseTicks(seen('hostile-stat.txt')), Number(/ (\d+) \d+ \d+ 18446744073709551615 /.exec(seen('hostile-stat.txt'))?.[1]));
});

test('what is cut off or none of it has no start time', () => {
  const whole = seen('init-stat.txt');
  for (const text of ['', '\n', '()', '41 (.reaper', '1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22', whole.slice(0, 60)])
    assert.equal(parseTicks(text), undefined, text);
});

test('PIDs are listed from our namespace to its own', () => {
  const [outer, inner, ...more] = parseNamespacePids(seen('init-status.txt'));
  assert.deepEqual([typeof outer, inner, more], ['number', 1, []]);
});

test('a process that calls itself NSpid fools nobody', () => {
  assert.match(seen('hostile-status.txt'), /^Name:\ta\) S \(b\\nNSpid: $/m);
  assert.equal(parseNamespacePids(seen('hostile-status.txt')).length, 1);
});

test('no NSpid, no PIDs', () => {
  assert.deepEqual(parseNamespacePids(''), []);
  assert.deepEqual(parseNamespacePids('NSpid:\n'), []);
});

test('the PID 1 of a subhost is known by its argument list', () => {
  const words = seen('init-cmdline').split('\0').slice(0, -1);
  assert.deepEqual(parseInit(words, 'ob:demo/web'), {
    digest: words[2],
    isStopping: false,
    entries: [
      { state: '000', name: 'networking' },
      { state: '000', name: 'httpd' },
    ],
  });
});

test('a PID 1 that was told to end says so', () => {
  const words = seen('init-cmdline').split('\0').slice(0, -1);
  const told = words.map((word) => word.replace(/^runs:/, 'stop:'));
  assert.equal(parseInit(told, 'ob:demo/web')?.isStopping, true);
});

test("another mark's PID 1, another program or a shortened list is none", () => {
  const words = seen('init-cmdline').split('\0').slice(0, -1);
  assert.equal(parseInit(words, 'ob:demo/db'), undefined);
  assert.equal(parseInit(['/bin/reaper', ...words.slice(1)], 'ob:demo/web'), undefined);
  assert.equal(parseInit(words.slice(0, 5), 'ob:demo/web'), undefined);
  assert.equal(parseInit([], 'ob:demo/web'), undefined);
  assert.deepEqual(parseInit(words.slice(0, 6), 'ob:demo/web')?.entries, []);
});

test('entries keep their question mark and their path, in each state', () => {
  const fixed = seen('init-cmdline').split('\0').slice(0, 6);
  const init = parseInit([...fixed, '...:ssh?', '>>>:/a:b', 'skp:cron', '127:x'], 'ob:demo/web');
  assert.deepEqual(
    init?.entries.map(({ state, name }) => `${state} ${name}`),
    ['... ssh?', '>>> /a:b', 'skp cron', '127 x'],
  );
});

test('this process can be read; one that is not there is told from one that cannot be read', () => {
  assert.equal(identify(process.pid)?.pid, process.pid);
  assert(readArguments(process.pid).some((word) => word.endsWith('proc.test.ts')));
  assert.match(describeProcess(process.pid), new RegExp(`^${process.pid} \\(.+\\)$`));
  assert.match(readLinkIfThere('/proc/self/ns/net') ?? '', /^net:\[\d+\]$/);

  assert.equal(identify(2 ** 22 + 1), undefined);
  assert.deepEqual(readArguments(2 ** 22 + 1), []);
  assert.equal(describeProcess(2 ** 22 + 1), `${2 ** 22 + 1} (?)`);
  assert.equal(readIfThere('/proc/self/stat/x'), undefined);
  assert.equal(readLinkIfThere('/proc/self/stat'), undefined);
});

test('a lack of file descriptors or memory does not look like something that is not there', () => {
  const fail = (code: string) => (): never => {
    throw Object.assign(new Error(code), { code });
  };
  for (const code of ['ENOENT', 'ESRCH', 'ENODEV', 'EACCES']) assert.equal(ifThere(fail(code)), undefined);
  for (const code of ['EMFILE', 'ENFILE', 'ENOMEM', 'EIO']) assert.throws(() => ifThere(fail(code)), { code });
  assert.throws(() => ifThere(() => readIfThere('/proc')), { code: 'EISDIR' });
});
