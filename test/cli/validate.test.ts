import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { ob } from './helpers.ts';

function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'ob-validate-'));
  t.after(() => rmSync(path, { recursive: true }));
  return path;
}

test('a good file is said to be fine, and what is in it', async (t) => {
  const cwd = folder(t);
  writeFileSync(`${cwd}/hosts.yaml`, 'bridges: { ob0: {} }\nsubhosts:\n  web: { base: ./web, cables: [ob0=, =] }\n');
  assert.deepEqual(await ob(['validate'], { cwd }), { code: 0, stdout: 'hosts.yaml: fine: 1 subhost, 2 cables, 1 bridge\n', stderr: '' });
  writeFileSync(`${cwd}/a\x1b[31m.yaml`, 'subhosts: {}\n');
  const { stdout } = await ob(['validate', 'a\x1b[31m.yaml'], { cwd });
  assert.equal(stdout, '"a\\u001b[31m.yaml": fine: 0 subhosts, 0 cables, 0 bridges\n');
});

test('every problem is a line that an editor can jump to, and the exit code is 65', async (t) => {
  const cwd = folder(t);
  writeFileSync(`${cwd}/bad.yaml`, 'scope: Demo\nsubhosts:\n  web: {}\n  db: { base: ./db, uper: x }\n');
  assert.deepEqual(await ob(['validate', './bad.yaml'], { cwd }), {
    code: 65,
    stdout: '',
    stderr: [
      './bad.yaml:1:8: "Demo" is no scope: 1 to 32 characters of a-z, 0-9 and "-", a letter first\n',
      './bad.yaml:3:3: the key "base" is missing\n',
      './bad.yaml:4:21: unknown key "uper"; did you mean "upper"?\n',
    ].join(''),
  });
});

test('a bridge that is neither in the file nor on the machine is refused', async (t) => {
  const cwd = folder(t);
  writeFileSync(`${cwd}/hosts.yaml`, 'subhosts: { web: { base: ./web, cables: [no-such-bridge=] } }\n');
  const { code, stderr } = await ob(['validate'], { cwd });
  assert.equal(code, 65);
  assert.match(stderr, /^hosts\.yaml:1:42: unknown bridge "no-such-bridge": it is neither in this file nor on this machine; .*\n$/);
});

test('a name in the place of a file is told to be none', async (t) => {
  const cwd = folder(t);
  const hint = '    -> a hosts file is named here, not a subhost: ob COMMAND --help\n';
  assert.deepEqual(await ob(['validate', 'web'], { cwd }), { code: 65, stdout: '', stderr: `ob: web: there is no such file\n${hint}` });
  // Where its base is beside the hosts file.
  mkdirSync(`${cwd}/db`);
  assert.deepEqual(await ob(['validate', 'db'], { cwd }), { code: 65, stdout: '', stderr: `ob: db: it is a directory\n${hint}` });
  assert.equal((await ob(['validate', 'web.yaml'], { cwd })).stderr, 'ob: web.yaml: there is no such file\n');
});
