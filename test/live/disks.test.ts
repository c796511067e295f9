import assert from 'node:assert/strict';
import test from 'node:test';
import { assertSame } from '../snapshot.ts';
import { IMAGES, LOOPS, LOOPS_LEFT, noImages } from './images.ts';
import { killAt, type Moment } from './kill.ts';
import { createRig, type Rig, textOf } from './rig.ts';

const WEB = `scope: demo
subhosts:
  web:
    base: /mnt/web
    start: [/bin/serve]
`;

async function createDisks(t: Parameters<typeof createRig>[0]): Promise<Rig> {
  const rig = await createRig(t);
  await rig.machine.sh(IMAGES);
  return rig;
}

function hosts(rig: Rig, ...keys: readonly string[]): void {
  rig.hosts(WEB + keys.map((key) => `    ${key}\n`).join(''));
}

const SQUASHFS = 'lower: { diskfile: { image: /mnt/tree.squashfs } }';
const IN_EXT4 = 'lower: { diskfile: { image: ../tree.img, path: root } }';
const IN_PARTITION = 'lower: { diskfile: { image: /mnt/data.img, partition: 3 } }';
const UPPER = 'upper: { diskfile: { image: /mnt/data.img, partition: 2, path: web/root } }';

test('layers are in images: squashfs, ext4, partitions; nothing of it stays', { skip: noImages }, async (t) => {
  const rig = await createDisks(t);
  const before = await rig.snapshot();
  for (const [keys, loops] of [
    [[SQUASHFS], '/mnt/tree.squashfs 1'],
    [[IN_EXT4], '/mnt/tree.img 1'],
    [[IN_PARTITION], '/mnt/data.img 1'],
    [[SQUASHFS, UPPER], '/mnt/data.img 1\n/mnt/tree.squashfs 1'],
    [[IN_PARTITION, UPPER], '/mnt/data.img 1\n/mnt/data.img 1'],
    [
      ['lower: { diskfile: { image: /mnt/tree.img, path: root } }', 'upper: { diskfile: { image: /mnt/tree.img, path: root } }'],
      '/mnt/tree.img 1',
    ],
  ] as const)
    await t.test(keys.join(', '), async () => {
      hosts(rig, ...keys);
      await rig.apply();
      await rig.settled();
      assert.equal(await rig.machine.sh(LOOPS), loops);
      assert.equal(await rig.inside('web', 'hostname; cat /etc/name; echo new >/etc/written; cat /etc/written'), 'web\ntree\nnew');
      await rig.machine.sh(`kill -KILL ${rig.pid1('web')}`);
      await rig.apply();
      await rig.settled();
      assert.equal(await rig.inside('web', 'cat /etc/written'), 'new');
      const ran = await rig.machine.ob('destroy');
      assert.equal(ran.code, 0, textOf(ran));
      assert.doesNotMatch(ran.stdout, /note:/);
      assert.equal(await rig.machine.sh(LOOPS), '');
      assertSame(await rig.snapshot(), before, 'something is left');
    });
});

test('what was written to an image is there after its subhost was destroyed, and in the image alone', { skip: noImages }, async (t) => {
  const rig = await createDisks(t);
  hosts(rig, SQUASHFS, UPPER);
  await rig.apply();
  await rig.inside('web', 'echo mine >/etc/name');
  await rig.machine.ob('destroy');
  await rig.apply();
  assert.equal(await rig.inside('web', 'cat /etc/name'), 'mine');
  assert.equal(await rig.machine.sh('ls /mnt/web; ls /run/ob/disk/demo/web.upper/web'), 'live\nroot\nwork');
});

