import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type BootRequest, bootDigest, bootSubhosts, toEntry } from '../../src/resources/boot.ts';
import type { Subhost } from '../../src/resources/hosts.ts';
import { parseReaperError, parseReaperErrors } from '../../src/resources/reaper.ts';
import { seen } from './seen.ts';

test("an error line is told in the system's words, with what it is about", () => {
  const message = (line: string): string | undefined => parseReaperError(line)?.error.message;
  assert.equal(message('ob:t/c error cgroup 2 /sys/fs/cgroup/x'), 'cgroup /sys/fs/cgroup/x: No such file or directory');
  assert.equal(message('ob:t/c error mount 16 '), 'mount: Device or resource busy');
  assert.equal(message('ob:t/c error target 40 proc'), "target proc: it is a symbolic link: the subhost's root must not lead elsewhere");
  assert.equal(message('ob:t/c error open 2 /with a space'), 'open /with a space: No such file or directory');
});

test('an error that has no words of its own is told by its name or number', () => {
  const message = (line: string): string | undefined => parseReaperError(line)?.error.message;
  assert.equal(message('k error step 95 x'), 'step x: ENOTSUP');
  assert.equal(message('k error step 9999 x'), 'step x: errno 9999');
  assert.equal(message('k error step 0 x'), 'step x: errno 0');
});

test('other lines are no errors', () => {
  for (const line of ['', 'one ok', 'ob:t/a done error 001', 'ob:t/a start error', 'ob:t/a error', 'error error x y'])
    assert.equal(parseReaperError(line), undefined, line);
});

test('errors are found by what they are about', () => {
  const errors = parseReaperErrors(seen('reaper-netns.txt'));
  assert.deepEqual(
    [...errors].map(([key, error]) => [key, error.message]),
    [['web', 'open /run/netns/web: File exists']],
  );
});

function subhost(name: string, start: readonly string[] = []): Subhost {
  const base = `/base/${name}`;
  const folders = { base, lower: '/', upper: `${base}/root`, work: `${base}/work`, live: `${base}/live` };
  const entries = start.map((one) => ({ name: one.replace(/\?$/, ''), optional: one.endsWith('?') }));
  return { name, ...folders, cables: [], start: entries, ramSize: null, shares: [] } as Subhost;
}

function request(name: string, start?: readonly string[]): BootRequest {
  return {
    mark: `ob:t/${name}`,
    cgroup: `/cgroup/${name}`,
    subhost: subhost(name, start),
    upper: undefined,
    hostKey: undefined,
    end: `/run/ob/end/t/${name}`,
  };
}

/** A program in the reaper's place. */
function createFake(t: TestContext, script: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'ob-reaper-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const path = `${folder}/reaper`;
  writeFileSync(path, `#!/bin/bash\n${script}\n`);
  chmodSync(path, 0o755);
  return path;
}

test('what the reaper says of many subhosts is told apart', async (t) => {
  const reaper = createFake(t, `cat <<'END'\n${seen('reaper-boot.txt')}END`);
  const said: string[] = [];
  const booted = await bootSubhosts({ reaper, width: 1 }, [request('a'), request('b'), request('c')], (mark, text) =>
    said.push(`${mark} ${text}`),
  );
  const { failed, skipped, error } = booted.get('ob:t/a') ?? {};
  assert.deepEqual(failed, [
    { name: 'bad', status: '003' },
    { name: '/no/such', status: '127' },
    { name: 'gone', status: '001' },
  ]);
  assert.deepEqual([skipped, error], [['ssh'], undefined]);
  assert.match(booted.get('ob:t/b')?.error?.message ?? '', /^target proc: it is a symbolic link/);
  assert.equal(booted.get('ob:t/c')?.error?.message, 'cgroup /sys/fs/cgroup/nowhere: No such file or directory');
  assert.deepEqual(
    said,
    ['good', 'bad', '/no/such', 'gone'].map((name) => `ob:t/a starting ${name}`),
  );
});

test('start lists are begun one after another, as many at a time as are allowed', async (t) => {
  // A list takes its time, in which a second commit would come; the pause can hide a mistake, but not make one.
  const script = `
    for name in a b c; do echo "ob:t/$name ready"; done
    for turn in 1 2 3; do
      read index
      names=abc; name=\${names:index:1}
      echo "ob:t/$name start turn-$turn"
      sleep 0.1
      read -t 0 && read early && echo "ob:t/$name start beside-another"
      echo "ob:t/$name finished"
    done`;
  const said: string[] = [];
  const requests = [request('a', ['one']), request('b', ['one']), request('c', ['one'])];
  const booted = await bootSubhosts({ reaper: createFake(t, script), width: 1 }, requests, (mark, text) => said.push(`${mark} ${text}`));
  assert.deepEqual(said, ['ob:t/a starting turn-1', 'ob:t/b starting turn-2', 'ob:t/c starting turn-3']);
  assert.deepEqual(
    [...booted.values()].map((one) => one.error),
    [undefined, undefined, undefined],
  );
});

test('a subhost that starts nothing waits for no list', async (t) => {
  const script = `
    for name in a b c; do echo "ob:t/$name ready"; done
    read -t 30 one; read -t 30 two; read -t 30 three
    for name in a b c; do echo "ob:t/$name start $one$two$three"; echo "ob:t/$name finished"; done`;
  const said: string[] = [];
  const requests = [request('a', ['one']), request('b'), request('c')];
  await bootSubhosts({ reaper: createFake(t, script), width: 1 }, requests, (_, text) => said.push(text));
  assert.deepEqual(said, Array(3).fill('starting 012'));
});

test('a subhost of which nothing more is heard has ended, and the last words are told', async (t) => {
  const reaper = createFake(t, 'echo "ob:t/a ready"; read index; echo "ob:t/a up"; echo "out of luck" >&2; exit 1');
  const booted = await bootSubhosts({ reaper, width: 1 }, [request('a'), request('b')], () => {});
  for (const name of ['a', 'b'])
    assert.equal(booted.get(`ob:t/${name}`)?.error?.message, 'the subhost ended while it was starting: out of luck');
});

test('entries are told as they are ordered', () => {
  assert.equal(toEntry({ name: 'ssh', optional: true }), 'ssh?');
  assert.equal(toEntry({ name: '/x', optional: false }), '/x');
});

test('the digest of a boot changes with what matters only when a subhost boots', () => {
  const digest = bootDigest(subhost('a'));
  assert.match(digest, /^[0-9a-f]{16}$/);
  assert.equal(bootDigest(subhost('a', ['ssh'])), digest);
  assert.equal(bootDigest({ ...subhost('a'), ramSize: 4096 }), digest);
  assert.notEqual(bootDigest(subhost('b')), digest);
  assert.notEqual(bootDigest({ ...subhost('a'), live: '/elsewhere' }), digest);
  assert.notEqual(bootDigest({ ...subhost('a'), lower: '/base/a/live' }), digest);
});
