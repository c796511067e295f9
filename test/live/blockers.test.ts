import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import test from 'node:test';
import { noLive } from '../machine.ts';
import { assertSame } from '../snapshot.ts';
import { createRig, type Rig, textOf } from './rig.ts';

const HOSTS = `scope: demo
bridges: { ob0: { address: 10.77.0.1/24 } }
subhosts:
  web:
    base: /mnt/web
    cables: [{ bridge: ob0 }]
    start: none
`;

/** What is there already, as a shell script; how it goes; what is said of it. */
const OBSTACLES: Readonly<Record<string, readonly [make: string, remove: string, words: string]>> = {
  'a link': [
    'ip tuntap add web0 mode tap',
    'ip link delete web0',
    `in the way: link web0 (tun) exists and carries no mark of ob
    -> rename it or choose another name: ip link show web0`,
  ],
  'a cable with a mark of another program': [
    "ip link add web0 type veth peer name x; ip link set web0 alias 'ob:demo'",
    'ip link delete web0',
    `in the way: link web0 (veth) exists and carries no mark of ob
    -> rename it or choose another name: ip link show web0`,
  ],
  'a link of ours that is no cable': [
    'ip tuntap add web0 mode tap; ip link set web0 group 28514 alias ob:demo/web',
    'ip link delete web0',
    `in the way: link web0 (tun) exists, made by ob, but it is no veth
    -> ip link delete web0`,
  ],
  "a link of another scope's": [
    'ip link add web0 group 28514 type veth peer name x; ip link set web0 alias ob:other/web',
    'ip link delete web0',
    `in the way: link web0 (veth) exists and belongs to scope "other"
    -> choose another name in one of the two files`,
  ],
  'a bridge': [
    'ip link add ob0 type bridge',
    'ip link delete ob0',
    `in the way: link ob0 (bridge) exists and carries no mark of ob
    -> rename it or choose another name: ip link show ob0`,
  ],
  'a network namespace': [
    'ip netns add web',
    'ip netns delete web',
    `in the way: network namespace web exists and carries no mark of ob
    -> choose another name, or remove it if nobody needs it: ip netns delete web`,
  ],
  "a network namespace of another scope's": [
    'ip netns add web; ip -n web link set lo alias ob:other/web',
    'ip netns delete web',
    `in the way: network namespace web exists and belongs to ob:other/web
    -> choose another name in one of the two files`,
  ],
  'a mount on live': [
    'mkdir -p /mnt/web/live; mount -t tmpfs tmpfs /mnt/web/live',
    'umount /mnt/web/live',
    `in the way: a mount (tmpfs, tmpfs) is on /mnt/web/live and carries no mark of ob
    -> umount /mnt/web/live, or give the subhost another "live"`,
  ],
  "a mount of another scope's on live": [
    'mkdir -p /mnt/web/live; mount -t tmpfs ob:other/web /mnt/web/live',
    'umount /mnt/web/live',
    `in the way: a mount (tmpfs, ob:other/web) is on /mnt/web/live and belongs to ob:other/web
    -> give the subhost another "live" in one of the two files`,
  ],
  'an overlay on the same upper directory': [
    'mkdir -p /mnt/web/root /mnt/web/w /mnt/m; mount -t overlay -o lowerdir=/,upperdir=/mnt/web/root,workdir=/mnt/web/w mine /mnt/m',
    'umount /mnt/m',
    `in the way: /mnt/web/root is the upper directory of another mount already: mine on /mnt/m, seen by process 1 (sh)
    -> end that one first`,
  ],
};

async function assertBlocked(rig: Rig, words: string): Promise<void> {
  const selection = { folders: ['/mnt'], times: true };
  const before = await rig.snapshot(selection);
  for (const command of ['plan', 'apply']) {
    const ran = await rig.machine.ob(command);
    assert.equal(ran.code, 1, textOf(ran));
    assert.ok(ran.stdout.includes(`${words}\n`), textOf(ran));
    assert.match(ran.stdout, /Plan: nothing will be done while (this is|these 2 are) in the way\.\n$/);
    // The lock of an apply is in a folder of ob's own, for as long as that runs.
    assertSame((await rig.snapshot(selection)).filter(isNotRun), before.filter(isNotRun), `${command} touched something`);
  }
}

function isNotRun(line: string): boolean {
  return !/^file \/run(?:\/ob)?: /.test(line);
}

