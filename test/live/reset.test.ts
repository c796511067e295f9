import assert from 'node:assert/strict';
import test, { type TestContext } from 'node:test';
import { noLive, type Ran, type TestMachine } from '../machine.ts';
import { IMAGES, noImages } from './images.ts';
import { killAt, type Moment } from './kill.ts';
import { createRig, type Rig, textOf } from './rig.ts';

const HOSTS = `scope: demo
subhosts:
  web: { base: /mnt/web, lower: /mnt/tree, start: none }
  own: { base: /mnt/own, lower: /mnt/own/root, upper: root, start: none }
`;

const TREE = `
  mkdir -p /mnt/own/root; mkdir -p /mnt/tree/etc/network /mnt/tree/cache /mnt/tree/gone /mnt/tree/usr/bin
  cd /mnt/tree; mkdir proc sys dev run; echo >etc/network/interfaces; echo a >.reaper; ln -s usr/bin bin
  for file in etc/motd etc/hosts cache/a gone/x usr/bin/tool; do echo $file >$file; done`;

/** What a subhost does, seen from the machine: files, whiteouts, an opaque directory, links of both kinds, owners, attributes. */
const WORK = `
  cd /mnt/web/live; rm etc/motd; rm -r gone; rm -r cache; mkdir cache; echo new >cache/a
  echo mine >etc/hosts; chown 7:8 etc/hosts; chmod 4711 etc/hosts; chmod 750 etc; chown 3:4 etc
  mkdir -p srv/app; echo one >srv/app/one; ln srv/app/one srv/app/two; ln srv/app/one srv/three; ln -s ../../etc srv/app/link`;

/** Every entry of an upper directory: what it is, and by its number whether it is the very same. Directories on the way may be made anew. */
const listing = (folder: string): string =>
  `cd ${folder}; find . -mindepth 1 \\( -type d -printf '%p/ %m %U:%G\\n' -o -printf '%p %i %y %m %U:%G%l\\n' \\) | sort`;

async function createWorked(t: TestContext): Promise<Rig> {
  const rig = await createRig(t);
  await rig.machine.sh(TREE);
  rig.hosts(HOSTS);
  await rig.apply();
  await rig.machine.sh(WORK);
  return rig;
}

function reset(machine: TestMachine, ...words: string[]): Promise<Ran> {
  return machine.ob('reset', 'web', ...words);
}

/** Must succeed; gives the folder in which all is kept. */
async function keptBy(rig: Rig, ...words: string[]): Promise<string> {
  const ran = await reset(rig.machine, ...words);
  assert.equal(ran.code, 0, textOf(ran));
  const folder = /^Kept in (\/mnt\/web\/reset-\d{8}T\d{6}(?:-\d+)?\/upper)$/m.exec(ran.stdout)?.[1];
  return folder ?? assert.fail(textOf(ran));
}

test('of some paths of a stopped subhost the tree below is seen again, and what they had is kept as it was', {
  skip: noLive,
}, async (t) => {
  const rig = await createWorked(t);
  const { machine } = rig;
  assert.equal((await machine.ob('stop', 'web')).code, 0);
  const before = await machine.sh(listing('/mnt/web/root'));
  const kept = await keptBy(rig, '/etc/hosts', '/etc/motd', '/cache/', '/gone', '/srv', '/srv/three');
  const [upper, aside] = [await machine.sh(listing('/mnt/web/root')), await machine.sh(listing(kept))];
  assert.equal(
    upper,
    './etc/ 750 3:4\n./etc/network/ 755 0:0\n' +
      before
        .split('\n')
        .filter((line) => /interfaces/.test(line))
        .join('\n'),
  );
  const gone = before.split('\n').filter((line) => !upper.split('\n').includes(line) || line === './etc/ 750 3:4');
  assert.deepEqual(aside.split('\n'), gone);
  assert.match(aside, /^\.\/etc\/motd \d+ c 0 0:0/m, 'a deletion is kept as one');
  assert.equal(await machine.sh(`stat -c %a ${kept} $(dirname ${kept})`), '755\n700');

  assert.equal((await machine.ob('start', 'web')).code, 0);
  assert.equal(
    await machine.sh('cd /mnt/web/live; cat etc/hosts etc/motd cache/a gone/x; ls -d srv || echo none'),
    'etc/hosts\netc/motd\ncache/a\ngone/x\nnone',
  );
  await rig.settled();
  assert.match((await machine.ob('events', 'web')).stdout, new RegExp(`demo/web  reset /etc/hosts .*; kept in ${kept}$`, 'm'));
  // What is kept can be copied back, as it is, while it runs.
  await machine.sh(`cp -a ${kept}/etc/hosts /mnt/web/live/etc/hosts`);
  assert.equal(await machine.sh('stat -c "%a %u:%g" /mnt/web/live/etc/hosts; cat /mnt/web/live/etc/hosts'), '4711 7:8\nmine');
});

