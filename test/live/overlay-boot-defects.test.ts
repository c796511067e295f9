import assert from 'node:assert/strict';
import { mkdirSync, rmSync } from 'node:fs';
import { type TestContext, test } from 'node:test';
import { linesOf } from '../cli/helpers.ts';
import { createMachine, noLive, type TestMachine } from '../machine.ts';
import { assertSame, snapshot } from '../snapshot.ts';
import { textOf } from './rig.ts';

// What overlay-boot 1.6.4 does wrong, done right from the same files: docs/overlay-boot.md has the whole list.

const FOLDER = '/mnt/opt/web';
const CONF = `${FOLDER}/web.conf`;

interface Rig {
  readonly machine: TestMachine;
  write(path: string, text: string): void;
  /** Must succeed; gives what it printed. */
  ob(...words: string[]): Promise<string>;
  /** Must fail with this code; gives all that it said. */
  refused(code: number, ...words: string[]): Promise<string>;
  /** PIDs of all PID 1s. */
  inits(): Promise<string[]>;
}

async function createRig(t: TestContext): Promise<Rig> {
  const machine = await createMachine(t);
  const run = async (expected: number, words: readonly string[]): Promise<string> => {
    const ran = await machine.ob(...words);
    assert.equal(ran.code, expected, `ob ${words.join(' ')}: ${textOf(ran)}`);
    return ran.stdout + ran.stderr;
  };
  const rig: Rig = {
    machine,
    write(path, text) {
      mkdirSync(`/proc/${machine.pid}/root${path.slice(0, path.lastIndexOf('/'))}`, { recursive: true });
      machine.write(path, text);
    },
    ob: (...words) => run(0, words),
    refused: (code, ...words) => run(code, words),
    inits: async () => linesOf(await machine.sh('grep -lx .reaper /proc/[0-9]*/comm 2>/dev/null | cut -d/ -f3 || true')),
  };
  rig.write(CONF, 'BASE=.\nSTART=none\n');
  return rig;
}

/** Mount namespaces of other processes count too. */
const OVERLAYS = `cat /proc/[0-9]*/mountinfo 2>/dev/null | grep -o 'upperdir=${FOLDER}/root[^,]*' | sort -u;
  for p in /proc/[0-9]*; do echo "$(readlink $p/ns/mnt) $(grep -c 'upperdir=${FOLDER}/root' $p/mountinfo)"; done 2>/dev/null | sort -u | grep -v ' 0$' | cut -d' ' -f2`;

test('1: a subhost that runs is not started again, by whatever name or file', { skip: noLive }, async (t) => {
  const { machine, write, ob, refused, inits } = await createRig(t);
  await ob('apply', CONF);
  const [pid] = await inits();
  assert.match(await ob('apply', CONF), /^Nothing to do: /);
  assert.match(await ob('start', 'web', '--file', CONF), /^Nothing to do: /);
  write('/mnt/opt/twin/twin.conf', `BASE=.\nSTART=none\nUPPER=${FOLDER}/root\nWORK=${FOLDER}/work\n`);
  assert.match(await refused(65, 'apply', CONF, '/mnt/opt/twin/twin.conf'), /root/);
  assert.match(await refused(1, 'apply', '/mnt/opt/twin/twin.conf'), /^in the way: .*\/root is what (?:mount|process)\/web has$/m);
  assert.deepEqual(await inits(), [pid]);
  assert.equal(await machine.sh(OVERLAYS), `upperdir=${FOLDER}/root\n1\n1`);
});

test('1: two runs at the same time start it once', { skip: noLive }, async (t) => {
  const { machine, inits } = await createRig(t);
  const runs = await Promise.all([1, 2, 3].map(() => machine.ob('apply', '--lock-timeout', '60', CONF)));
  assert.deepEqual(
    runs.map(({ code }) => code),
    [0, 0, 0],
  );
  assert.equal(runs.filter(({ stdout }) => /^Nothing to do/m.test(stdout)).length, 2);
  assert.equal((await inits()).length, 1);
});

test('2: what runs is stopped, also when its namespace has lost its name, and once more is no error', { skip: noLive }, async (t) => {
  const { machine, ob, inits } = await createRig(t);
  for (const [damage, stop] of [
    [':', ['destroy', CONF]],
    ['umount /run/netns/web && rm /run/netns/web', ['destroy', CONF]],
    ['umount /run/netns/web && rm /run/netns/web', ['stop', 'web']],
  ] as const) {
    await ob('apply', CONF);
    await machine.sh(damage);
    await ob(...stop);
    assert.deepEqual(await inits(), [], damage);
    await ob(...stop);
  }
  await ob('destroy', CONF);
  assert.equal(await machine.sh('ls /run/netns 2>/dev/null || true'), '');
});

test('3: services are told to stop, in reverse order', { skip: noLive }, async (t) => {
  const { machine, write, ob } = await createRig(t);
  await machine.sh(`mkdir -p ${FOLDER}/root/opt`);
  for (const name of ['one', 'two'])
    write(`${FOLDER}/root/opt/${name}`, `#!/bin/sh\necho "$1 ${name}" >>/said\n[ "$1" = stop ] || sleep 1000 &\n`);
  await machine.sh(`chmod 755 ${FOLDER}/root/opt/*`);
  write(CONF, 'BASE=.\nSTART=/opt/one /opt/two\n');
  await ob('apply', CONF);
  await ob('stop', 'web');
  const said = ['start one', 'start two', 'stop two', 'stop one'];
  assert.deepEqual(linesOf(machine.read(`${FOLDER}/root/said`)), said);
  await ob('apply', CONF);
  await ob('destroy', CONF);
  assert.deepEqual(linesOf(machine.read(`${FOLDER}/root/said`)), [...said, ...said]);
});

