import assert from 'node:assert/strict';
import { chmodSync, existsSync } from 'node:fs';
import { type TestContext, test } from 'node:test';
import { createMachine, noLive, OB, rootOnly, type TestMachine } from '../machine.ts';
import { until } from '../reaper/rig.ts';

const SETUP = `#!/bin/sh
echo "$ACTION" >>/mnt/log
env | sort >/mnt/env.$ACTION
pwd >>/mnt/env.$ACTION
if [ "$ACTION" = teardown ]; then
  grep -q " overlay " /proc/mounts && echo "root is still mounted" >>/mnt/log
  ! mountpoint -q /mnt/store || umount /mnt/store
  exit
fi
mkdir -p /mnt/store && mount -t tmpfs store /mnt/store && mkdir /mnt/store/root
echo "words before the last line"
echo /mnt/store/root
`;

function program(machine: TestMachine, path: string, text: string): void {
  machine.write(path, text);
  chmodSync(`/proc/${machine.pid}/root${path}`, 0o755);
}

async function succeed(machine: TestMachine, ...words: string[]): Promise<string> {
  const ran = await machine.ob(...words);
  assert.equal(ran.code, 0, `ob ${words.join(' ')}\n${ran.stdout}${ran.stderr}`);
  return ran.stdout;
}

const hosts = (more: string): string => `subhosts:\n  web:\n    base: /mnt/web\n    start: none\n${more}`;
const WITH_SETUP = hosts('    upper: /mnt/setup\n    work: /mnt/store/work\n');

async function createSetUp(t: TestContext): Promise<{ machine: TestMachine; log: () => Promise<string> }> {
  const machine = await createMachine(t);
  program(machine, '/mnt/setup', SETUP);
  machine.write('/mnt/hosts.yaml', WITH_SETUP);
  return { machine, log: () => machine.sh('echo $(cat /mnt/log); :>/mnt/log') };
}

async function isSettled(machine: TestMachine): Promise<void> {
  const { code, stdout } = await machine.ob('plan', '--detailed-exitcode');
  assert.equal(code, 0, stdout);
}

const PID1 = 'head -1 /sys/fs/cgroup/ob/default/web/cgroup.procs';

test('a program as upper sets up before the root is mounted and tears down once after the subhost has ended', {
  skip: noLive,
}, async (t) => {
  const { machine, log } = await createSetUp(t);
  await succeed(machine, 'plan');
  assert.equal(await machine.sh('ls /mnt'), 'hosts.yaml\nsetup', 'a plan runs nothing');

  await succeed(machine, 'apply');
  assert.equal(await log(), 'setup');
  assert.match(await machine.sh('cat /proc/mounts'), /^ob:default\/web@\S+ \/mnt\/web\/live overlay .*upperdir=\/mnt\/store\/root,/m);
  await isSettled(machine);

  await t.test('in an environment of its own', async () => {
    const env = await machine.sh('cat /mnt/env.setup');
    for (const line of ['ACTION=setup', 'NAME=web', 'BASE=/mnt/web', 'LOWER=/', 'LIVE=/mnt/web/live', 'CONFIG=/mnt/hosts.yaml', '/mnt/web'])
      assert(env.split('\n').includes(line), `${line} is not in\n${env}`);
    assert.doesNotMatch(env, /^HOME=/m);
  });

  await t.test('after stop', async () => {
    await succeed(machine, 'stop', 'web');
    assert.equal(await log(), 'teardown');
    assert.equal(await machine.sh('grep -c "ob:\\|store" /proc/mounts || true'), '0');
    for (const line of ['NAME=web', 'UPPER=/mnt/store/root', 'CONFIG=/mnt/hosts.yaml', 'BASE=/mnt/web', '/mnt/web'])
      assert((await machine.sh('cat /mnt/env.teardown')).split('\n').includes(line), line);
  });

  await t.test('a restart keeps it', async () => {
    await succeed(machine, 'start', 'web');
    await succeed(machine, 'restart', 'web');
    assert.equal(await log(), 'setup');
  });

  await t.test('where PID 1 was killed, the next apply tears down and sets up again', async () => {
    await machine.sh(`kill -9 $(${PID1})`);
    await succeed(machine, 'apply');
    assert.equal(await log(), 'teardown setup');
    await isSettled(machine);
  });

  await t.test('where its services have ended by themselves, the next apply does, or destroy', async () => {
    const end = async (): Promise<void> => {
      await machine.ob('exec', 'web', '--', 'sh', '-c', 'echo >/run/dummy_service');
      await machine.sh("while grep -q 'populated 1' /sys/fs/cgroup/ob/default/web/cgroup.events; do sleep 0.01; done");
    };
    await end();
    assert.equal(await log(), '');
    await succeed(machine, 'apply');
    assert.equal(await log(), 'teardown setup');
    await end();
    await succeed(machine, 'destroy');
    assert.equal(await log(), 'teardown');
    await succeed(machine, 'destroy');
    await succeed(machine, 'apply');
    assert.equal(await log(), 'setup');
  });

  await t.test('after destroy by name, without the file', async () => {
    await machine.sh('rm /mnt/hosts.yaml');
    await succeed(machine, 'destroy', 'web');
    assert.equal(await log(), 'teardown');
    assert.equal(await machine.sh('grep -c "ob:\\|store" /proc/mounts || true'), '0');
  });
});