test('all that a subhost has is reset with a restart, and kept whole', { skip: noLive }, async (t) => {
  const rig = await createWorked(t);
  const { machine } = rig;
  const before = await machine.sh(listing('/mnt/web/root'));
  const pid = rig.pid1('web');
  await machine.sh('chmod 711 /mnt/web/root');
  const kept = await keptBy(rig, '--restart');
  assert.equal(await machine.sh(listing(kept)), before);
  assert.equal(await machine.sh(`stat -c %a ${kept} /mnt/web/root`), '711\n711');
  assert.notEqual(rig.pid1('web'), pid);
  await rig.settled();
  assert.equal(
    await machine.sh('cat /mnt/web/live/cache/a /mnt/web/live/etc/hosts; ls /mnt/web/live'),
    'cache/a\netc/hosts\nbin\ncache\ndev\netc\ngone\nproc\nrun\nsys\nusr',
  );
  // At once again: another folder, as the first one is nobody's to write to.
  await machine.sh('echo >/mnt/web/live/new');
  assert.notEqual(await keptBy(rig, '--restart'), kept);
  assert.equal(await machine.sh(listing(kept)), before);
});

test('what cannot be done is refused before anything is', { skip: noLive }, async (t) => {
  const rig = await createWorked(t);
  const { machine } = rig;
  const before = await rig.snapshot();
  const pid = rig.pid1('web');
  const cases: readonly (readonly [words: readonly string[], code: number, said: RegExp])[] = [
    [['web'], 1, /^ob: web runs: nothing is taken from under what runs\n {4}-> ob reset web --restart stops it, and starts it again\n$/],
    [['web', '/etc/hosts'], 1, /-> ob reset web \/etc\/hosts --restart stops it/],
    [['wep'], 64, /nothing of a subhost "wep" is there; did you mean "web"\?/],
    [['own'], 64, /own has no upper directory/],
    [['web', 'etc/hosts', '--restart'], 64, /"etc\/hosts" is no path as it is seen inside\n {4}-> write it like \/etc\/motd/],
    [['web', '/etc/../hosts', '--restart'], 64, /is no path/],
    [['web', '/bin/tool', '--restart'], 1, /^ob: \/bin\/tool leads through the link \/bin\n/],
    [['web', '/srv/app/link/hosts', '--restart'], 1, /leads through the link \/srv\/app\/link\n/],
    [['web', '/cache/a', '--restart'], 1, /^ob: \/cache hides all that the tree below has there, \/cache\/a too\n {4}-> reset \/cache\n$/],
  ];
  for (const [words, code, said] of cases)
    await t.test(words.join(' '), async () => {
      const ran = await machine.ob('reset', ...words);
      assert.equal(ran.code, code, textOf(ran));
      assert.match(ran.stderr, said);
      assert.equal(ran.stdout, '');
    });
  await t.test('held', async () => {
    assert.equal((await machine.ob('hold', 'web')).code, 0);
    const ran = await reset(machine, '--restart');
    assert.match(ran.stderr, /^ob: web is held\n {4}-> ob release web\n$/);
    assert.equal(ran.code, 1);
    assert.equal((await machine.ob('release', 'web')).code, 0);
  });
  await t.test('nothing is there', async () => {
    const ran = await reset(machine, '/etc/nothing', '/usr/bin/tool', '/srv/app/one/deeper', '--restart');
    assert.equal(
      ran.stdout,
      ['/etc/nothing', '/usr/bin/tool', '/srv/app/one/deeper'].map((path) => `web has nothing of its own at ${path}.\n`).join(''),
    );
    assert.equal(ran.code, 0);
  });
  assert.equal(rig.pid1('web'), pid);
  assert.deepEqual(await rig.snapshot(), before);
});