test('a layer in an image that is read cannot be written, whoever asks', { skip: noImages }, async (t) => {
  const rig = await createDisks(t);
  hosts(rig, IN_EXT4);
  const sum = await rig.machine.sh('sha256sum /mnt/tree.img');
  await rig.apply();
  const ran = await rig.machine.run('sh', [
    '-c',
    'echo x >/run/ob/disk/demo/web.lower/root/etc/name; mount -o remount,rw /run/ob/disk/demo/web.lower',
  ]);
  assert.match(ran.stderr, /Read-only file system[\s\S]*write-protected/);
  assert.equal((await rig.machine.run('ls', ['/run/ob/disk/demo/web.lower'], { uid: 65534 })).code, 2);
  await rig.machine.ob('destroy');
  assert.equal(await rig.machine.sh('sha256sum /mnt/tree.img'), sum);
});

const BOTH = `scope: demo
defaults: { start: [/bin/serve], upper: { diskfile: { image: /mnt/data.img, partition: 2 } } }
subhosts:
  web:
    base: /mnt/web
    lower: { diskfile: { image: /mnt/tree.img, path: root } }
    upper: { diskfile: { image: /mnt/data.img, partition: 2, path: web/root } }
  client:
    base: /mnt/client
    lower: { diskfile: { image: /mnt/tree.img, path: root } }
    upper: { diskfile: { image: /mnt/data.img, partition: 2, path: client/root } }
`;

test('two subhosts are in the same images, each through one loop device', { skip: noImages }, async (t) => {
  const rig = await createDisks(t);
  rig.hosts(BOTH);
  await rig.apply('--parallel', '16');
  await rig.settled();
  assert.equal(await rig.machine.sh(LOOPS), '/mnt/data.img 1\n/mnt/tree.img 1');
  await rig.inside('web', 'echo web >/etc/name');
  assert.equal(await rig.inside('client', 'cat /etc/name'), 'tree');
  const ran = await rig.machine.ob('destroy', 'web');
  assert.equal(ran.code, 0, textOf(ran));
  assert.equal(await rig.machine.sh(LOOPS), '/mnt/data.img 1\n/mnt/tree.img 1');
  assert.equal(await rig.inside('client', 'echo client >/etc/name; cat /etc/name'), 'client');

  // What one of them writes, another may read: then the first one's mount of it has to be made anew.
  rig.hosts(`scope: demo
subhosts:
  client: { base: /mnt/client, start: [/bin/serve], lower: { diskfile: { image: /mnt/tree.img, path: root } } }
  web: { base: /mnt/web, start: [/bin/serve], lower: { diskfile: { image: /mnt/tree.img, path: root } }, upper: { diskfile: { image: /mnt/tree.img, path: upper } } }
`);
  await rig.apply();
  await rig.settled();
  assert.equal(await rig.machine.sh(LOOPS), '/mnt/tree.img 1');
  assert.equal(await rig.inside('web', 'touch /etc/new; cat /etc/name'), 'tree');
  assert.equal(
    await rig.machine.sh(`grep '/run/ob/disk.*loop' /proc/self/mountinfo | cut -d' ' -f5-6 | sort`),
    '/run/ob/disk/demo/client.lower ro,relatime\n/run/ob/disk/demo/web.lower ro,relatime\n/run/ob/disk/demo/web.upper rw,relatime',
  );
  assert.equal((await rig.machine.ob('destroy')).code, 0);
  assert.equal(await rig.machine.sh(LOOPS), '');
});

test('however many come up at once, an image has one loop device', { skip: noImages }, async (t) => {
  const rig = await createDisks(t);
  const names = Array.from({ length: 8 }, (_, index) => `web${index}x`);
  const upper = (name: string): string => `upper: { diskfile: { image: /mnt/data.img, partition: 2, path: ${name}/root } }`;
  rig.hosts(`scope: demo\nsubhosts:\n${names.map((name) => `  ${name}: { base: /mnt/${name}, start: none, ${upper(name)} }\n`).join('')}`);
  await rig.apply('--parallel', '8');
  await rig.settled();
  assert.equal(await rig.machine.sh(LOOPS), '/mnt/data.img 1');
  assert.equal((await rig.machine.ob('destroy', '--parallel', '8')).code, 0);
  assert.equal(await rig.machine.sh(LOOPS), '');
});

const POINT = '/run/ob/disk/demo/web.upper';

