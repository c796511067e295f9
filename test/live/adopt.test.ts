import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { createMachine, noLive, OB, type TestMachine } from '../machine.ts';
import { assertSame, snapshot } from '../snapshot.ts';
import { textOf } from './rig.ts';

// With overlay-boot 1.6.4 itself, Debian's package, unpacked in the disposable machine.

const FETCH = fileURLToPath(new URL('../../scripts/fetch-overlay-boot', import.meta.url));
const CACHE = fileURLToPath(new URL('../../node_modules/.cache/ob/overlay-boot', import.meta.url));

const fetched = noLive ? { status: 1, stdout: '', stderr: '' } : spawnSync(FETCH, [CACHE], { encoding: 'utf8', timeout: 150_000 });
const skip = noLive ?? (fetched.status === 0 ? false : `overlay-boot cannot be had: ${fetched.stderr?.trim() || 'no answer in time'}`);

/** A service that says how it was told to start and to end. */
const SERVICE = `#!/bin/sh
echo "$1" >>/said
[ "$1" = start ] || exit 0
sh -c 'trap "[ ! -e /slow ] || sleep 2; echo told to end >>/said; exit" TERM; echo >/up; while :; do sleep 1000 & wait; done' >/dev/null 2>&1 &
`;

/** A machine with overlay-boot, a bridge br0, and what overlay-boot calls of bridge-utils. */
async function createOld(t: TestContext): Promise<TestMachine> {
  const machine = await createMachine(t);
  await machine.sh(`
    dpkg-deb -x '${fetched.stdout.trim()}' /run/package
    mv /run/package/var/lib/overlay-boot /var/lib/ && rm -r /run/package
    mkdir -p /mnt/bin
    ip link add br0 address 02:00:0a:4d:00:01 type bridge && ip link set br0 up
    # The first makes /run/netns a mount point, and it stays one.
    ip netns add any && ip netns delete any`);
  machine.write('/mnt/bin/brctl', '#!/bin/sh\nexec ip link set "$3" master "$2"\n');
  await machine.sh('chmod 755 /mnt/bin/brctl');
  return machine;
}

async function writeConf(machine: TestMachine, name: string, cables: string): Promise<string> {
  const base = `/mnt/${name}`;
  await machine.sh(`mkdir -p ${base}/root/opt ${base}/work ${base}/live`);
  machine.write(`${base}/root/opt/service`, SERVICE);
  await machine.sh(`chmod 755 ${base}/root/opt/service`);
  machine.write(`${base}/${name}.conf`, `BASE=.\nCABLES=${cables}\nSTART=/opt/service\nLOG=${base}/log\n`);
  return `${base}/${name}.conf`;
}

async function boot(machine: TestMachine, conf: string): Promise<void> {
  await machine.sh(`rm -f $(dirname ${conf})/root/up`);
  // It goes on in the background, and must not have the pipes of this test.
  await machine.sh(`PATH=$PATH:/mnt/bin /var/lib/overlay-boot/overlay-boot ${conf} </dev/null >/dev/null 2>&1`);
  // Its PID 1 is the reaper once the start list has been gone through.
  await machine.sh(`timeout 60 sh -c 'until [ -e $(dirname ${conf})/root/up ] && grep -q reaper /proc/[0-9]*/comm; do sleep 0.05; done'`);
}

function look(machine: TestMachine): Promise<string[]> {
  return snapshot({ root: `/proc/${machine.pid}/root`, run: machine.run });
}

/** What runs in the network namespace of a subhost, and since when; its links and their bridges. */
function seen(machine: TestMachine, name: string): Promise<string> {
  return machine.sh(`
    for p in $(ip netns pids ${name}); do echo $p $(cat /proc/$p/comm) $(cut -d' ' -f22 /proc/$p/stat); done
    stat -Lc %i /run/netns/${name}; ip -n ${name} -br link; ip -br link show master br0`);
}

async function expectOb(machine: TestMachine, code: number, ...words: string[]): Promise<string> {
  const ran = await machine.ob(...words);
  assert.equal(ran.code, code, `ob ${words.join(' ')}: ${textOf(ran)}`);
  return ran.stdout;
}