test('what a link in the upper directory leads to is not touched; the link itself goes', { skip: noLive }, async (t) => {
  const rig = await createWorked(t);
  const { machine } = rig;
  await machine.sh(`${listing('/mnt/tree')} >/mnt/before
    mkdir /mnt/canary; echo >/mnt/canary/file; ln -s /mnt/canary /mnt/web/live/out; ln -s /mnt/canary/file /mnt/web/live/srv/file`);
  assert.equal((await reset(machine, '/out/file', '--restart')).code, 1);
  const kept = await keptBy(rig, '/out', '/srv/file', '--restart');
  assert.equal(await machine.sh(`readlink ${kept}/out ${kept}/srv/file; ls /mnt/canary`), '/mnt/canary\n/mnt/canary/file\nfile');
  await machine.sh(`${listing('/mnt/tree')} | cmp - /mnt/before`);
});

test('a file of which another name stays is told; what cannot be moved stays, and the rest goes', { skip: noLive }, async (t) => {
  const rig = await createWorked(t);
  const { machine } = rig;
  assert.equal((await machine.ob('stop', 'web')).code, 0);
  const linked = await reset(machine, '/srv/app/one');
  assert.match(
    linked.stdout,
    / {4}note: \/mnt\/web\/reset-\S+\/upper\/srv\/app\/one has another name that stays: what is written there is written here too\n/,
  );
  assert.equal(linked.code, 0);
  // A mount in its place cannot be renamed.
  await machine.sh('mount --bind /mnt/web/root/srv/app /mnt/web/root/srv/app');
  const ran = await reset(machine, '/srv/app', '/srv/three', '--restart');
  assert.match(ran.stdout, /^reset {4}\/srv\/three\nKept in \S+\n {4}note: \/srv\/app is as it was: EBUSY: resource busy or locked\n/m);
  assert.equal(ran.code, 1);
  // It was wanted to run again.
  assert.ok(rig.pid1('web'));
  assert.equal(await machine.sh('cd /mnt/web/root/srv; ls . app'), '.:\napp\n\napp:\nlink\ntwo');
});

test('a root that is in use, and an upper directory that another mount has, are left as they are', { skip: noLive }, async (t) => {
  const rig = await createWorked(t);
  const { machine } = rig;
  await t.test('somebody is in it', async () => {
    await machine.sh('cd /mnt/web/live/srv; sleep 1000 >/dev/null 2>&1 & echo $! >/mnt/pid');
    const ran = await reset(machine, '--restart');
    assert.match(ran.stdout, /FAILED {3}mount\/web: \/mnt\/web\/live is in use by \d+ \(sleep\)/);
    assert.equal(ran.code, 1);
    assert.ok(rig.pid1('web'), 'it was not started again');
    await machine.sh('kill $(cat /mnt/pid); while [ -d /proc/$(cat /mnt/pid) ]; do sleep 0.01; done');
  });
  await t.test('another mount has it', async () => {
    assert.equal((await machine.ob('destroy', 'web')).code, 0);
    await machine.sh(
      'mkdir /mnt/other; mount -t overlay -o lowerdir=/mnt/tree,upperdir=/mnt/web/root,workdir=/mnt/web/work mine /mnt/other',
    );
    const ran = await reset(machine);
    assert.match(ran.stderr, /^ob: \/mnt\/web\/root is the upper directory of a mount: mine on \/mnt\/other, /);
    assert.equal(ran.code, 1);
  });
  assert.equal(await machine.sh('ls -d /mnt/web/reset-* 2>/dev/null || echo none'), 'none');
});

