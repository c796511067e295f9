import assert from 'node:assert/strict';
import { chmodSync, chownSync, lchownSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { findUntrusted } from '../../src/resources/trust.ts';
import { noLive } from '../machine.ts';

test('a path is trusted if root alone can change what it means', { skip: noLive }, (t) => {
  const top = mkdtempSync(join(tmpdir(), 'ob-trust-'));
  t.after(() => rmSync(top, { recursive: true }));
  const make = (name: string, mode: number, [uid, gid] = [0, 0]): string => {
    const path = join(top, name);
    writeFileSync(path, '');
    chmodSync(path, mode);
    chownSync(path, uid ?? 0, gid ?? 0);
    return path;
  };
  const folder = (name: string, mode: number, uid = 0): string => {
    const path = join(top, name);
    mkdirSync(path);
    chmodSync(path, mode);
    chownSync(path, uid, 0);
    return path;
  };

  assert.equal(findUntrusted([make('good', 0o644), make('root-group', 0o664)]), undefined);
  for (const path of [
    make('of-another', 0o600, [1000, 0]),
    make('of-all', 0o666),
    make('sticky-file', 0o1666),
    make('of-a-group', 0o664, [0, 1000]),
  ])
    assert.equal(findUntrusted([join(top, 'good'), path]), path);

  const open = folder('open', 0o777);
  writeFileSync(join(open, 'file'), '');
  assert.equal(findUntrusted([join(open, 'file')]), open, 'somebody may put another file there');
  writeFileSync(join(folder('sticky', 0o1777), 'file'), '');
  assert.equal(findUntrusted([join(top, 'sticky/file')]), undefined, 'of a sticky folder, nobody can take what is of root');

  symlinkSync(join(top, 'good'), join(top, 'link'));
  assert.equal(findUntrusted([join(top, 'link')]), undefined);
  symlinkSync('../good', join(open, 'link'));
  assert.equal(findUntrusted([join(open, 'link')]), open, 'the file is safe, and the way to it is not');
  symlinkSync('open/file', join(top, 'there'));
  assert.equal(findUntrusted([join(top, 'there')]), open);
  symlinkSync('open', join(top, 'folder-link'));
  assert.equal(findUntrusted([join(top, 'folder-link/file')]), open);
  lchownSync(join(top, 'link'), 1000, 1000);
  assert.equal(findUntrusted([join(top, 'link')]), join(top, 'link'));
  symlinkSync('loop', join(top, 'loop'));
  assert.equal(findUntrusted([join(top, 'loop')]), undefined, 'it ends');
});
