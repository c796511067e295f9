import assert from 'node:assert/strict';
import { chmodSync, mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { type TestContext, test } from 'node:test';
import { linesOf } from '../cli/helpers.ts';
import { createMachine, noLive, type TestMachine } from '../machine.ts';
import { textOf } from './rig.ts';

// Every variable of overlay-boot(8) in one file, each seen on the kernel as that page says.

const CONF = '/mnt/conf/other.conf';
const BASE = '/mnt/conf/base';
const TEXT = `NAME= var
BASE= base
CABLES= br7=02:00:00:00:00:07 = br7=
LOWER= /
UPPER= up
WORK= wk
LIVE= seen
LOG= var.log
RAM_SIZE= 8M
START= greeter /opt/script
SHARE= /mnt/shared
SHARE= /mnt/data:/srv/data
SHARE= /mnt/data/file:/srv/file:ro
PREMOUNT= ../hook before
POSTMOUNT= ../hook after
`;

const SERVICE = '#!/bin/sh\necho "$1 $0" >>/said\necho "hello from $0"\n[ $1 != start ] || sleep 1000 &\n';
const HOOK =
  '#!/bin/sh\necho "$1 $CONFIG $(grep -c ob:default/var /proc/mounts) $(ls /sys/fs/cgroup/ob/default/var 2>/dev/null | wc -l)" >>/mnt/hooks\n';

function program(machine: TestMachine, path: string, text: string): void {
  mkdirSync(dirname(`/proc/${machine.pid}/root${path}`), { recursive: true });
  machine.write(path, text);
  chmodSync(`/proc/${machine.pid}/root${path}`, 0o755);
}

interface Running {
  readonly machine: TestMachine;
  ob(...words: string[]): Promise<string>;
  inside(script: string): Promise<string>;
}

async function start(t: TestContext): Promise<Running> {
  const machine = await createMachine(t);
  await machine.sh(
    `mkdir -p ${BASE} /mnt/shared /mnt/data; echo one >/mnt/shared/file; echo two >/mnt/data/file; ip link add br7 up type bridge`,
  );
  machine.write(CONF, TEXT);
  program(machine, '/mnt/conf/hook', HOOK);
  for (const path of ['/etc/init.d/greeter', '/opt/script']) program(machine, `${BASE}/up${path}`, SERVICE);
  const ob: Running['ob'] = async (...words) => {
    const ran = await machine.ob(...words);
    assert.equal(ran.code, 0, `ob ${words.join(' ')}: ${textOf(ran)}`);
    return ran.stdout;
  };
  await ob('apply', CONF);
  return { machine, ob, inside: async (script) => (await ob('exec', 'var', '--', 'sh', '-c', script)).trimEnd() };
}

test('every variable of a conf file is obeyed', { skip: noLive }, async (t) => {
  const { machine, ob, inside } = await start(t);

  await t.test('NAME is that of the subhost and its namespace, whatever the file is called', async () => {
    assert.equal(await inside('hostname'), 'var');
    assert.equal(await machine.sh('ls /run/netns'), 'var');
  });

  await t.test('CABLES: ends by number, the MAC inside, a bridge or none', async () => {
    // With a filter, ip prints {} for what it leaves out.
    const links = (all: string): Record<string, string>[] => JSON.parse(all).filter(({ ifname }: { ifname?: string }) => ifname);
    const ends = links(await machine.sh('ip -j link show group 28514')).map(({ ifname, master, operstate }) => [ifname, master, operstate]);
    assert.deepEqual(ends.sort(), [
      ['var0', 'br7', 'UP'],
      ['var1', undefined, 'UP'],
      ['var2', 'br7', 'UP'],
    ]);
    const inner = links(await inside('ip -j link')).map(({ ifname, address }) => [ifname, ifname === 'eth0' ? address : '']);
    assert.deepEqual(inner.sort(), [
      ['eth0', '02:00:00:00:00:07'],
      ['eth1', ''],
      ['eth2', ''],
      ['lo', ''],
    ]);
  });

  await t.test('BASE, LOWER, UPPER, WORK and LIVE are the layers of its root', async () => {
    const [, , , options = ''] = (await machine.sh(`grep ' ${BASE}/seen ' /proc/mounts`)).split(' ');
    for (const option of ['lowerdir=/', `upperdir=${BASE}/up`, `workdir=${BASE}/wk`])
      assert.ok(options.split(',').includes(option), options);
    assert.equal(await inside('cmp /etc/os-release /proc/1/root/usr/lib/os-release && echo mine >/mine'), '');
    assert.equal(machine.read(`${BASE}/up/mine`) + machine.read(`${BASE}/seen/mine`), 'mine\nmine\n');
  });

  await t.test('RAM_SIZE is the size of a tmpfs on /run', async () => {
    assert.match(await inside("grep ' /run ' /proc/self/mountinfo"), / - tmpfs .*size=8192k/);
  });

  await t.test('SHARE: directories and files, at the same path or another, from both sides', async () => {
    assert.equal(
      await inside('cat /mnt/shared/file /srv/data/file /srv/file; echo three >/mnt/shared/new; echo four >/srv/data/new'),
      'one\ntwo\ntwo',
    );
    assert.equal(machine.read('/mnt/shared/new') + machine.read('/mnt/data/new'), 'three\nfour\n');
    assert.match(await inside('echo five 2>&1 >/srv/file || true'), /Read-only/);
  });

  await t.test('START: services of /etc/init.d and scripts by path, in this order; LOG has what they say', async () => {
    assert.deepEqual(linesOf(machine.read(`${BASE}/up/said`)), ['start /etc/init.d/greeter', 'start /opt/script']);
    const said = linesOf(machine.read('/mnt/conf/var.log')).filter((line) => line.startsWith('hello'));
    assert.deepEqual(said, ['hello from /etc/init.d/greeter', 'hello from /opt/script']);
  });

  await t.test('PREMOUNT before the root is mounted, POSTMOUNT behind that, before services, both with CONFIG', () => {
    assert.deepEqual(linesOf(machine.read('/mnt/hooks')), [`before ${CONF} 0 0`, `after ${CONF} 1 0`]);
  });

  await t.test('what is imported from it says the same', async () => {
    machine.write('/mnt/conf/hosts.yaml', await ob('import', CONF));
    machine.write('/mnt/conf/subhosts.conf', `# all of them\n${CONF}\n`);
    for (const file of [CONF, '/mnt/conf/hosts.yaml', '/mnt/conf/subhosts.conf'])
      assert.match(await ob('plan', file), /^Nothing to do/, file);
  });

  await t.test('and it is stopped in reverse order', async () => {
    await ob('destroy', CONF);
    const stops = linesOf(machine.read(`${BASE}/up/said`)).slice(2);
    assert.deepEqual(stops, ['stop /opt/script', 'stop /etc/init.d/greeter']);
    assert.equal(
      await machine.sh('grep -c "ob:\\|/mnt/conf" /proc/mounts || true; ls /run/netns; ip -br link show group 28514; ls /mnt/data'),
      '0\nfile\nnew',
    );
  });
});