const DUE = `needs a restart: mount/web: its root is mounted where only its own processes see it
needs a restart: process/web: its PID 1 is that of overlay-boot
`;

test('a subhost that overlay-boot runs is taken over while it runs, and stopped', { skip }, async (t) => {
  const machine = await createOld(t);
  const conf = await writeConf(machine, 'web', 'br0=02:00:0a:4d:00:07 br0=');
  const empty = await look(machine);
  await boot(machine, conf);
  const before = await seen(machine, 'web');
  const all = await look(machine);

  const plan = await expectOb(machine, 1, 'plan', conf);
  assert.match(plan, /^in the way: overlay-boot runs web: its PID 1 is process \d+ \(.reaper\)\n {4}-> ob apply --adopt takes it over/m);
  assert.equal(plan.match(/^in the way/gm)?.length, 1, plan);
  assertSame(await look(machine), all, 'plan touched something');

  const adopted = await expectOb(machine, 0, 'apply', '--adopt', conf);
  assert.match(
    adopted,
    /^adopted {2}process\/web {2}\d+ processes, PID 1 is \d+\nadopted {2}veth\/web0\nadopted {2}veth\/web1\nadopted {2}netns\/web\n/,
  );
  assert.ok(adopted.endsWith(`${DUE}    -> ob restart web --file ${conf}\n`), adopted);
  assert.equal(await seen(machine, 'web'), before, 'it did not go on as it was');
  const marked = await look(machine);
  assert.equal(await expectOb(machine, 0, 'apply', '--adopt', conf), `${DUE}    -> ob restart web --file ${conf}\n`);
  assertSame(await look(machine), marked, 'the second run touched something');

  assert.match(await expectOb(machine, 0, 'list'), /^web +default +\d+$/m);
  assert.match(
    (await machine.ob('exec', 'web', '--', 'true')).stderr,
    /overlay-boot has started web: .*\n {4}-> ob restart web; or overlay-go web/,
  );
  const next = await expectOb(machine, 0, 'plan', conf);
  assert.match(next, /^\+ {3}mount\/web .*\n! {3}process\/web {2}\(restart\)\n {6}boot: overlay-boot -> \w+\n/m);

  await expectOb(machine, 0, 'stop', 'web');
  assert.equal(await machine.sh('cat /mnt/web/root/said'), 'start\ntold to end');
  await expectOb(machine, 0, 'destroy', 'web');
  assertSame(await look(machine), empty, 'something is left');
});

test('a restart makes it wholly of ob, on its upper directory and with its cables', { skip }, async (t) => {
  const machine = await createOld(t);
  const conf = await writeConf(machine, 'web', 'br0=02:00:0a:4d:00:07');
  await boot(machine, conf);
  const ends = (): Promise<string> =>
    machine.sh('cat /sys/class/net/web0/ifindex; ip -n web -br link | cut -d" " -f1; stat -Lc %i /run/netns/web');
  const cables = await ends();
  const yaml = await machine.ob('import', '--running');
  assert.equal(yaml.code, 0, textOf(yaml));
  assert.match(
    yaml.stdout,
    /^subhosts:\n {2}web:\n {4}base: \/mnt\/web\n {4}hide: none\n {4}cables: \["br0=02:00:0a:4d:00:07"\]\n {4}# live cannot be seen/,
  );
  assert.match(yaml.stderr, /^web: start cannot be seen: .*what runs is sh/m);
  machine.write('/mnt/hosts.yaml', `${yaml.stdout}    start: [/opt/service]\n  other: { base: /mnt/other, start: none }\n`);

  const adopted = await expectOb(machine, 0, 'apply', '--adopt');
  assert.match(adopted, /^adopted {2}veth\/web0$/m);
  assert.match(adopted, /^made +process\/other( .*)?$/m);
  assert.doesNotMatch(adopted, /(made|changed|stopped|removed) +\w+\/web/);

  // Its root has to wait for a service that takes its time.
  await machine.sh('echo kept >/mnt/web/root/kept; touch /mnt/web/root/slow');
  await expectOb(machine, 0, 'apply');
  assert.equal(await ends(), cables);
  assert.equal(await machine.sh('cat /mnt/web/root/said'), 'start\ntold to end\nstart');
  assert.equal(await expectOb(machine, 0, 'exec', 'web', '--', 'cat', '/kept'), 'kept\n');
  assert.match(await expectOb(machine, 0, 'plan'), /^Nothing to do: /);
  assert.equal(await machine.sh('ls /sys/fs/cgroup | grep -x web || grep -l [o]verlay-boot /proc/[0-9]*/cmdline || true'), '');
  assert.doesNotMatch(await expectOb(machine, 0, 'apply', '--adopt'), /adopted|needs a restart/);
  await expectOb(machine, 0, 'destroy');
});

