import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { test } from 'node:test';
import { makeHostKey } from '../../src/resources/host-key.ts';

const KEYGEN = '/usr/bin/ssh-keygen';

test('a host key is one that OpenSSH reads', { skip: existsSync(KEYGEN) ? undefined : "needs Debian's openssh-client" }, (t) => {
  const folder = mkdtempSync(`${tmpdir()}/ob-key-`);
  t.after(() => rmSync(folder, { recursive: true }));
  for (const comment of ['', 'root@web', 'root@twelve-chars']) {
    writeFileSync(`${folder}/key`, makeHostKey(comment), { mode: 0o600 });
    const { stdout, stderr } = spawnSync(KEYGEN, ['-y', '-f', `${folder}/key`], { encoding: 'utf8' });
    assert.match(stdout, new RegExp(`^ssh-ed25519 [A-Za-z0-9+/]{68}${comment && ` ${comment}`}\n$`), stderr);
  }
});

test('no two are the same', () => assert.notEqual(makeHostKey('web'), makeHostKey('web')));