test('a base that others could write is taken back before the program in it tears down, but not a program of theirs', {
  skip: noLive,
}, async (t) => {
  const { machine, log } = await createSetUp(t);
  await machine.sh('mkdir /mnt/web; mv /mnt/setup /mnt/web');
  machine.write('/mnt/hosts.yaml', WITH_SETUP.replace('/mnt/setup', '/mnt/web/setup'));
  await succeed(machine, 'apply');
  await machine.sh('chown 65534:65534 /mnt/web; chmod 777 /mnt/web');
  await succeed(machine, 'stop', 'web');
  assert.equal(await log(), 'setup teardown');
  assert.equal(await machine.sh('stat -c "%u:%g %a" /mnt/web'), '0:0 700');

  await succeed(machine, 'start', 'web');
  await machine.sh('chown 65534:65534 /mnt/web/setup');
  const refused = await machine.ob('destroy');
  assert.equal(refused.code, 1);
  assert.match(refused.stdout, /would be run as root, and others than root can change \/mnt\/web\/setup/);
  assert.equal(await log(), 'setup');
});

test('a run that is killed while the program sets up or tears down is healed by the next one', { skip: noLive }, async (t) => {
  const { machine, log } = await createSetUp(t);
  /** Kills ob at the moment when the program does ACTION, and sees that the program does not go on. */
  const killAt = async (action: string, ...words: string[]): Promise<void> => {
    const hang = `[ $ACTION != ${action} ] || { echo $PPID $$ >/mnt/new; mv /mnt/new /mnt/here; exec sleep 1000; }`;
    program(
      machine,
      '/mnt/setup',
      SETUP.replace('\n', () => `\n${hang}\n`),
    );
    const run = machine.ob(...words);
    await until(`${words[0]} comes to its ${action}`, () => existsSync(`/proc/${machine.pid}/root/mnt/here`));
    const [ob, hung] = machine.read('/mnt/here').trim().split(' ');
    await machine.sh(`kill -9 ${ob}; rm /mnt/here`);
    assert.notEqual((await run).code, 0);
    await until('the program has ended', () => !existsSync(`/proc/${machine.pid}/root/proc/${hung}`));
    program(machine, '/mnt/setup', SETUP);
  };
  await killAt('setup', 'apply');
  await succeed(machine, 'apply');
  assert.equal(await log(), 'teardown setup');
  await killAt('teardown', 'stop', 'web');
  await succeed(machine, 'apply');
  assert.equal(await log(), 'teardown setup');
  await killAt('teardown', 'destroy');
  await succeed(machine, 'destroy');
  assert.equal(await log(), 'teardown');
  assert.equal(await machine.sh('grep -c ob: /proc/mounts || true'), '0');
});

