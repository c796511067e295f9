import assert from 'node:assert/strict';
import { dirname } from 'node:path';
import test from 'node:test';
import { createMachine, noLive, type Ran } from '../machine.ts';
import { assertSame } from '../snapshot.ts';
import { asInit, coverEtc, installBoot, LINKS, lacking, linksOf, listEtc, prepare, SCRIPT, UNIT } from './etc.ts';
import { HOSTS, initsOf, OB } from './helpers.ts';

test('what is not ours is neither written over nor removed', { skip: noLive }, async (t) => {
  const machine = await createMachine(t);
  await prepare(machine, 'sysvinit');
  const others: readonly (readonly [what: string, script: string])[] = [
    ['a file without our first line', `echo '#!/bin/sh' >${SCRIPT}`],
    ['a link', `ln -s /dev/null ${SCRIPT}`],
    ['a folder', `mkdir ${SCRIPT}`],
  ];
  for (const [what, make] of others)
    await t.test(what, async () => {
      await machine.sh(`rm -rf ${SCRIPT}; ${make}`);
      const before = await listEtc(machine);
      const ran = await machine.ob('boot', 'install');
      assert.deepEqual([ran.code, ran.stdout], [1, '']);
      assert.equal(
        ran.stderr,
        `ob: ${SCRIPT} exists and was not written by ob\n    -> look at it (ls -l ${SCRIPT}); ob writes there once it is gone\n`,
      );
      assert.match((await machine.ob('boot', 'remove')).stdout, /^Nothing to remove/);
      assertSame(await listEtc(machine), before, '/etc has changed');
    });
});

test('a hosts file with problems, or none, installs nothing', { skip: noLive }, async (t) => {
  const machine = await createMachine(t);
  await prepare(machine, 'sysvinit');
  const before = await listEtc(machine);
  machine.write('/mnt/bad.yaml', HOSTS.replace('10.77.0.3', '10.77.0.333'));
  for (const file of ['bad.yaml', 'lost.yaml']) {
    const ran = await machine.ob('boot', 'install', '--file', file);
    assert.deepEqual([ran.code, ran.stdout], [65, ''], ran.stderr);
    assert.match(ran.stderr, new RegExp(`^(ob: )?/mnt/${file}:`));
  }
  assert.equal((await machine.ob('boot', 'install', '--scope', 'demo')).code, 64);
  assertSame(await listEtc(machine), before, '/etc has changed');
});

test('installing again changes nothing, follows the file, and takes the place of what it was before', { skip: noLive }, async (t) => {
  const machine = await createMachine(t);
  await prepare(machine, 'sysvinit');
  const bare = await listEtc(machine);
  await installBoot(machine);
  const identity = (): Promise<string> => machine.sh(`stat -c '%i %Y' ${SCRIPT}`);
  const before = await listEtc(machine);
  const first = await identity();
  assert.match(await installBoot(machine), new RegExp(`^unchanged ${SCRIPT}\n`));
  assertSame(await listEtc(machine), before, '/etc has changed');
  assert.equal(await identity(), first);

  await t.test('whatever the umask is, init can read it', async () => {
    await machine.sh(`rm ${SCRIPT}; cd /mnt; umask 077; ${OB} boot install`);
    assert.equal(await machine.sh(`stat -c %a ${SCRIPT}`), '755');
  });

  await t.test('what somebody has changed in it is put right', async () => {
    await machine.sh(`chmod 777 ${SCRIPT}; echo 'rm -rf /' >>${SCRIPT}`);
    assert.match(await installBoot(machine), new RegExp(`^wrote {5}${SCRIPT}\n`));
    assertSame(await listEtc(machine), before, '/etc has changed');
  });

  await t.test('each scope has its own', async () => {
    machine.write('/mnt/more.yaml', HOSTS.replace('scope: demo', 'scope: more'));
    await installBoot(machine, '--file', 'more.yaml');
    const ran = await machine.run(OB, ['boot', 'remove'], { cwd: '/' });
    assert.equal(ran.code, 64);
    assert.equal(ran.stderr, 'ob: which one? boot is installed for the scopes demo, more\n    -> ob boot remove --scope demo\n');
    await machine.sh('rm /mnt/more.yaml');
    assert.equal((await machine.ob('boot', 'remove', '--file', 'more.yaml')).stdout, 'removed   /etc/init.d/ob-boot-more\n');
  });

  await t.test('a file with a new scope', async () => {
    machine.write('/mnt/hosts.yaml', HOSTS.replace('scope: demo', 'scope: other'));
    assert.match(await installBoot(machine), new RegExp(`^wrote {5}/etc/init.d/ob-boot-other\nremoved {3}${SCRIPT}\n`));
    assert.deepEqual(
      await linksOf(machine),
      LINKS.map((link) => link.replace('demo', 'other')),
    );
  });

  await t.test('a machine that has changed over to systemd', { skip: lacking('/bin/systemctl') }, async () => {
    await machine.sh('ln -sf /lib/systemd/systemd /usr/sbin/init');
    const said = await installBoot(machine);
    assert.match(said, /^wrote {5}\/etc\/systemd\/system\/ob-boot-other\.service\nremoved {3}\/etc\/init\.d\/ob-boot-other\n/);
    assert.equal((await machine.ob('boot', 'remove')).code, 0);
    assertSame(await listEtc(machine), bare, '/etc has changed');
  });
});

