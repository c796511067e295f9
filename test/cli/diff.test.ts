import assert from 'node:assert/strict';
import test from 'node:test';
import { createMachine, noLive } from '../machine.ts';

const HOSTS = `subhosts:
  web: { base: /mnt/web, lower: /mnt/tree, start: none }
  own: { base: /mnt/own, lower: /mnt/own/root, upper: root, start: none }
`;

const TREE = `
  mkdir -p /mnt/own/root; mkdir -p /mnt/tree/etc/network /mnt/tree/cache/deep /mnt/tree/gone /mnt/tree/kept /mnt/tree/mounted
  cd /mnt/tree; mkdir proc sys dev run; echo >etc/network/interfaces; echo a >.reaper
  for file in etc/motd etc/hosts etc/same cache/a cache/deep/b gone/x; do echo $file >$file; done`;

/** What a subhost does, seen from the machine. */
const WORK = `
  cd /mnt/web/live; rm etc/motd; rm -r gone; rm -r cache; mkdir -p cache/deep; echo new >cache/deep/c
  echo mine >etc/hosts; chmod 700 kept; mkdir -p srv/app/sub; echo >srv/app/one; echo >srv/app/sub/two; echo >etc/new`;

test('diff tells what the upper directory makes of the lower one', { skip: noLive }, async (t) => {
  const machine = await createMachine(t);
  machine.write('/mnt/hosts.yaml', HOSTS);
  await machine.sh(TREE);
  const diff = async (...words: string[]): Promise<string> => {
    const ran = await machine.ob('diff', ...words);
    assert.deepEqual([ran.code, ran.stderr], [0, '']);
    return ran.stdout;
  };
  await machine.sh('mkdir -p /mnt/web/root');
  assert.equal(await diff('web'), 'Nothing differs from the tree below.\n');
  const applied = await machine.ob('apply');
  assert.equal(applied.code, 0, applied.stdout + applied.stderr);

  await machine.sh(WORK);
  // The file of interfaces is the one that ob makes.
  const lines = ['D  /etc/motd', 'C  /etc/network/interfaces', 'A  /etc/new', 'D  /gone/', 'C  /kept/', 'A  /srv/  2 files'];
  const changed = ['R  /cache/', 'A  /cache/deep/  1 file', 'C  /etc/hosts', ...lines];
  assert.equal(await diff('web'), `${[...changed, '3 added, 3 changed, 2 deleted, 1 replaced.'].join('\n')}\n`);

  await t.test('a file below that changed since is marked; what is mounted there is not looked at', async () => {
    await machine.sh('echo upgraded >/mnt/tree/etc/hosts; mount -t tmpfs tmpfs /mnt/tree/mounted; echo >/mnt/tree/mounted/file');
    const text = await diff('web');
    assert.match(text, /^C {2}\/etc\/hosts {2}hides a newer one$/m);
    assert.match(
      text,
      /; 1 hides a file that changed below since\.\n {4}-> ob reset web \/etc\/hosts shows what is below, and keeps this one\n$/,
    );
    assert.doesNotMatch(text, /mounted/);
  });

  await t.test('for programs, and of a subhost that does not run', async () => {
    assert.equal((await machine.ob('destroy', 'web')).code, 0);
    const found: { path: string; what: string; files?: number; hidesNewer?: boolean }[] = JSON.parse(await diff('web', '--json'));
    assert.deepEqual(found[2], { path: '/etc/hosts', what: 'changed', hidesNewer: true });
    assert.deepEqual(found.at(-1), { path: '/srv/', what: 'added', files: 2 });
  });

  await t.test('where there is nothing to compare that is said', async () => {
    const own = await machine.ob('diff', 'own');
    assert.deepEqual([own.code, own.stderr], [64, 'ob: own has no upper directory: its tree is its own\n']);
    await machine.sh('rm -r /mnt/web/root');
    const gone = await machine.ob('diff', 'web');
    assert.deepEqual([gone.code, gone.stderr], [1, 'ob: the upper directory of web is not there\n    -> ob start web makes it\n']);
    assert.equal((await machine.ob('diff', 'wep')).code, 64);
  });
});
