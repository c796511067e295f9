import assert from 'node:assert/strict';
import test from 'node:test';
import { noLive } from '../machine.ts';
import { assertSame } from '../snapshot.ts';
import { createRig, type Rig, textOf } from './rig.ts';

const HOSTS = `scope: demo
bridges: { ob0: { address: 10.77.0.1/24 } }
subhosts:
  web:
    base: /mnt/web
    cables: [{ bridge: ob0, mac: "02:00:0a:4d:00:02", address: 10.77.0.2/24, gateway: 10.77.0.1 }]
    start: [/srv/web]
    ram_size: 20M
  client:
    base: /mnt/client
    cables: [{ bridge: ob0, address: [10.77.0.3/24, "2001:db8::3/64"] }]
    start: none
`;

const FOLDERS = ['/mnt'];

/** A service of web's own; it stays until it is ended. */
async function prepareWeb(rig: Rig): Promise<void> {
  await rig.machine.sh(`
    mkdir -p /mnt/web/root/srv
    printf '#!/bin/sh\\n[ "$1" != start ] || setsid sleep 1000 >/dev/null 2>&1 &\\n' >/mnt/web/root/srv/web
    chmod 755 /mnt/web/root/srv/web`);
}

const LOOKS = [
  'validate',
  'plan',
  'plan --json',
  'plan --limit web',
  'plan --detailed-exitcode',
  'status',
  'status --json',
  'status --scope demo',
  'schema',
];

/** What only looks changes nothing, not even for a moment: the times of folders would tell. */
async function assertOnlyLooks(rig: Rig, situation: string): Promise<void> {
  const selection = { folders: FOLDERS, times: true };
  const before = await rig.snapshot(selection);
  const all = await Promise.all(LOOKS.map((words) => rig.machine.ob(...words.split(' '))));
  for (const [index, ran] of all.entries())
    assert.ok(ran.code !== null && ran.code < 64, `${situation}: ob ${LOOKS[index]}: ${textOf(ran)}`);
  assertSame(await rig.snapshot(selection), before, situation);
}

test('plan, status, validate and schema leave the machine byte for byte as it was', { skip: noLive }, async (t) => {
  const rig = await createRig(t);
  rig.hosts(HOSTS);
  await assertOnlyLooks(rig, 'nothing is there');

  await prepareWeb(rig);
  await rig.apply();
  await assertOnlyLooks(rig, 'all is as wanted');

  rig.hosts(
    HOSTS.replace('20M', 'none')
      .replace('10.77.0.2/24', '10.77.0.9/24')
      .replace(/ {2}client:[\s\S]*/, ''),
  );
  await assertOnlyLooks(rig, 'the file has changed');

  rig.hosts(HOSTS);
  await rig.machine.sh(`
    kill -KILL ${rig.pid1('web')}
    umount /run/netns/client /mnt/web/live
    ip link delete ob0
    ip link set web0 group default alias ''`);
  await assertOnlyLooks(rig, 'much is damaged, and a link is in the way');
});

test('destroy leaves nothing, and once more it is fine', { skip: noLive }, async (t) => {
  const rig = await createRig(t);
  rig.hosts(HOSTS);
  await prepareWeb(rig);
  const before = await rig.snapshot();
  for (const words of [[], ['--scope', 'demo'], ['web', 'client']]) {
    await rig.apply();
    assert.notDeepEqual(await rig.snapshot(), before);
    const ran = await rig.machine.ob('destroy', ...words);
    assert.deepEqual([ran.code, ran.stderr], [0, ''], textOf(ran));
    if (words.includes('web')) assert.equal((await rig.machine.ob('destroy')).code, 0);
    assertSame(await rig.snapshot(), before, `destroy ${words.join(' ')}`);
    const again = await rig.machine.ob('destroy');
    assert.equal(again.code, 0);
    assert.match(again.stdout, /^Nothing to do/);
    assertSame(await rig.snapshot(), before, `destroy ${words.join(' ')}, then again`);
  }
});

test('destroy keeps the upper directories', { skip: noLive }, async (t) => {
  const rig = await createRig(t);
  rig.hosts(HOSTS);
  await prepareWeb(rig);
  await rig.apply();
  await rig.inside('client', 'echo kept >/etc/kept');
  assert.equal((await rig.machine.ob('destroy')).code, 0);
  assert.equal(rig.machine.read('/mnt/client/root/etc/kept'), 'kept\n');
  await rig.apply();
  assert.equal(await rig.inside('client', 'cat /etc/kept'), 'kept');
});

/** What is hidden, how, how it comes back, and what is said. */
const LACKS: readonly (readonly [what: string, hide: string, restore: string, words: RegExp])[] = [
  ['ip', 'mount --bind /dev/null $(readlink -f /sbin/ip)', 'umount $(readlink -f /sbin/ip)', /"ip" is not .*\n.*apt-get install iproute2/],
  ['mount', 'mount --bind /dev/null /bin/mount', 'umount /bin/mount', /"mount" is not .*\n.*apt-get install mount/],
  [
    'overlay',
    `grep -v overlay /proc/filesystems >/media/filesystems; mount --bind /media/filesystems /proc/filesystems
     [ ! -d /lib/modules ] || mount -t tmpfs tmpfs /lib/modules`,
    'umount /proc/filesystems; [ ! -d /lib/modules ] || umount /lib/modules',
    /no overlay filesystem\n.*CONFIG_OVERLAY_FS/,
  ],
  ['cgroup2', 'umount /sys/fs/cgroup', 'mount -t cgroup2 cgroup2 /sys/fs/cgroup', /no cgroup v2 tree is mounted.*\n.*mount -t cgroup2/],
];

test('nothing is touched where the machine lacks something', { skip: noLive }, async (t) => {
  const rig = await createRig(t);
  rig.hosts(HOSTS);
  await prepareWeb(rig);
  await rig.machine.sh('mount -t tmpfs tmpfs /media');
  for (const [what, hide, restore, words] of LACKS) {
    const before = await rig.snapshot({ folders: FOLDERS });
    await rig.machine.sh(hide);
    const ran = await rig.machine.ob('apply');
    await rig.machine.sh(restore);
    assert.equal(ran.code, 1, `without ${what}: ${textOf(ran)}`);
    assert.match(ran.stderr, words);
    // What was unmounted for the test is the last of the mounts now.
    assertSame((await rig.snapshot({ folders: FOLDERS })).toSorted(), before.toSorted(), `without ${what}`);
  }
  await rig.apply();
});