test('what is in the way is named, and nothing is touched', { skip: noLive }, async (t) => {
  const rig = await createRig(t);
  rig.hosts(HOSTS);
  await rig.machine.sh('ip netns add other');
  for (const [what, [make, remove, words]] of Object.entries(OBSTACLES))
    await t.test(what, async () => {
      await rig.machine.sh(make);
      await assertBlocked(rig, words);
      await rig.machine.sh(remove);
    });
  await rig.apply();
  await rig.settled();
});

/** What a program says first. One that ends before says nothing. */
async function firstWords(child: ChildProcess): Promise<string> {
  const ended = once(child, 'close').then(() => Promise.reject(new Error('it ended without a word')));
  const [words] = await Promise.race([once(child.stdout ?? child, 'data'), ended]);
  ended.catch(() => {});
  return String(words);
}

/** A program of the machine's that stays, once it has said its PID. */
async function stay(rig: Rig, script: string): Promise<number> {
  const child = rig.machine.start('unshare', ['-m', 'sh', '-c', `${script}; echo $$; exec sleep 1000`]);
  return Number(await firstWords(child));
}

async function end(rig: Rig, pid: number): Promise<void> {
  await rig.machine.sh(`kill ${pid}; while [ -d /proc/${pid} ]; do sleep 0.01; done`);
}

test('an overlay on the upper directory in another mount namespace is in the way', { skip: noLive }, async (t) => {
  const rig = await createRig(t);
  rig.hosts(HOSTS);
  const pid = await stay(
    rig,
    `mkdir -p /mnt/web/root /mnt/web/w /mnt/m
     mount -t overlay -o lowerdir=/,upperdir=/mnt/web/root,workdir=/mnt/web/w mine /mnt/m`,
  );
  await assertBlocked(
    rig,
    `in the way: /mnt/web/root is the upper directory of another mount already: mine on /mnt/m, seen by process ${pid} (sleep)
    -> end that one first`,
  );
  await end(rig, pid);
  await rig.apply();
  await rig.settled();
});

test('who still has the old root in another mount namespace is named', { skip: noLive }, async (t) => {
  const rig = await createRig(t);
  rig.hosts(HOSTS);
  await rig.apply();
  const pid = await stay(rig, 'cd /');
  rig.hosts(HOSTS.replace('base: /mnt/web\n', 'base: /mnt/web\n    work: other\n'));
  const ran = await rig.machine.ob('apply');
  assert.equal(ran.code, 1, textOf(ran));
  assert.match(
    ran.stdout,
    new RegExp(`FAILED   mount/web: .*ob:demo/web on /mnt/web/live, seen by process ${pid} \\(sleep\\)\n    -> end that one first`),
  );
  assert.match(ran.stdout, /skipped {2}process\/web {2}\(after the failure of mount\/web\)/);
  await end(rig, pid);
  await rig.apply();
  await rig.settled();
});

test('who keeps a root busy is named, and the rest goes on', { skip: noLive }, async (t) => {
  const rig = await createRig(t);
  rig.hosts(HOSTS);
  await rig.apply();
  const child = rig.machine.start('sh', ['-c', 'cd /mnt/web/live/etc; echo $$; exec sleep 1000']);
  const pid = Number(await firstWords(child));
  const ran = await rig.machine.ob('destroy');
  assert.equal(ran.code, 1, textOf(ran));
  assert.match(ran.stdout, new RegExp(`FAILED   mount/web: .*/mnt/web/live is in use by ${pid} \\(sleep\\)\n    -> end `));
  assert.match(ran.stdout, /removed {2}netns\/web\n/);
  await end(rig, pid);
  assert.equal((await rig.machine.ob('destroy')).code, 0);
});

test("a program of any user's that only looks like a PID 1 of ours is none", { skip: noLive }, async (t) => {
  const rig = await createRig(t);
  rig.hosts(HOSTS);
  await rig.apply();
  const words = await rig.machine.sh(`tr '\\0' ' ' </proc/${rig.pid1('web')}/cmdline | cut -d' ' -f2-`);
  assert.equal((await rig.machine.ob('destroy')).code, 0);
  await rig.machine.sh('mkdir -m 777 /mnt/any');
  const child = rig.machine.start('unshare', [
    '-pf',
    'setpriv',
    '--reuid=65534',
    '--regid=65534',
    '--clear-groups',
    'bash',
    '-c',
    LOOKALIKE,
    words,
  ]);
  await firstWords(child);
  const before = await rig.snapshot();
  assert.match(await rig.plan(), /^\+ {3}process\/web /m);
  await rig.apply();
  await rig.settled();
  assert.equal((await rig.machine.ob('destroy')).code, 0);
  assertSame(await rig.snapshot(), before, 'it was touched');
});