test('what goes wrong with a program as upper is told in its own words', { skip: noLive }, async (t) => {
  const machine = await createMachine(t);
  machine.write('/mnt/hosts.yaml', WITH_SETUP);
  const cases: readonly (readonly [string, RegExp])[] = [
    ['[ $ACTION = teardown ] || { echo no disk >&2; exit 3; }', /setup of upper failed: no disk \(exit 3\)/],
    ['true', /upper: \/mnt\/setup printed "": this is no directory/],
    ['echo /mnt/nothing', /printed "\/mnt\/nothing": \/mnt\/nothing is no directory/],
    ['echo "/mnt/a,b"', /it holds a character that mount options have another use for/],
    ['echo /', /this is the root directory of this machine/],
  ];
  for (const [script, words] of cases) {
    program(machine, '/mnt/setup', `#!/bin/sh\n${script}\n`);
    const ran = await machine.ob('apply');
    assert.equal(ran.code, 1, script);
    assert.match(ran.stdout + ran.stderr, words);
  }
  program(machine, '/mnt/setup', '#!/bin/sh\necho "disk is busy" >&2; exit 1\n');
  const stuck = await machine.ob('destroy');
  assert.match(stuck.stdout, /teardown of upper failed: disk is busy \(exit 1\).*\n.*umount \/mnt\/web\/live/);
  program(machine, '/mnt/setup', '#!/bin/sh\n');
  await machine.sh('chmod o+w /mnt/setup');
  assert.match((await machine.ob('apply')).stdout, /\/mnt\/setup would be run as root, and others than root can change \/mnt\/setup/);
  await machine.sh('chmod o-w /mnt/setup');
  await succeed(machine, 'destroy');
  assert.equal(await machine.sh('grep -c ob: /proc/mounts || true'), '0');
});

test('commands run before and after the root is mounted', { skip: noLive }, async (t) => {
  const machine = await createMachine(t);
  program(machine, '/mnt/before', '#!/bin/sh\necho "$# $1 $NAME $(grep -c "^ob:" /proc/mounts)" >>/mnt/log; pwd >>/mnt/log\n');
  program(machine, '/mnt/after', '#!/bin/sh\necho "$1 $CONFIG" >>/mnt/log; echo seen >$LIVE/etc/seen\n');
  machine.write('/mnt/hosts.yaml', hosts('    premount: ../before $(id);x\n    postmount: [/mnt/after, "two words"]\n'));
  await succeed(machine, 'apply');
  assert.equal(await machine.sh('cat /mnt/log'), '1 $(id);x web 0\n/mnt/web\ntwo words /mnt/hosts.yaml');
  assert.equal(await succeed(machine, 'exec', 'web', '--', 'cat', '/etc/seen'), 'seen\n');
  await isSettled(machine);

  await succeed(machine, 'stop', 'web');
  await succeed(machine, 'apply');
  assert.equal(await machine.sh('wc -l </mnt/log'), '6', 'they are run again when the subhost starts again');

  await succeed(machine, 'destroy');
  for (const [key, path] of [
    ['premount', '/mnt/before'],
    ['postmount', '/mnt/after'],
  ] as const) {
    machine.write('/mnt/hosts.yaml', hosts(`    ${key}: ${path}\n`));
    program(machine, path, '#!/bin/sh\necho the words >&2; exit 7\n');
    const ran = await machine.ob('apply');
    assert.equal(ran.code, 1);
    assert.match(ran.stdout, new RegExp(`mount/web.*\\n?.*${key} failed: the words \\(exit 7\\); ran: ${path}`));
    assert.equal(await machine.sh('ls /sys/fs/cgroup/ob 2>/dev/null || true'), '', 'nothing was started');
    program(machine, path, '#!/bin/sh\n');
    await succeed(machine, 'apply');
    await succeed(machine, 'destroy');
  }
});

test('where the root is mounted already, postmount is run before each start', { skip: noLive }, async (t) => {
  const machine = await createMachine(t);
  await machine.sh('mkdir /mnt/u /mnt/w /mnt/tree; mount -t overlay -o lowerdir=/,upperdir=/mnt/u,workdir=/mnt/w tree /mnt/tree');
  program(machine, '/mnt/after', '#!/bin/sh\necho "after $LIVE $UPPER" >>/mnt/log\n');
  machine.write('/mnt/web.conf', 'BASE=web\nLOWER=/mnt/tree\nUPPER=/mnt/tree\nLIVE=/mnt/tree\nSTART=none\nPOSTMOUNT=/mnt/after\n');
  await machine.sh('mkdir /mnt/web');
  await succeed(machine, 'apply', '/mnt/web.conf');
  await succeed(machine, 'restart', 'web', '--file', '/mnt/web.conf');
  assert.equal(await machine.sh('cat /mnt/log'), 'after /mnt/tree /mnt/tree\nafter /mnt/tree /mnt/tree');
  program(machine, '/mnt/after', '#!/bin/sh\necho no luck >&2; exit 7\n');
  const failed = await machine.ob('restart', 'web', '--file', '/mnt/web.conf');
  assert.match(failed.stdout, /process\/web.*postmount failed: no luck \(exit 7\)/);
});

