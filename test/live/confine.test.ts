import assert from 'node:assert/strict';
import test from 'node:test';
import { noLive, OB, type Ran } from '../machine.ts';
import { createRig, textOf } from './rig.ts';

const HOSTS = `scope: demo
subhosts:
  web: { base: /mnt/web, start: none }
`;

function withKeys(keys: string): string {
  return HOSTS.replace('start: none', `start: none, ${keys}`);
}

/** What a command of `ob exec` sees of itself, and how much of the kernel. */
const LOOK = `
  for name in CapBnd CapEff NoNewPrivs Seccomp; do grep "^$name:" /proc/self/status | tr -s '\\t' ' '; done
  head -c 1 /proc/timer_list | wc -c
  (: >/proc/sys/kernel/core_pattern) 2>/dev/null && echo writable || echo read-only`;

const CASES = [
  ['caps: { drop: [net_raw], add: [CAP_SYS_TIME] }', '00000000a20415fb', '0', '2', 'masked'],
  ['profile: minimal', '0000000020000420', '1', '2', 'masked'],
  ['profile: minimal, no_new_privs: false, caps: { drop: [all] }', '0000000000000000', '0', '2', 'masked'],
  ['seccomp: "off"', '00000000a00435fb', '0', '0', 'masked'],
] as const;

test('a subhost is confined as its file says; another confinement takes a restart', { skip: noLive }, async (t) => {
  const rig = await createRig(t);
  rig.hosts(HOSTS);
  await rig.apply();
  for (const [keys, capabilities, noNewPrivs, seccomp] of CASES) {
    const before = rig.pid1('web');
    rig.hosts(withKeys(keys));
    await rig.apply();
    await rig.settled();
    assert.notEqual(rig.pid1('web'), before, keys);
    const seen = await rig.machine.ob('exec', 'web', '--', 'sh', '-c', LOOK);
    assert.deepEqual(seen.stdout.trimEnd().split('\n').slice(0, 4), [
      `CapBnd: ${capabilities}`,
      `CapEff: ${capabilities}`,
      `NoNewPrivs: ${noNewPrivs}`,
      `Seccomp: ${seccomp}`,
    ]);
    assert.deepEqual(seen.stdout.trimEnd().split('\n').slice(4), ['0', 'read-only'], keys);
  }
});

test('a capability that the machine cannot give is no reason to restart for ever', { skip: noLive }, async (t) => {
  const rig = await createRig(t);
  rig.hosts(withKeys('caps: { add: [sys_time, sys_nice] }'));
  const lesser = (...args: string[]): Promise<Ran> =>
    rig.machine.run('setpriv', ['--bounding-set', '-sys_time', OB, ...args], { cwd: '/mnt' });
  const applied = await lesser('apply');
  assert.equal(applied.code, 0, textOf(applied));
  const seen = await rig.machine.ob('exec', 'web', '--', 'sh', '-c', LOOK);
  assert.match(seen.stdout, /^CapBnd: 00000000a08435fb$/m);
  assert.equal((await lesser('plan', '--detailed-exitcode')).code, 0);
  assert.match(await rig.plan(), /capabilities: default \+sys_nice -> default \+sys_nice \+sys_time/);
});

test('a trusted subhost is one of overlay-boot: all is allowed, and it is said', { skip: noLive }, async (t) => {
  const rig = await createRig(t);
  rig.hosts(withKeys('profile: trusted, share: [/mnt/data]'));
  await rig.machine.sh('mkdir /mnt/data && touch /mnt/data/file');
  const warning = 'hosts.yaml: warning: web has the profile "trusted": its root can do to this machine what it likes';
  const plan = await rig.machine.ob('plan');
  assert.ok(plan.stderr.includes(warning), plan.stderr);
  assert.ok((await rig.machine.ob('validate')).stderr.includes(warning));
  await rig.apply();
  const own = /^CapBnd:\s*(\S+)$/m.exec(await rig.machine.sh('cat /proc/self/status'))?.[1];
  const seen = await rig.machine.ob('exec', 'web', '--', 'sh', '-c', LOOK);
  assert.match(seen.stdout, new RegExp(`^CapBnd: ${own}\nCapEff: ${own}\nNoNewPrivs: 0\nSeccomp: 0\n1$`, 'm'));
  const mounted = await rig.machine.ob(
    'exec',
    'web',
    '--',
    'sh',
    '-c',
    'mkdir -p /m && mount -t tmpfs m /m && mknod /n c 1 3 && : </n && echo mounted',
  );
  assert.equal(mounted.stdout, 'mounted\n', mounted.stderr);
  // What its root has mounted is its own; the share is still known for one.
  await rig.settled();
  assert.match((await rig.machine.ob('status')).stdout, /web: trusted: its root can do to this machine what it likes/);
  rig.hosts(withKeys('profile: trusted'));
  assert.match((await rig.machine.ob('plan')).stdout, /shares: \[tmpfs:\/data on \/mnt\/data\] -> \[\]/);
  await rig.apply();
  assert.equal((await rig.machine.ob('exec', 'web', '--', 'grep', '-c', ' /m ', '/proc/self/mounts')).stdout, '1\n');
});

const WORK = `
  su -s /bin/sh nobody -c 'id -un'
  ! command -v sudo >/dev/null || sudo -n -u nobody id -un
  mkdir -p /p/DEBIAN /p/srv && echo hello >/p/srv/hello
  printf 'Package: ob-hello\\nVersion: 1\\nArchitecture: all\\nMaintainer: nobody <n@example.org>\\nDescription: x\\n' >/p/DEBIAN/control
  dpkg-deb --build /p /p.deb >/dev/null && dpkg -i /p.deb >/dev/null && cat /srv/hello
  echo 1 >/proc/sys/net/ipv4/ip_forward && cat /proc/sys/net/ipv4/ip_forward
  chown nobody /srv/hello && setpriv --reuid nobody --clear-groups cat /srv/hello
  perl -e 'use Socket; socket(my $s, AF_INET, SOCK_RAW, 1) and print "raw\\n"'
  ip link add d0 type dummy 2>/dev/null; ip addr add 127.9.9.9/8 dev lo && echo address`;

test('what services do works by default: su, sudo, dpkg, settings of the network', { skip: noLive }, async (t) => {
  const rig = await createRig(t);
  rig.hosts(HOSTS);
  await rig.apply();
  const ran = await rig.machine.ob('exec', 'web', '--', 'sh', '-c', WORK);
  const said = ran.stdout.trimEnd().split('\n');
  assert.deepEqual([...new Set(said)], ['nobody', 'hello', '1', 'raw', 'address'], textOf(ran));
});
