import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import test, { type TestContext } from 'node:test';
import { noLive } from '../machine.ts';
import { assertSame } from '../snapshot.ts';
import { createRig, type Rig } from './rig.ts';

// The machine's root filesystem is the real one here: what is to be hidden of it is either there anyway, or lies in a folder
// below /tmp that goes with the test.

function folderOfItsOwn(t: TestContext): string {
  const folder = mkdtempSync(`${tmpdir()}/ob-hide-`);
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Says of each path: `gone`, `empty`, or `there`. */
const look = (paths: readonly string[]): string => `for p in ${paths.join(' ')}; do
    if [ ! -e "$p" ]; then echo gone; elif [ -d "$p" ] && [ -z "$(ls -A "$p")" ]; then echo empty; else echo there; fi
  done`;

/** As the subhost sees it. */
async function see(rig: Rig, name: string, ...paths: string[]): Promise<string> {
  const ran = await rig.machine.ob('exec', name, '--scope', 'demo', '--', 'sh', '-c', look(paths));
  assert.equal(ran.code, 0, ran.stderr);
  return ran.stdout.trim().split('\n').join(' ');
}

test("with lower / a subhost sees neither the machine's secrets nor a sibling's folder", { skip: noLive }, async (t) => {
  const rig = await createRig(t);
  const at = folderOfItsOwn(t);
  const before = await rig.snapshot();
  await rig.machine.sh(`mkdir -p ${at}/open ${at}/db/root; echo secret >${at}/db/root/file; echo seen >${at}/open/file
    printf '#!/bin/sh\\necho ran >/ran\\n' >${at}/db/run; chmod 755 ${at}/db/run`);
  rig.hosts(`scope: demo
defaults: { start: none }
subhosts:
  web: { base: ${at}/web }
  db: { base: ${at}/db, start: [${at}/db/run] }
  open: { base: ${at}/all, hide: none }
`);
  await rig.apply();
  await rig.settled();

  await t.test('and nothing but that', async () => {
    assert.equal(
      await see(rig, 'web', `${at}/db`, `${at}/db/root/file`, `${at}/web`, `${at}/all`, `${at}/open/file`),
      'gone gone gone gone there',
    );
    assert.equal(
      await see(rig, 'web', '/root', '/etc/passwd', '/etc/shadow-', '/etc/ssh/ssh_host_*', '/etc/hostname'),
      'empty there gone gone there',
    );
    assert.equal(await see(rig, 'open', `${at}/db/root/file`), 'there');
    // Its start list is all that it sees of its own folder.
    assert.equal(await see(rig, 'db', '/ran', `${at}/db/run`, `${at}/db/root`, `${at}/web`), 'there there gone gone');
    assert.equal(await rig.inside('open', 'ls -A /root | head -c1 | wc -c'), await rig.machine.sh('ls -A /root | head -c1 | wc -c'));
  });

  await t.test('whatever is made, removed and renamed inside', async () => {
    await rig.inside(
      'web',
      `mkdir ${at}/db; rmdir ${at}/db; touch /etc/shadow- /root/x; rm /etc/shadow- /root/x; mv /etc/hostname /etc/shadow-; rm /etc/shadow-`,
    );
    assert.equal(await see(rig, 'web', `${at}/db`, '/etc/shadow-', '/root'), 'gone gone empty');
    assert.equal((await rig.machine.ob('exec', 'web', '--', 'mknod', '/x', 'c', '0', '0')).code, 1);
  });

  await t.test('all users are known, and none has a password', async () => {
    assert.equal(await rig.inside('web', 'cut -d: -f1 /etc/shadow'), await rig.machine.sh('cut -d: -f1 /etc/passwd'));
    assert.equal(await rig.inside('web', 'cut -d: -f2 /etc/shadow /etc/gshadow | sort -u'), '*');
    assert.equal(await rig.inside('web', 'stat -c "%a %U %G" /etc/shadow'), await rig.machine.sh('stat -c "%a %U %G" /etc/shadow'));
    await rig.inside('web', 'echo root:inside | chpasswd; su nobody -s /bin/sh -c true');
    assert.match(await rig.inside('web', 'grep ^root: /etc/shadow'), /^root:\$/);
    assert.equal(await rig.inside('db', 'grep ^root: /etc/shadow'), 'root:*:19000:0:99999:7:::');
  });

  await t.test('one that comes later is hidden before it is there, and one that left the file is no worse', async () => {
    rig.hosts(`scope: demo\ndefaults: { start: none }\nsubhosts:\n  web: { base: ${at}/web }\n  late: { base: ${at}/new/late }\n`);
    await rig.apply();
    await rig.settled();
    assert.equal(await see(rig, 'web', `${at}/new/late`, `${at}/new`), 'gone empty');
  });

  await t.test('nothing of it is left behind', async () => {
    assert.equal((await rig.machine.ob('destroy')).code, 0);
    assertSame(await rig.snapshot(), before, 'something is left');
    assert.equal(await rig.machine.sh(`cat ${at}/db/root/file`), 'secret');
  });
});

const TREE = `mkdir -p /mnt/tree; cd /mnt/tree; mkdir -p proc sys dev run tmp etc/keys srv/a srv/b home/u real real2/in
  for file in etc/keys/1 srv/a/x.key srv/a/x.crt srv/b/y.key home/u/file real/file real2/in/file; do echo $file >$file; done
  ln -s /real link; ln -s ../real2/in srv/in; echo 'u:x:1:1::/:/bin/sh' >etc/passwd; echo 'u:hash:1::::::' >etc/shadow; chmod 640 etc/shadow`;

const OWN = (hide: string): string => `scope: demo
subhosts:
  web: { base: /mnt/web, lower: /mnt/tree, start: none, hide: ${hide} }
`;

test('of a tree of its own a subhost does not see what is named', { skip: noLive }, async (t) => {
  const rig = await createRig(t);
  const { machine } = rig;
  const before = await rig.snapshot();
  await machine.sh(TREE);
  rig.hosts(OWN('[/etc/keys, /srv/*/*.key, /home/, /link, /srv/in/file, /etc/shadow, /not/there]'));
  await rig.apply();
  await rig.settled();
  const live = (script: string): Promise<string> => machine.sh(`cd /mnt/web/live && ${script}`);
  const seeLive = async (...paths: string[]): Promise<string> => (await live(look(paths.map((path) => `.${path}`)))).split('\n').join(' ');

  await t.test('a link hides what it leads to as well', async () => {
    assert.equal(
      await seeLive('/etc/keys', '/srv/a/x.key', '/srv/a/x.crt', '/srv/b/y.key', '/home', '/real', '/link', '/srv/in'),
      'gone gone there gone empty gone gone empty',
    );
    assert.equal(
      await live('cat etc/shadow; stat -c %a etc/shadow; ls srv/a; ls real2/in; ls -d not 2>&1 || true'),
      "u:*:19000:0:99999:7:::\n640\nx.crt\nls: cannot access 'not': No such file or directory",
    );
  });

  await t.test('what comes later is drift, and hidden while it runs', async () => {
    const pid1 = rig.pid1('web');
    await machine.sh('echo >/mnt/tree/srv/b/z.key');
    assert.match(await rig.plan(), /unhidden: \[\/srv\/b\/z.key\] -> \[\] {2}\(drift, /);
    await rig.apply();
    await rig.settled();
    assert.equal(await live('ls srv/b'), '');
    assert.equal(rig.pid1('web'), pid1);
  });

  await t.test('ob diff takes it for what is not there', async () => {
    await live('echo >etc/shadow; echo >home/own; echo >etc/keys; echo >srv/b/y.key; rm srv/a/x.crt');
    const { stdout } = await machine.ob('diff', 'web');
    assert.deepEqual(
      stdout
        .trim()
        .split('\n')
        .slice(0, -1)
        .filter((line) => !line.includes('network') && !line.includes('.reaper')),
      ['A  /etc/keys', 'C  /etc/shadow', 'A  /home/own', 'D  /srv/a/x.crt', 'A  /srv/b/y.key'],
    );
    await live('rm etc/shadow home/own etc/keys srv/b/y.key');
  });

  await t.test('the layer cannot be written by accident, and is made again where it was unmounted', async () => {
    assert.notEqual((await machine.run('sh', ['-c', 'rm -r /run/ob/hide/*/srv'])).code, 0);
    await machine.sh('umount /run/ob/hide');
    assert.match(await rig.plan(), /unhidden: .* -> \[\]/);
    await rig.apply();
    await rig.settled();
    assert.equal(await seeLive('/etc/keys', '/real'), 'gone gone');
  });

  await t.test('another list is another layer, and needs a restart', async () => {
    rig.hosts(OWN('none'));
    assert.match(await rig.plan(), /hide: .*tree\S+ -> none[\s\S]*process\/web {2}\(restart\)/);
    await rig.apply();
    await rig.settled();
    assert.equal(await seeLive('/etc/keys/1', '/real/file'), 'there there');
    assert.equal(await machine.sh('ls -d /run/ob/hide 2>/dev/null || true'), '');
  });

  await t.test('a layer that a run which was killed has left behind goes', async () => {
    await machine.sh('mkdir -p /run/ob/hide; mount -t tmpfs ob-hide /run/ob/hide; mkdir /run/ob/hide/tree.x');
    assert.match(await rig.plan(), /^- {3}mount\/\.hide/m);
    await rig.apply();
    await rig.settled();
    rig.hosts(OWN('[/etc/keys]'));
    await rig.apply();
    assert.equal((await machine.ob('destroy')).code, 0);
    await machine.sh('mkdir -p /run/ob/hide');
    assert.equal((await machine.ob('destroy')).code, 0);
    await machine.sh('rm -r /mnt/web /mnt/tree');
    assertSame(await rig.snapshot(), before, 'something is left');
  });
});