test('4: what is shared is seen from both sides', { skip: noLive }, async (t) => {
  const { machine, ob } = await createRig(t);
  await ob('apply', CONF);
  await machine.sh('mkdir -p /mnt/shared && echo machine >/mnt/shared/from-machine');
  await ob('share', 'web', '/mnt/shared');
  assert.equal(
    await ob('exec', 'web', '--', 'sh', '-c', 'cat /mnt/shared/from-machine; echo subhost >/mnt/shared/from-subhost'),
    'machine\n',
  );
  assert.equal(machine.read('/mnt/shared/from-subhost'), 'subhost\n');
});

test('5: its root is in /proc/mounts of the machine, and one can look inside', { skip: noLive }, async (t) => {
  const { machine, ob } = await createRig(t);
  await ob('apply', CONF);
  await ob('exec', 'web', '--', 'sh', '-c', 'echo inside >/seen');
  assert.match(
    await machine.sh('cat /proc/mounts'),
    new RegExp(`^ob:default/web@\\S+ ${FOLDER}/live overlay .*upperdir=${FOLDER}/root,`, 'm'),
  );
  assert.equal(machine.read(`${FOLDER}/live/seen`), 'inside\n');
});

test('6: no cgroup and no file in /dev is left behind', { skip: noLive }, async (t) => {
  const { machine, ob } = await createRig(t);
  const seen = (): Promise<string[]> => snapshot({ root: `/proc/${machine.pid}/root`, run: machine.run });
  const look = 'find /sys/fs/cgroup -type d | sort; find /dev ! -path "/dev/pts/*" | sort';
  const [before, dev] = [await seen(), await machine.sh(look)];
  await ob('apply', CONF);
  assert.match(await machine.sh(look), /^\/sys\/fs\/cgroup\/ob\/default\/web$/m);
  await ob('destroy', CONF);
  assert.equal(await machine.sh(look), dev);
  assertSame(await seen(), before, 'something is left');
});

test('7: who only looks like it is not taken for it, whatever the names', { skip: noLive }, async (t) => {
  const { machine, write, ob, inits } = await createRig(t);
  const conf = '/mnt/overlay-boot/overlay-boot/odd.conf';
  write(conf, 'NAME=web\nBASE=.\nSTART=none\n');
  const status = async (): Promise<string> => JSON.parse((await machine.ob('status', '--json', conf)).stdout)[0].state;
  // As overlay-boot's own processes look, and a PID 1 of ob's.
  const decoys = `bash -c 'sleep 1000; :' /usr/sbin/overlay-boot ${conf} & exec -a /.reaper sleep 1000`;
  const decoy = machine.start('bash', ['-c', decoys]);
  t.after(() => decoy.kill());
  const sleeping = (): Promise<string> => machine.sh("cat /proc/[0-9]*/comm | grep -c '^sleep$' || true");
  for (let count = ''; count !== '2'; ) count = await sleeping();
  assert.equal(await status(), 'absent');
  await ob('apply', conf);
  assert.equal(await status(), 'running');
  assert.equal((await inits()).length, 1);
  await ob('destroy', conf);
  assert.equal(await status(), 'absent');
  assert.equal(await sleeping(), '2', 'who only looks like it lives on');
});

const EVIL = ['$(touch /mnt/evil)', '`touch /mnt/evil`', "x'; touch /mnt/evil; '", '"; touch /mnt/evil; "'];

test('9: no value goes through a shell, and no log to a name that anybody can take', { skip: noLive }, async (t) => {
  const { machine, write, ob } = await createRig(t);
  // Where overlay-boot writes its log, and where anybody can be first.
  const name = `ob-${process.pid}`;
  const planted = `/tmp/oly-${name}.log`;
  await machine.sh(`echo kept >/mnt/victim && ln -s /mnt/victim ${planted}`);
  t.after(() => rmSync(planted));
  for (const value of EVIL) {
    const lines = ['UPPER', 'WORK', 'START', 'SHARE', 'PREMOUNT'].map((variable) => `${variable}=${value}\n`);
    write('/mnt/opt/evil/evil.conf', `BASE=.\n${lines.join('')}`);
    await machine.ob('apply', '/mnt/opt/evil/evil.conf');
    write('/mnt/opt/evil/evil.conf', `BASE=.\nSTART=none\nLIVE=${value}\n`);
    await machine.ob('apply', '/mnt/opt/evil/evil.conf');
    await machine.ob('destroy', '/mnt/opt/evil/evil.conf');
  }
  assert.equal(await machine.sh('ls /mnt'), 'opt\nvictim');
  write(`${FOLDER}/root/opt/hello`, '#!/bin/sh\necho hello\n');
  await machine.sh(`chmod 755 ${FOLDER}/root/opt/hello`);
  write(CONF, `NAME=${name}\nBASE=.\nSTART=/opt/hello\n`);
  await ob('apply', CONF);
  assert.equal(machine.read('/mnt/victim'), 'kept\n');
  assert.match(await ob('logs', name), /^hello$/m);
  assert.equal(await machine.sh(`stat -c "%a %u" /var/log/ob/default/${name}.log`), '640 0');
});