const DAMAGES: readonly (readonly [damage: string, plan: RegExp, pid: 'same' | 'other'])[] = [
  [`umount ${POINT}; umount ${POINT}`, /^\+ {3}disk\/web\.upper/m, 'other'],
  [`umount ${POINT}`, /on_top: false -> true/, 'other'],
  [`mount -t tmpfs x ${POINT}`, /on_top: false -> true/, 'other'],
  [`mount -o remount,bind,ro ${POINT}`, /access: ro -> rw/, 'same'],
  [`mv /mnt/data.img /mnt/old.img; cp /mnt/old.img /mnt/data.img`, /image: \/mnt\/old.img -> \/mnt\/data.img/, 'other'],
];

test('a disk that drifted is put right with the smallest repair', { skip: noImages }, async (t) => {
  const rig = await createDisks(t);
  hosts(rig, SQUASHFS, UPPER);
  await rig.apply();
  for (const [damage, plan, pid] of DAMAGES)
    await t.test(damage, async () => {
      const before = rig.pid1('web');
      await rig.machine.sh(damage);
      assert.match(await rig.plan(), plan);
      await rig.apply();
      await rig.settled();
      assert.equal(rig.pid1('web') === before ? 'same' : 'other', pid);
      assert.equal(await rig.inside('web', 'touch /written; cat /etc/name'), 'tree');
      assert.equal(await rig.machine.sh(LOOPS), '/mnt/data.img 1\n/mnt/tree.squashfs 1');
    });
});

const WRONG: readonly (readonly [what: string, key: string, said: string])[] = [
  ['a file that is not there', 'lower: { diskfile: { image: gone.img } }', '6:33: image /mnt/web/gone.img: there is no such file'],
  [
    'a partition that is not there',
    'upper: { diskfile: { image: /mnt/data.img, partition: 4 } }',
    '6:59: image /mnt/data.img: there is no partition 4: it has 1, 2, 3',
  ],
  [
    'a partition without a filesystem',
    'upper: { diskfile: { image: /mnt/data.img, partition: 1 } }',
    '6:59: image /mnt/data.img: no filesystem that ob knows is there (ext4, squashfs)',
  ],
  [
    'a whole image that has partitions',
    'lower: { diskfile: { image: /mnt/data.img } }',
    '6:33: image /mnt/data.img: no filesystem that ob knows is there (ext4, squashfs); say which partition is meant: it has 1, 2, 3',
  ],
  [
    'an image for upper that cannot be written',
    'upper: { diskfile: { image: /mnt/tree.squashfs } }',
    '6:33: image /mnt/tree.squashfs holds squashfs, which cannot be written: only "lower" can be on it',
  ],
  ['a folder in the place of an image', 'lower: { diskfile: { image: /mnt/tree } }', '6:33: image /mnt/tree: it is no regular file'],
];

test('what is wrong with an image is told with its place in the file, before anything is touched', { skip: noImages }, async (t) => {
  const rig = await createDisks(t);
  const before = await rig.snapshot();
  for (const [what, key, said] of WRONG)
    await t.test(what, async () => {
      hosts(rig, key);
      const ran = await rig.machine.ob('apply');
      assert.deepEqual([ran.code, ran.stderr], [65, `hosts.yaml:${said}\n`]);
    });
  await t.test('a path that is not there, or leads elsewhere', async () => {
    hosts(rig, 'lower: { diskfile: { image: /mnt/tree.img, path: none } }');
    const none = await rig.machine.ob('apply');
    assert.equal(none.code, 1);
    assert.match(none.stdout, /FAILED +disk\/web\.lower: \/mnt\/tree\.img has no directory \/none\n/);
    await rig.machine.ob('destroy');
    await rig.machine.sh(
      'mkdir /mnt/m /mnt/elsewhere; mount -o loop /mnt/tree.img /mnt/m; ln -s /mnt/elsewhere /mnt/m/link; umount /mnt/m; rmdir /mnt/m',
    );
    hosts(rig, SQUASHFS, 'upper: { diskfile: { image: /mnt/tree.img, path: link/ob } }');
    const link = await rig.machine.ob('apply');
    assert.match(link.stdout, /FAILED +disk\/web\.upper: \/mnt\/tree\.img: \/link is no directory\n/);
    await rig.machine.ob('destroy');
  });
  await t.test('a filesystem that is broken', async () => {
    await rig.machine.sh('head -c 4096 /mnt/tree.squashfs >/mnt/cut.squashfs');
    hosts(rig, 'lower: { diskfile: { image: /mnt/cut.squashfs } }');
    const ran = await rig.machine.ob('apply');
    assert.match(ran.stdout, /FAILED +disk\/web\.lower: cannot mount \/mnt\/cut\.squashfs: mount: .*\n[\s\S]*-> is it whole\?/);
    assert.equal(await rig.machine.sh(LOOPS_LEFT), '');
    await rig.machine.ob('destroy');
  });
  assertSame(await rig.snapshot(), before, 'something is left');
});

