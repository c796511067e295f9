import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { cgroupPath, isPopulated, listCgroups, makeCgroup, readMembers } from '../../src/resources/linux/cgroup.ts';
import { seen } from './seen.ts';

function createFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'ob-cgroup-'));
  t.after(() => rmSync(folder, { recursive: true }));
  return folder;
}

test('members are PIDs; what cannot be seen from here is left out', (t) => {
  const folder = createFolder(t);
  writeFileSync(`${folder}/cgroup.procs`, '34\n0\n39\n');
  assert.deepEqual(readMembers(folder), [34, 39]);
  writeFileSync(`${folder}/cgroup.procs`, '');
  assert.deepEqual(readMembers(folder), []);
  assert.deepEqual(readMembers(`${folder}/gone`), []);
});

test('populated is what the kernel says', (t) => {
  const folder = createFolder(t);
  assert.equal(isPopulated(folder), false);
  writeFileSync(`${folder}/cgroup.events`, seen('cgroup-events.txt'));
  assert.equal(isPopulated(folder), true);
  writeFileSync(`${folder}/cgroup.events`, seen('cgroup-events.txt').replace('populated 1', 'populated 0'));
  assert.equal(isPopulated(folder), false);
});

test('cgroups are listed by scope and name; files among them are none', (t) => {
  const root = createFolder(t);
  assert.deepEqual(listCgroups(root), []);
  const owners = [
    { scope: 'demo', name: 'db' },
    { scope: 'demo', name: 'web' },
    { scope: 'test', name: 'web' },
  ];
  for (const owner of owners) makeCgroup(cgroupPath(root, owner));
  makeCgroup(cgroupPath(root, { scope: 'demo', name: 'db' }));
  mkdirSync(`${root}/system.slice/demo/x`, { recursive: true });
  writeFileSync(`${root}/ob/cgroup.procs`, '');
  writeFileSync(`${root}/ob/demo/cgroup.procs`, '');
  const found = listCgroups(root).map(({ scope, name }) => `${scope}/${name}`);
  assert.deepEqual(found.sort(), ['demo/db', 'demo/web', 'test/web']);
});