/** In the place of ip: the batch with these words goes on for ever. */
const HANGING_IP = `#!/bin/sh
case " $* " in *' -batch '*) ;; *) exec /usr/sbin/ip "$@" ;; esac
cat >/run/batch.$$
! grep -q "$(cat /run/hang)" /run/batch.$$ || { echo $$ >/run/reached; exec sleep 1000; }
exec /usr/sbin/ip "$@" </run/batch.$$
`;

/** Runs ob until ip is given these words, and kills it then. */
async function killAt(machine: TestMachine, words: string, ...command: string[]): Promise<void> {
  machine.write('/run/hang', words);
  await machine.sh(`
    ${OB} ${command.join(' ')} >/dev/null 2>&1 & timeout 60 sh -c 'until [ -s /run/reached ]; do sleep 0.05; done'
    kill -9 $(cut -d' ' -f1 /run/ob/lock) $(cat /run/reached); rm /run/reached; wait || true`);
}

test('what was cut off in the middle is finished by the next run', { skip }, async (t) => {
  const machine = await createOld(t);
  const conf = await writeConf(machine, 'web', 'br0= br0=');
  await boot(machine, conf);
  const before = await seen(machine, 'web');
  await machine.sh('mount -t tmpfs tmpfs /usr/local/sbin');
  machine.write('/usr/local/sbin/ip', HANGING_IP);
  await machine.sh('chmod 755 /usr/local/sbin/ip');
  for (const step of ['dev web0 group', 'dev lo alias']) {
    await killAt(machine, step, 'apply', '--adopt', conf);
    const plan = await expectOb(machine, 1, 'plan', conf);
    assert.match(plan, /^in the way: overlay-boot runs web: .*\n {4}-> ob apply --adopt/m, step);
    assert.equal(plan.match(/^in the way/gm)?.length, 1, plan);
  }
  await machine.sh('umount /usr/local/sbin');
  assert.equal(await machine.sh('ip -d link show web0 | grep -c ob:default/web; ip -n web -d link show lo | grep -c ob: || true'), '1\n0');
  assert.match(await expectOb(machine, 0, 'apply', '--adopt', conf), /^adopted {2}process\/web .*\nadopted {2}netns\/web$/m);
  assert.equal(await seen(machine, 'web'), before);
  assert.doesNotMatch(await expectOb(machine, 0, 'apply', '--adopt', conf), /^adopted/m);
  await expectOb(machine, 0, 'destroy', 'web');
});

test('what is not surely the subhost of the file is not taken over', { skip }, async (t) => {
  const machine = await createOld(t);
  const conf = await writeConf(machine, 'web', '');
  await boot(machine, conf);
  const refused = async (why: RegExp): Promise<void> => {
    const before = await look(machine);
    assert.match(await expectOb(machine, 1, 'plan', conf), why);
    assert.match(await expectOb(machine, 1, 'apply', '--adopt', conf), why);
    const after = (await look(machine)).filter((line) => !line.startsWith('file /run: '));
    assertSame(
      after,
      before.filter((line) => !line.startsWith('file /run: ')),
      String(why),
    );
  };
  const text = machine.read(conf);
  machine.write(conf, `${text}UPPER=other\n`);
  await refused(/cannot be taken over: its upper is \/mnt\/web\/root, and \/mnt\/web\/other in the file/);
  machine.write(conf, `${text}LOWER=/usr\n`);
  await refused(/cannot be taken over: its lower is \/, and \/usr in the file/);
  machine.write(conf, text);
  // 1.6.4 starts a second one beside the first.
  await boot(machine, conf);
  await refused(/cannot be taken over: it runs twice: PID 1 is \d+ \(.reaper\) and \d+ \(.reaper\)/);
});