test('an image that somebody else has mounted to write it is in the way', { skip: noImages }, async (t) => {
  const rig = await createDisks(t);
  await rig.machine.sh('mkdir /mnt/m; mount -o loop /mnt/tree.img /mnt/m');
  for (const key of [IN_EXT4, 'upper: { diskfile: { image: /mnt/tree.img } }']) {
    hosts(rig, key);
    const ran = await rig.machine.ob('apply');
    assert.equal(ran.code, 1);
    assert.match(ran.stdout, /\/mnt\/tree\.img is mounted on \/mnt\/m already \(\/dev\/loop\d+\) and it is no mount of ob's/);
  }
  await rig.machine.sh('umount /mnt/m; mount -o loop,ro /mnt/tree.img /mnt/m');
  hosts(rig, IN_EXT4);
  await rig.apply();
  await rig.settled();
  assert.equal((await rig.machine.ob('destroy')).code, 0);
  assert.equal(await rig.machine.sh('mount | grep -c /mnt/m'), '1');
});

const APPLY: readonly Moment[] = [
  'start disk/web.lower+0',
  'start disk/web.lower+3',
  'start disk/web.lower+8',
  'start disk/web.upper+2',
  'done disk/web.upper+0',
  'start mount/web+0',
  'start process/web+3',
];
const DESTROY: readonly Moment[] = [
  'start process/web+2',
  'start mount/web+0',
  'start disk/web.upper+0',
  'start disk/web.upper+2',
  'done disk/web.lower+0',
];

test('a run that is killed at any moment leaves no loop device behind', { skip: noImages }, async (t) => {
  const rig = await createDisks(t);
  hosts(rig, SQUASHFS, UPPER);
  for (const moment of APPLY)
    await t.test(`apply, ${moment}`, async () => {
      await killAt(rig, 'apply', moment);
      await destroyAll(rig);
      await killAt(rig, 'apply', moment);
      await assertRuns(rig);
      await destroyAll(rig);
    });
  for (const moment of DESTROY)
    await t.test(`destroy, ${moment}`, async () => {
      await assertRuns(rig);
      await killAt(rig, 'destroy', moment);
      await assertRuns(rig);
      await killAt(rig, 'destroy', moment);
      await destroyAll(rig);
    });
});

async function assertRuns(rig: Rig): Promise<void> {
  await rig.apply();
  await rig.settled();
  assert.equal(await rig.inside('web', 'touch /written; cat /etc/name'), 'tree');
  assert.equal(await rig.machine.sh(LOOPS), '/mnt/data.img 1\n/mnt/tree.squashfs 1');
}

/** The hosts file vouches for the name: with nothing there it is fine too. */
async function destroyAll(rig: Rig): Promise<void> {
  const ran = await rig.machine.ob('destroy');
  assert.equal(ran.code, 0, textOf(ran));
  assert.equal(await rig.machine.sh(LOOPS_LEFT), '');
  assert.equal(await rig.machine.sh('grep /run/ob /proc/mounts || true'), '');
}