const MOMENTS: readonly Moment[] = [
  'planned +0',
  'done process/web+0',
  'start mount/web+0',
  ...[0, 1, 3, 6].map((delay): Moment => `done mount/web+${delay}`),
  'reset +0',
];

/** Enough that a kill meets their moves half way. */
const FILES = Array.from({ length: 600 }, (_, index) => `/srv/${index}`);

test('a reset that is killed at any moment has lost nothing, and the next one comes to its end', { skip: noLive }, async (t) => {
  const rig = await createRig(t);
  const { machine } = rig;
  await machine.sh(TREE);
  rig.hosts(HOSTS);
  for (const words of [FILES.join(' '), '/'])
    for (const moment of words === '/' ? (['done mount/web+0', 'done mount/web+2'] as const) : MOMENTS)
      await t.test(`${words.slice(0, 8)} ${moment}`, async () => {
        await rig.apply();
        await machine.sh('mkdir -p /mnt/web/live/srv; cd /mnt/web/live/srv; for i in $(seq 0 599); do echo $i >$i; done; echo kept >kept');
        await killAt(rig, `reset web ${words} --restart`, moment);
        const everywhere = `cd /mnt/web; find root/srv reset-*/upper/srv -name '[0-9]*' -type f -printf '%f\\n' 2>/dev/null | sort -n | uniq -c | grep -c '^ *1 ' || true`;
        assert.equal(await machine.sh(everywhere), '600');
        const ran = await machine.ob('reset', 'web', ...words.split(' '), '--restart');
        assert.equal(ran.code, 0, textOf(ran));
        await rig.settled();
        assert.equal(await machine.sh(everywhere), '600');
        assert.equal(await machine.sh('ls /mnt/web/live/srv 2>/dev/null || true'), words === '/' ? '' : 'kept');
        await machine.sh('rm -rf /mnt/web/reset-*');
      });
});

test('an upper directory that a program makes is not reset', { skip: noLive }, async (t) => {
  const rig = await createRig(t);
  await rig.machine.sh(`${TREE}; mkdir -p /mnt/web /mnt/store/root
    printf '#!/bin/sh\\necho /mnt/store/root\\n' >/mnt/setup.sh; chmod 755 /mnt/setup.sh`);
  rig.hosts(
    'scope: demo\nsubhosts:\n  web: { base: /mnt/web, lower: /mnt/tree, upper: /mnt/setup.sh, work: /mnt/store/work, start: none }\n',
  );
  await rig.apply();
  const pid = rig.pid1('web');
  const ran = await reset(rig.machine, '--restart');
  assert.match(ran.stderr, /^ob: the upper directory of web is made by \/mnt\/setup\.sh, and there only while it runs\n/);
  assert.deepEqual([ran.code, rig.pid1('web')], [1, pid]);
});

test('an upper directory in an image is reset within that image', { skip: noImages }, async (t) => {
  const rig = await createRig(t);
  const { machine } = rig;
  await machine.sh(IMAGES);
  rig.hosts(`scope: demo
subhosts:
  web: { base: /mnt/web, lower: /mnt/tree, upper: { diskfile: { image: /mnt/data.img, partition: 2, path: web/root } }, start: [/bin/serve] }
`);
  await rig.apply();
  await rig.inside('web', 'echo new >/etc/name');
  const ran = await reset(machine, '/etc/name', '--restart');
  assert.equal(ran.code, 0, textOf(ran));
  const kept = /^Kept in (\S+)$/m.exec(ran.stdout)?.[1] ?? '';
  assert.match(kept, /^\/run\/ob\/disk\/demo\/web\.upper\/web\/reset-[^/]+\/upper$/);
  assert.equal(await machine.sh(`cat ${kept}/etc/name`), 'new');
  assert.equal(await rig.inside('web', 'cat /etc/name'), 'tree');
  assert.equal((await machine.ob('destroy', 'web')).code, 0);
  const gone = await reset(machine);
  assert.match(
    gone.stderr,
    /^ob: the upper directory of web is in an image that is not mounted now\n {4}-> ob start web, then ob reset web --restart\n$/,
  );
});