test('what init prints is run inside in place of the start list', { skip: noLive }, async (t) => {
  const machine = await createMachine(t);
  program(
    machine,
    '/mnt/boot',
    '#!/bin/sh\necho "$NAME $UPPER" >>/mnt/log\necho "echo up as $NAME >/root/seen"\necho "sleep 1000 &"\ncat /mnt/more\n',
  );
  machine.write('/mnt/more', 'echo "$1" >>/root/seen\n');
  const text = hosts('    init: ../boot\n').replace('start: none', 'start: [nothing-of-this]');
  machine.write('/mnt/hosts.yaml', text);
  await succeed(machine, 'apply');
  assert.equal(await machine.sh('cat /mnt/log'), 'web /mnt/web/root');
  assert.equal(await succeed(machine, 'exec', 'web', '--', 'cat', '/root/seen'), 'up as web\nstart\n');
  assert.match(
    await succeed(machine, 'exec', 'web', '--', 'sh', '-c', 'cat /proc/[0-9]*/comm; stat -c %a%u /.ob-init'),
    /^sleep$[\s\S]*^7000$/m,
  );
  await isSettled(machine);

  await t.test('on each start, and never on stop', async () => {
    await machine.sh('rm /mnt/web/live/.ob-init; ln -s /mnt/canary /mnt/web/live/.ob-init');
    await succeed(machine, 'restart', 'web');
    assert.equal(await machine.sh('wc -l </mnt/log; ls /mnt/canary 2>/dev/null || true'), '2');
    assert.equal(await succeed(machine, 'exec', 'web', '--', 'cat', '/root/seen'), 'up as web\nstart\n');
  });

  await t.test('another command makes it restart', async () => {
    machine.write('/mnt/hosts.yaml', text.replace('../boot', '../boot again'));
    assert.match((await machine.ob('plan')).stdout, /process\/web {2}\(restart\)/);
    await succeed(machine, 'apply');
  });

  await t.test('its failure is told in its own words, and it is run again', async () => {
    machine.write('/mnt/more', 'echo no luck >&2; exit 4\n');
    const failed = await machine.ob('restart', 'web');
    assert.match(failed.stdout, /process\/web.*\/\.ob-init start: exit 4: .*no luck/);
    machine.write('/mnt/more', '');
    await succeed(machine, 'restart', 'web');
    await isSettled(machine);
  });

  await t.test('without it nothing is started', async () => {
    for (const [script, words] of [
      ['echo no words >&2; exit 1', /init failed: no words \(exit 1\)/],
      ['true', /init: \.\.\/boot again printed nothing/],
    ] as const) {
      program(machine, '/mnt/boot', `#!/bin/sh\n${script}\n`);
      const failed = await machine.ob('restart', 'web');
      assert.equal(failed.code, 1);
      assert.match(failed.stdout, words);
      assert.equal(await machine.sh('cat /sys/fs/cgroup/ob/default/web/cgroup.procs 2>/dev/null | wc -l'), '0');
    }
  });
});

test('a file of overlay-boot with commands means the same', { skip: noLive }, async (t) => {
  const machine = await createMachine(t);
  await machine.sh('mkdir -p /mnt/opt/web/bin');
  program(machine, '/mnt/opt/web/bin/setup', SETUP);
  program(
    machine,
    '/mnt/opt/web/hook',
    '#!/bin/sh\necho "$1 $CONFIG" >>/mnt/log\n[ $1 = before ] || { mount -t tmpfs below $LIVE/srv && mkdir $LIVE/srv/in && mount -t tmpfs below $LIVE/srv/in; }\n',
  );
  program(machine, '/mnt/opt/web/init', '#!/bin/sh\necho "echo $CONFIG >/root/seen"\necho "exec /.reaper $NAME"\n');
  machine.write(
    '/mnt/opt/web/web.conf',
    'BASE=.\nUPPER=bin/setup\nWORK=!echo /mnt/store/work\nSTART=none\nCABLES=!echo = =\nPREMOUNT=hook before\nPOSTMOUNT=./hook after\nINIT=./init\n',
  );
  const conf = '/mnt/opt/web/web.conf';
  await succeed(machine, 'apply', conf);
  assert.equal(await machine.sh('cat /mnt/log'), `setup\nbefore ${conf}\nafter ${conf}`);
  assert.equal(await succeed(machine, 'exec', 'web', '--', 'cat', '/root/seen'), `${conf}\n`);
  assert.equal(await machine.sh('ip -br link show group 28514 | wc -l'), '2');
  await machine.sh(`rm ${conf}`);
  await succeed(machine, 'destroy', 'web');
  assert.equal(await machine.sh('tail -1 /mnt/log; grep -c "below\\|ob:" /proc/mounts || true'), 'teardown\n0');
});

