import assert from 'node:assert/strict';
import test from 'node:test';
import { noLive, OB, REAPER } from '../machine.ts';
import { assertSame } from '../snapshot.ts';
import { createRig, type Rig, textOf } from './rig.ts';

// Root inside is a user of the machine like any other: 589824 is who it is there.
const FIRST = 589824;

/** A command as root of a subhost, the way a person runs it; must succeed. */
async function exec(rig: Rig, name: string, script: string): Promise<string> {
  const ran = await rig.machine.ob('exec', name, '--scope', 'demo', '--', 'sh', '-c', script);
  assert.equal(ran.code, 0, textOf(ran));
  return ran.stdout.trimEnd();
}

/** Who owns these on the machine: UID:GID of each. */
const owners = (rig: Rig, ...paths: string[]): Promise<string> => rig.machine.sh(`stat -c %u:%g ${paths.join(' ')} | paste -sd ' '`);

const id = (inside: number): string => `${FIRST + inside}:${FIRST + inside}`;

const WEB = `scope: demo
bridges: { ob0: { address: 10.77.0.1/24 } }
subhosts:
  web:
    base: /mnt/web
    userns: ${FIRST}
    cables: [{ bridge: ob0, address: 10.77.0.2/24 }]
    share: [/mnt/shared]
    start: [/mnt/hello]
`;

const HELLO = `#!/usr/bin/perl
use Socket; exit if $ARGV[0] ne "start"; exit if fork;
socket(S, PF_INET, SOCK_STREAM, 0); setsockopt(S, SOL_SOCKET, SO_REUSEADDR, 1);
bind(S, sockaddr_in(80, INADDR_ANY)) or die "bind: $!"; listen(S, 5); open(STDOUT, ">/dev/null"); open(STDERR, ">/dev/null");
while (accept(C, S)) { print C "I am $<\\n"; close C }
`;

