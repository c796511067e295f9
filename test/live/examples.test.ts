import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { type TestContext, test } from 'node:test';
import { linesOf } from '../cli/helpers.ts';
import { createMachine, FIXTURES, noLive, type TestMachine } from '../machine.ts';
import { assertSame, snapshot } from '../snapshot.ts';
import { textOf } from './rig.ts';

// The smaller two of the three examples of overlay-boot(8), run from their files. The third is in mail.test.ts.

const noBusybox = noLive ?? (existsSync('/bin/busybox') ? undefined : "needs Debian's busybox-static");

interface Example {
  readonly machine: TestMachine;
  readonly conf: string;
  /** Must succeed; gives what it printed. */
  ob(...words: string[]): Promise<string>;
  /** A shell script inside. */
  inside(script: string): Promise<string>;
  seen(): Promise<string[]>;
}

async function createExample(t: TestContext, folder: string, name: string): Promise<Example> {
  const machine = await createMachine(t);
  await machine.sh(`mkdir /mnt/subhost && cp -r '${FIXTURES}/overlay-boot/${folder}' /mnt/subhost/${name}`);
  const ob: Example['ob'] = async (...words) => {
    const ran = await machine.ob(...words);
    assert.equal(ran.code, 0, `ob ${words.join(' ')}: ${textOf(ran)}`);
    return ran.stdout.trimEnd();
  };
  return {
    machine,
    conf: `/mnt/subhost/${name}/${name}.conf`,
    ob,
    inside: (script) => ob('exec', name, '--', 'sh', '-c', script),
    seen: () => snapshot({ root: `/proc/${machine.pid}/root`, run: machine.run }),
  };
}

test('the smallest configuration is a copy of the machine, without a network, to be entered', { skip: noLive }, async (t) => {
  const { machine, conf, ob, inside, seen } = await createExample(t, 'smallest', 'copy');
  const before = await seen();
  await ob('apply', conf);
  assert.match(await ob('plan', conf), /^Nothing to do/);

  assert.equal(await inside('hostname; cat /proc/1/comm; ip -br link | wc -l'), 'copy\n.reaper\n1');
  assert.match(await inside("grep ' /run ' /proc/self/mountinfo"), / - tmpfs .*size=51200k/);
  const name = await machine.sh('cat /etc/debian_version');
  assert.equal(await inside('cat /etc/debian_version; echo own >/etc/debian_version'), name);
  assert.equal(await machine.sh('cat /etc/debian_version /mnt/subhost/copy/root/etc/debian_version'), `${name}\nown`);
  assert.equal(await machine.sh('ls /mnt/subhost/copy'), 'copy.conf\nlive\nroot\nwork');
  // The default of START, each if the subhost has it.
  const there = linesOf(await inside('ls /etc/init.d'));
  const [status] = JSON.parse(await ob('status', '--json', conf));
  assert.deepEqual(
    status.services,
    ['networking', 'ssh'].map((name) => ({ name, state: there.includes(name) ? 'started' : 'skipped' })),
  );

  await ob('destroy', conf);
  assertSame(await seen(), before, 'something is left');
});

/** As debootstrap would make one, but small. */
const TREE = `set -e
  cd /mnt/subhost/tiny
  mkdir -p base/bin base/etc
  cp /bin/busybox base/bin
  for name in sh hostname ip ls cat grep; do ln -s busybox base/bin/$name; done
  echo tiny >base/etc/issue
  find base | sort >/mnt/files`;

test('the tiny one lies over a tree of its own, has a cable, and starts nothing but dummy_service', { skip: noBusybox }, async (t) => {
  const { machine, conf, ob, inside, seen } = await createExample(t, 'tiny', 'tiny');
  await machine.sh(TREE);
  const before = await seen();
  await ob('apply', conf);
  assert.match(await ob('plan', conf), /^Nothing to do/);

  assert.equal(
    await inside('hostname; cat /etc/issue; ls -d /usr /lib 2>/dev/null; cat /proc/[12]/comm'),
    'tiny\ntiny\n.reaper\ndummy_service',
  );
  assert.equal(await machine.sh('ip -br link show tiny0 | cut -d@ -f1'), 'tiny0');
  assert.match(await inside('ip link show eth0'), /eth0@.* mtu 1500/);
  await inside('echo mine >/etc/issue');
  assert.equal(await machine.sh('cat /mnt/subhost/tiny/root/etc/issue /mnt/subhost/tiny/base/etc/issue'), 'mine\ntiny');
  assert.equal(await machine.sh('cd /mnt/subhost/tiny; find base | sort | diff - /mnt/files'), '');

  // Who writes there from inside ends with the subhost.
  await machine.ob('exec', 'tiny', '--', 'sh', '-c', 'echo >/run/dummy_service');
  await machine.sh("while grep -q 'populated 1' /sys/fs/cgroup/ob/default/tiny/cgroup.events; do sleep 0.01; done");
  assert.match(await ob('apply', conf), /process\/tiny/);
  assert.equal(await inside('cat /etc/issue'), 'mine');

  await ob('destroy', conf);
  assertSame(await seen(), before, 'something is left');
});