test('paths may hold whatever shells and units have a meaning for', { skip: noLive }, async (t) => {
  const machine = await createMachine(t);
  await coverEtc(machine, 'sysvinit');
  const folder = `/mnt/it's $HOME "100%" \`id\``;
  const quoted = `'${folder.replaceAll("'", `'\\''`)}'`;
  // Bound, not linked: node tells where it really is.
  await machine.sh(`mkdir ${quoted} ${quoted}/dist && touch ${quoted}/node && mount --bind '${process.execPath}' ${quoted}/node`);
  await machine.sh(`mount --bind '${dirname(OB)}' ${quoted}/dist`);
  machine.write(`${folder}/hosts.yaml`, HOSTS);
  const ob = (...words: string[]): Promise<Ran> =>
    machine.run(`${folder}/dist/ob`, words, { cwd: folder, env: { OB_NODE: `${folder}/node` } });
  assert.deepEqual((await ob('boot', 'install')).stderr, '');
  assert.match(machine.read(SCRIPT), /\/dist\/ob' apply/);
  const started = await asInit(machine, SCRIPT, 'start');
  assert.deepEqual([started.code, started.stderr], [0, '']);
  assert.deepEqual(await initsOf(machine), ['ob:demo/client', 'ob:demo/web']);
  assert.equal((await asInit(machine, SCRIPT, 'status')).code, 0);
  assert.equal((await asInit(machine, SCRIPT, 'stop')).code, 0);
  assert.deepEqual(await initsOf(machine), []);

  await t.test('systemd too, but for quotes in the name of a program', { skip: lacking('/bin/systemctl') }, async () => {
    await machine.sh('ln -sf /lib/systemd/systemd /usr/sbin/init');
    const refused = await ob('boot', 'install');
    assert.deepEqual([refused.code, refused.stdout], [1, '']);
    assert.match(refused.stderr, /: systemd runs no program with a quote or a backslash in its path\n/);
    const plain = '/mnt/a $HOME 100% `id`';
    await machine.sh(`mkdir '${plain}' && mount --bind '${dirname(OB)}' '${plain}'`);
    const words = ['boot', 'install', '--file', `${folder}/hosts.yaml`];
    const installed = await machine.run(`${plain}/ob`, words, { env: { OB_NODE: `${folder}/node` } });
    assert.equal(installed.code, 0, installed.stderr);
    const verified = await machine.run('systemd-analyze', ['verify', '--man=no', UNIT]);
    assert.deepEqual(verified, { code: 0, stdout: '', stderr: '' });
  });

  await t.test('but not a newline', async () => {
    await machine.sh("cp /mnt/*/hosts.yaml '/mnt/two\nlines.yaml'");
    const ran = await machine.ob('boot', 'install', '--file', '/mnt/two\nlines.yaml');
    assert.deepEqual([ran.code, ran.stdout], [65, '']);
    assert.match(ran.stderr, /^ob: "\/mnt\/two\\nlines\.yaml": a path with control characters cannot be written there\n/);
  });
});