const VALUES = `subhosts:
  web:
    base: "!/mnt/say base /mnt/web"
    upper: "!/mnt/say upper up $(id)"
    live: "!/mnt/say live !/mnt/say"
    start: "!/mnt/say start none"
    cables: ["!/mnt/say cables = ="]
    ram_size: "!/mnt/say ram 20M"
`;
const SAY = '#!/bin/sh\necho "$1" >>/mnt/log; shift; echo "$@"\n';

test('what a command prints is the value, run once for each run of ob', { skip: noLive }, async (t) => {
  const machine = await createMachine(t);
  program(machine, '/mnt/say', SAY);
  machine.write('/mnt/hosts.yaml', VALUES);
  const log = (): Promise<string> => machine.sh('echo $(cat /mnt/log 2>/dev/null); :>/mnt/log');
  const ALL = 'base upper live start cables ram';
  const plan = await succeed(machine, 'plan');
  assert.match(plan, /overlay on \/mnt\/web\/!\/mnt\/say, upper \/mnt\/web\/up \$\(id\), lower \//);
  assert.match(plan, /veth\/web1/);
  assert.equal(await log(), ALL);
  await succeed(machine, 'apply');
  assert.equal(await log(), ALL);
  await isSettled(machine);
  await log();

  await t.test('also where it has to wait for another run', async () => {
    await machine.sh('touch /mnt/held; mkdir -p -m 700 /run/ob');
    const other = machine.run('flock', ['/run/ob/lock', 'sh', '-c', 'touch /mnt/has; while [ -e /mnt/held ]; do sleep 0.05; done']);
    const isThere = (path: string): boolean => existsSync(`/proc/${machine.pid}/root${path}`);
    await until('the other run has the lock', () => isThere('/mnt/has'));
    const run = machine.run('sh', ['-c', `cd /mnt; ${OB} apply --lock-timeout 60 --json >/mnt/waits`]);
    await until('it waits', () => isThere('/mnt/waits') && machine.read('/mnt/waits').includes('"waiting"'));
    assert.equal(await log(), '');
    await machine.sh('rm /mnt/held');
    assert.deepEqual([(await other).code, (await run).code], [0, 0]);
    assert.equal(await log(), ALL);
  });

  await t.test('never for who is not root', { skip: rootOnly }, async () => {
    await machine.sh('chmod 755 /mnt/web');
    const ran = await machine.run('node', [`${process.cwd()}/dist/ob.js`, 'validate', '/mnt/hosts.yaml'], { uid: 65534 });
    assert.deepEqual([ran.code, ran.stderr], [0, '']);
    assert.equal(await log(), '');
  });

  await t.test('never by destroy', async () => {
    await succeed(machine, 'destroy', 'web');
    assert.equal(await log(), '');
  });

  await t.test('never if others than root can change the file or a folder above it', async () => {
    for (const path of ['/mnt/hosts.yaml', '/mnt', '/mnt/say']) {
      await machine.sh(`chmod o+w ${path}`);
      const ran = await machine.ob('plan');
      assert.equal(ran.code, 65, path);
      assert.match(ran.stderr, new RegExp(`^hosts.yaml:3:11: .*: not run as root: others than root can change ${path};`, 'm'));
      await machine.sh(`chmod o-w ${path}`);
    }
    assert.equal(await log(), '');
  });

  await t.test('its failure is told where it stands', async () => {
    machine.write(
      '/mnt/hosts.yaml',
      hosts('    lower: "!ls /nowhere"\n    work: "!nothing"\n    live: "!"\n    ram_size: "!sleep 1000"\n'),
    );
    const { code, stderr } = await machine.ob('validate');
    assert.equal(code, 65);
    assert.match(
      stderr,
      /^hosts.yaml:5:12: "!ls \/nowhere": it failed: .*ls: cannot access '\/nowhere': No such file or directory \(exit 2\)$/m,
    );
    assert.match(stderr, /^hosts.yaml:6:11: "!nothing": there is no program nothing$/m);
    assert.match(stderr, /^hosts.yaml:8:15: "!sleep 1000": it failed: .*no answer within 10 s/m);
    assert.match(stderr, /^hosts.yaml:7:11: "!" stands before a command, and none is there$/m);
  });
});