/** Its argument list is that of a subhost's PID 1: the mark is the name of its script. */
const LOOKALIKE = `
  cd /mnt/any; mkdir -p ob:demo; echo 'echo here; while :; do sleep 1000; done' >ob:demo/web
  set -- $0; exec -a /.reaper sh ob:demo/web "\${@:2}"`;

/** Damage that leaves a thing without any mark: what the plan says to do, and that this heals. */
const UNMARKED: Readonly<Record<string, readonly [damage: string, words: string, advice: string]>> = {
  'a cable without group and alias': [
    "ip link set web0 group default alias ''",
    'in the way: link web0 (veth) exists and carries no mark of ob\n    -> rename it or choose another name: ip link show web0',
    'ip link delete web0',
  ],
  'a cable that was taken over': [
    "ip link set web0 down; ip link set web0 group default name mine alias ''",
    'in the way: link eth0 (veth) exists in network namespace web and is no cable of ob\n    -> ip -n web link delete eth0',
    'ip -n web link delete eth0',
  ],
  'a cable whose place inside is taken': [
    'ip -n web link set eth0 down; ip -n web link set eth0 name lan0; ip -n web link add eth0 type bridge',
    'in the way: link eth0 (bridge) exists in network namespace web and is no cable of ob\n    -> ip -n web link delete eth0',
    'ip -n web link delete eth0',
  ],
  "somebody's namespace over ours": [
    'ip netns add mine; mount --bind /run/netns/mine /run/netns/web',
    'in the way: network namespace web exists and carries no mark of ob\n    -> it is mounted over another one: umount /run/netns/web',
    'umount /run/netns/web; ip netns delete mine',
  ],
  "somebody's mount in the place of ours": [
    'umount /mnt/web/live; mount -t tmpfs tmpfs /mnt/web/live',
    'in the way: a mount (tmpfs, tmpfs) is on /mnt/web/live and carries no mark of ob\n    -> umount /mnt/web/live, or give the subhost another "live"',
    'umount /mnt/web/live',
  ],
};

test('what has lost its mark is in the way, and what is advised helps', { skip: noLive }, async (t) => {
  const rig = await createRig(t);
  rig.hosts(HOSTS);
  await rig.apply();
  for (const [what, [damage, words, advice]] of Object.entries(UNMARKED))
    await t.test(what, async () => {
      await rig.machine.sh(damage);
      await assertBlocked(rig, words);
      await rig.machine.sh(advice);
      await rig.apply();
      await rig.settled();
    });
});

test('a cable that has neither its alias nor its name is known by its other end', { skip: noLive }, async (t) => {
  const rig = await createRig(t);
  rig.hosts(HOSTS);
  await rig.apply();
  await rig.machine.sh("ip link set web0 alias ''; ip link set web0 down; ip link set web0 name x");
  assert.match(await rig.plan(), /^- {3}veth\/x .*\n\+ {3}veth\/web0 /m);
  await rig.apply();
  await rig.settled();
  assert.equal(await rig.machine.sh('ip -o link show type veth | wc -l'), '1');
});

test('a limit that leaves out who has what is wanted stops nobody for it', { skip: noLive }, async (t) => {
  const rig = await createRig(t);
  const hosts = (web: string, client: string): string =>
    `scope: demo\ndefaults: { start: none }\nsubhosts:\n  web: { base: /mnt/web, upper: /mnt/${web} }\n  client: { base: /mnt/client, upper: /mnt/${client} }\n`;
  await rig.machine.sh('mkdir /mnt/a /mnt/b');
  rig.hosts(hosts('a', 'b'));
  await rig.apply();
  const pid = rig.pid1('web');
  rig.hosts(hosts('b', 'a'));
  for (const words of ['apply --limit web', 'restart web']) {
    const ran = await rig.machine.ob(...words.split(' '));
    assert.equal(ran.code, 1, words);
    assert.match(
      ran.stdout,
      /^in the way: \/mnt\/b is what (?:mount|process)\/client has\n {4}-> choose another, or let client be changed as well: --limit with it, or none$/m,
      words,
    );
    assert.equal(rig.pid1('web'), pid);
  }
  await rig.apply('--limit', 'web,client');
  await rig.settled();
});