test('root of a subhost with ids of its own is nobody on the machine', { skip: noLive }, async (t) => {
  const rig = await createRig(t);
  const { machine } = rig;
  await machine.sh(`mkdir -p /mnt/shared /mnt/web/root/mnt; chmod 711 /mnt/web; echo secret >/mnt/shared/secret; chmod 600 /mnt/shared/secret
    echo open >/mnt/shared/open; echo rw >/mnt/shared/rw; chmod 666 /mnt/shared/rw`);
  machine.write('/mnt/web/root/mnt/hello', HELLO);
  await machine.sh(`chmod 755 /mnt/web/root/mnt/hello; chmod 700 /mnt/web; chown -R ${FIRST}:${FIRST} /mnt/web/root`);
  const before = await rig.snapshot();
  rig.hosts(WEB);
  await rig.apply();
  await rig.settled();
  const pid = rig.pid1('web');

  await t.test('inside it is root, and what is below belongs to it', async () => {
    assert.equal(await exec(rig, 'web', 'id -u; id -g; id -G'), '0\n0\n0');
    assert.equal(await exec(rig, 'web', 'tr -s " " </proc/self/uid_map; cat /proc/self/setgroups'), ` 0 ${FIRST} 65536\nallow`);
    assert.equal(
      await exec(rig, 'web', "stat -c '%U' / /etc/passwd /etc/shadow /root /dev /dev/null /run /dev/shm /tmp | sort -u"),
      'root',
    );
    assert.equal(await exec(rig, 'web', "stat -c '%U:%G' /etc/shadow"), 'root:shadow');
    const status = await machine.sh(`cat /proc/${pid}/status`);
    assert.match(status, new RegExp(`^Uid:(\\s${FIRST}){4}$`, 'm'));
    assert.match(status, /^CapBnd:\s00000000a00435fb$/m);
    assert.match(status, /^Groups:\s*$/m);
    // Who belongs to a mount namespace of the machine's can mount nothing in it, whatever it may do in its own user namespace.
    assert.notEqual((await machine.ob('exec', 'web', '--', 'mount', '-t', 'tmpfs', 'x', '/mnt')).code, 0);
  });

  await t.test('what it writes is on disk as one of its own', async () => {
    await exec(
      rig,
      'web',
      'echo x >/mnt/file; touch /etc/passwd; mkdir /mnt/of-nobody; chown 65534:65534 /mnt/of-nobody; cp /bin/true /mnt/su; chmod 4755 /mnt/su',
    );
    const at = '/mnt/web/root';
    assert.equal(
      await owners(rig, `${at}/mnt/file`, `${at}/etc/passwd`, `${at}/mnt/of-nobody`, `${at}/mnt/su`),
      [id(0), id(0), id(65534), id(0)].join(' '),
    );
    assert.equal(await machine.sh('stat -c %u /etc/passwd'), '0');
    // What ob itself has made in it.
    assert.equal(await owners(rig, `${at}/mnt/shared`, `${at}/.reaper`), `${id(0)} ${id(0)}`);
    // Of the machine's ids it has none: what is not its own cannot become so.
    assert.notEqual((await machine.ob('exec', 'web', '--', 'chown', '65536', '/mnt/file')).code, 0);
  });

  await t.test('of the machine it has what everybody has', async () => {
    assert.equal(await exec(rig, 'web', "stat -c '%u' /mnt/shared/secret /proc/sys/kernel/hostname | sort -u"), '65534');
    assert.equal(
      await exec(rig, 'web', 'cat /mnt/shared/open; echo inside >/mnt/shared/rw; cat /mnt/shared/secret 2>&1 || true'),
      'open\ncat: /mnt/shared/secret: Permission denied',
    );
    const ran = await machine.ob('exec', 'web', '--', 'sh', '-c', 'echo x >/mnt/shared/open');
    assert.match(ran.stderr, /Permission denied/);
    assert.equal(await machine.sh('cat /mnt/shared/open /mnt/shared/rw'), 'open\ninside');
    assert.notEqual((await machine.ob('exec', 'web', '--', 'chown', 'root', '/mnt/shared/rw')).code, 0);
  });

  await t.test('its network is its own', async () => {
    assert.equal(await machine.sh("bash -c 'exec 3<>/dev/tcp/10.77.0.2/80; cat <&3'"), 'I am 0');
    await exec(
      rig,
      'web',
      'echo 1 >/proc/sys/net/ipv4/ip_forward; ip link add x type veth peer name y; ip addr add 10.1.1.1/24 dev x; ip link del x',
    );
    assert.equal(await machine.sh('ip netns exec web cat /proc/sys/net/ipv4/ip_forward'), '1');
    await exec(rig, 'web', "perl -MSocket -e 'socket(S, PF_INET, SOCK_RAW, 1) or die $!'");
    const ran = await machine.ob('exec', 'web', '--', 'sh', '-c', 'echo 0 >/proc/sys/kernel/printk');
    assert.match(ran.stderr, /Read-only file system/);
  });

  await t.test('set-user-ID programs give what they give, inside', async () => {
    const ask = 'cp /usr/bin/id /mnt/id; chmod 4755 /mnt/id; setpriv --reuid 1000 --clear-groups /mnt/id -u';
    assert.equal(await exec(rig, 'web', ask), '0');
    assert.equal(await exec(rig, 'web', 'su nobody -s /bin/sh -c "id -u"'), '65534');
  });

  await t.test('streams can be opened anew', async () => {
    const ran = await machine.run(OB, ['exec', 'web', '--', 'sh', '-c', 'cat /dev/stdin; echo out >/dev/stdout; echo err >/dev/stderr'], {
      input: 'in\n',
    });
    assert.deepEqual([ran.code, ran.stdout, ran.stderr], [0, 'in\nout\n', 'err\n']);
  });

  await t.test('diff and reset know whose is what', async () => {
    const ran = await machine.ob('diff', 'web');
    assert.match(ran.stdout, /^C {2}\/etc\/passwd$/m);
    assert.doesNotMatch(ran.stdout, /^C {2}\/(etc|mnt)\/$/m);
  });

  await t.test('what is taken away inside comes back as its own', async () => {
    // As it is, umount(8) is set-user-ID for root inside, who may not unmount anything.
    const unmount = 'cp /bin/umount /run/umount; for p in /dev/shm /dev/pts /proc/kmsg; do /run/umount -n $p; done; rm /dev/null /dev/fd';
    await machine.sh(`nsenter -t ${pid} -m -p sh -c '${unmount}'`);
    assert.match(await rig.plan(), /inside/);
    await rig.apply();
    await rig.settled();
    assert.equal(rig.pid1('web'), pid);
    assert.equal(
      await exec(rig, 'web', `stat -c %U:%G /dev/shm /dev/null /dev/fd | sort -u; grep -c gid=${FIRST + 5} /proc/self/mounts`),
      'root:root\n1',
    );
    await machine.sh('mkdir -p /mnt/late');
    rig.hosts(WEB.replace('[/mnt/shared]', '[/mnt/shared, "/mnt/late:/mnt/a/b"]'));
    await rig.apply();
    await rig.settled();
    assert.equal(rig.pid1('web'), pid);
    assert.equal(await owners(rig, '/mnt/web/root/mnt/a', '/mnt/web/root/mnt/a/b'), `${id(0)} ${id(0)}`);
    rig.hosts(WEB);
    await rig.apply();
  });

  await t.test('a root that was unmounted in the machine comes back from PID 1', async () => {
    await machine.sh('umount /mnt/web/live');
    assert.match(await rig.plan(), /attached/);
    await rig.apply();
    await rig.settled();
    assert.equal(rig.pid1('web'), pid);
  });

  await t.test('a network namespace that belongs to the machine is not its own', async () => {
    await machine.sh(`kill -9 ${pid}; ip netns delete web; while ip netns list | grep -q web; do :; done`);
    assert.equal((await machine.run(REAPER, ['netns', 'web', 'ob:demo/web', '0'])).stdout, 'web ok\n');
    assert.match(await rig.plan(), /netns\/web {2}\(replace\)\n\s+userns: none -> 589824-655359/);
    await rig.apply();
    await rig.settled();
    assert.equal(await exec(rig, 'web', 'id -u; echo 1 >/proc/sys/net/ipv4/ip_forward'), '0');
  });

  await t.test('without ids of its own it cannot have these files, and nothing is done', async () => {
    rig.hosts(WEB.replace(/ {4}userns.*\n/, ''));
    const ran = await machine.ob('apply');
    assert.notEqual(ran.code, 0);
    assert.match(ran.stdout + ran.stderr, /in the way: \/mnt\/web\/root belongs to the ids 589824-655359, not to the machine's root/);
    assert.equal(await exec(rig, 'web', 'id -u; tr -s " " </proc/self/uid_map'), `0\n 0 ${FIRST} 65536`);
    rig.hosts(WEB.replace(`${FIRST}`, 'auto'));
    await rig.settled();
  });

  const hidden = [
    ['is covered', 'mount --bind /run/netns/web /run/netns/web', 'layers: 2 -> 1'],
    ['has lost its name', 'umount -n /run/netns/web; rm /run/netns/web', 'name: missing -> its own'],
  ] as const;
  for (const [index, [what, script, told]] of hidden.entries())
    await t.test(`a network namespace that ${what}, and has other ids than are wanted now, is replaced`, async () => {
      await machine.sh(script);
      const first = FIRST + 65536 * (index + 1);
      rig.hosts(WEB.replace('base: /mnt/web', `base: /mnt/other${index}`).replace('/mnt/hello', '').replace(`${FIRST}`, `${first}`));
      assert.match(await rig.plan(), new RegExp(`netns/web {2}\\(replace\\)\\n\\s+${told}.*(\\n .*)?\\n\\s+userns: .* -> ${first}-`));
      await rig.apply();
      await rig.settled();
      assert.equal(await exec(rig, 'web', 'id -u; tr -s " " </proc/self/uid_map'), `0\n 0 ${first} 65536`);
    });

  await t.test('nothing of it is left behind', async () => {
    assert.equal((await machine.ob('destroy')).code, 0);
    await machine.sh('rm -r /mnt/other0 /mnt/other1');
    assertSame(await rig.snapshot(), before, 'something is left');
    assert.equal(await machine.sh('cat /mnt/web/root/mnt/file'), 'x');
  });
});

test('auto finds ids that nobody has, and keeps them', { skip: noLive }, async (t) => {
  const rig = await createRig(t);
  const { machine } = rig;
  const file = (names: string): string =>
    `scope: demo\ndefaults: { userns: auto, start: none, hide: none }\nsubhosts:\n${names
      .split(' ')
      .map((name) => `  ${name}: { base: /mnt/${name} }\n`)
      .join('')}`;
  rig.hosts(file('a b'));
  await rig.apply();
  await rig.settled();
  const [a, b] = (await machine.sh('stat -c %u /mnt/a/root /mnt/b/root')).split('\n').map(Number);
  assert.ok(a && b && a !== b && a % 65536 === 0 && b % 65536 === 0, `${a} ${b}`);
  assert.equal(await exec(rig, 'a', 'tr -s " " </proc/self/uid_map'), ` 0 ${a} 65536`);

  await t.test('two of them are nobody to each other', async () => {
    rig.hosts(`${file('a b')}  c: { base: /mnt/c, share: [/mnt/both] }\n`);
    await machine.sh('mkdir -p /mnt/both; chmod 1777 /mnt/both');
    await rig.apply();
    await exec(rig, 'c', 'umask 077; echo c >/mnt/both/c');
    const c = await machine.sh('stat -c %u /mnt/both/c');
    assert.equal(c, await machine.sh('stat -c %u /mnt/c/root'));
    rig.hosts(
      `${file('a b')}  c: { base: /mnt/c, share: [/mnt/both] }\n`.replace('a: { base: /mnt/a }', 'a: { base: /mnt/a, share: [/mnt/both] }'),
    );
    await rig.apply();
    await rig.settled();
    const ran = await machine.ob('exec', 'a', '--', 'sh', '-c', 'cat /mnt/both/c; rm -f /mnt/both/c; chown root /mnt/both/c');
    assert.equal(ran.stdout, '');
    assert.equal(await machine.sh('cat /mnt/both/c'), 'c');
  });

  await t.test('a tree on a filesystem that cannot show other owners is told', async () => {
    await machine.sh(
      'mkdir -p /mnt/l /mnt/u /mnt/w /mnt/tree; mount -t overlay -o lowerdir=/mnt/l,upperdir=/mnt/u,workdir=/mnt/w x /mnt/tree || true; mountpoint -q /mnt/tree || mount -t ramfs x /mnt/tree',
    );
    rig.hosts('scope: demo\nsubhosts: { a: { base: /mnt/x, lower: /mnt/tree, userns: auto, start: none } }\n');
    const ran = await machine.ob('apply');
    assert.equal(ran.code, 1);
    assert.match(textOf(ran), /cannot mount the root: idmap \/mnt\/tree: Invalid argument/);
    assert.match(textOf(ran), /the filesystem of \/mnt\/tree cannot show other owners/);
    assert.equal((await machine.ob('destroy')).code, 0);
  });

  await t.test('files of others are not taken over', async () => {
    await machine.sh('mkdir -p /mnt/y/root/etc');
    rig.hosts('scope: demo\nsubhosts: { y: { base: /mnt/y, userns: auto, start: none } }\n');
    const ran = await machine.ob('apply');
    assert.notEqual(ran.code, 0);
    assert.match(textOf(ran), /\/mnt\/y\/root belongs to the machine's root, not to the ids \d+-\d+/);
    await machine.sh('chown 655360:655360 /mnt/y/root');
    assert.match(textOf(await machine.ob('apply')), /\/mnt\/y\/root\/etc belongs to the machine's root, not to the ids 655360-720895/);
    await machine.sh('chown 655360:655360 /mnt/y/root/etc');
    await rig.apply();
    await rig.settled();
    const map = 'tr -s " " </proc/self/uid_map';
    assert.equal(await exec(rig, 'y', map), ' 0 655360 65536');
    // Nobody inside can make ob believe that it has others, and whoever takes the folder from it does not stop it.
    await exec(rig, 'y', 'chown 7:8 /');
    await rig.settled();
    await machine.sh('chown -R 0:0 /mnt/y/root');
    assert.match(await rig.plan(), /upper_owner: 0:0 -> its own ids/);
    // What is in there is not taken over then either, and as long as that is so it is said.
    for (const _ of ['first', 'again'])
      assert.match(
        textOf(await machine.ob('apply')),
        /^exit 1\n[\s\S]*FAILED +mount\/y: \/mnt\/y\/root\/\S+ belongs to the machine's root, not to the ids 655360-720895\n {4}-> /,
      );
    await machine.sh('find /mnt/y/root -mindepth 1 -exec chown -h 655360:655360 {} +');
    await rig.apply();
    await rig.settled();
    assert.equal(await exec(rig, 'y', map), ' 0 655360 65536');
    await machine.sh('chown 655367:655368 /mnt/y/root');
    assert.equal((await machine.ob('destroy')).code, 0);
    await rig.apply();
    assert.equal(await exec(rig, 'y', map), ' 0 655360 65536');
    assert.equal((await machine.ob('destroy')).code, 0);
  });
});
