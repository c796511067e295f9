import assert from 'node:assert/strict';
import test from 'node:test';
import { createMachine, noLive } from '../machine.ts';

const hosts = (shares: string): string => `subhosts: { web: { base: web, start: [/srv/data/go], share: [${shares}] } }\n`;

test('shares are there from the first start command on, and come and go while the subhost runs', { skip: noLive }, async (t) => {
  const machine = await createMachine(t);
  await machine.sh(
    'mkdir -p /mnt/data /mnt/deep/one /mnt/web/own; echo text >/mnt/file; printf "#!/bin/sh\\ntouch /srv/data/was-there\\n" >/mnt/data/go; chmod 755 /mnt/data/go',
  );
  machine.write('/mnt/hosts.yaml', hosts('/mnt/data:/srv/data'));
  const first = await machine.ob('apply');
  assert.equal(first.code, 0, first.stdout + first.stderr);
  const pid = await machine.sh('head -1 /sys/fs/cgroup/ob/default/web/cgroup.procs');
  assert.equal(await machine.sh('ls /mnt/data | xargs'), 'go was-there');

  machine.write('/mnt/hosts.yaml', hosts('/mnt/data:/srv/data:ro, /mnt/file:/etc/shared, /mnt/deep/one, own:/srv/data2'));
  const planned = await machine.ob('plan');
  assert.match(
    planned.stdout,
    /^~ {3}process\/web\n {6}shares: \[\/mnt\/data on \/srv\/data\] -> \[\/mnt\/data on \/srv\/data \(ro\), \/mnt\/deep\/one on \/mnt\/deep\/one, \/mnt\/file on \/etc\/shared, \/mnt\/web\/own on \/srv\/data2\]\n/,
  );
  const changed = await machine.ob('apply');
  assert.equal(changed.code, 0, changed.stdout + changed.stderr);
  assert.equal(await machine.sh('head -1 /sys/fs/cgroup/ob/default/web/cgroup.procs'), pid);
  const inside = await machine.ob('exec', 'web', '--', 'sh', '-c', 'cat /etc/shared; touch /srv/data/x; echo back >/mnt/deep/one/y');
  assert.match(inside.stdout + inside.stderr, /^text\n.*Read-only file system/);
  assert.equal(await machine.sh('cat /mnt/deep/one/y'), 'back');
  assert.equal((await machine.ob('plan', '--detailed-exitcode')).code, 0);

  machine.write('/mnt/hosts.yaml', hosts('/mnt/deep/one:/srv/data'));
  assert.equal((await machine.ob('apply')).code, 0);
  assert.equal((await machine.ob('exec', 'web', '--', 'sh', '-c', 'ls /srv/data; ls /mnt/deep/one; cat /etc/shared')).stdout, 'y\n');
  assert.equal((await machine.ob('plan', '--detailed-exitcode')).code, 0);
  assert.equal((await machine.ob('destroy')).code, 0);
  assert.equal(await machine.sh('cat /mnt/deep/one/y'), 'back');
});

test('what is shared below a share that is changed or goes stays', { skip: noLive }, async (t) => {
  const machine = await createMachine(t);
  await machine.sh('mkdir -p /mnt/data/sub /mnt/deep; touch /mnt/deep/file');
  const shares = (above: string): string => hosts(`${above}/mnt/deep:/srv/data/sub`).replace('/srv/data/go', '/bin/true');
  machine.write('/mnt/hosts.yaml', shares('/mnt/data:/srv/data, '));
  assert.equal((await machine.ob('apply')).code, 0);
  for (const above of ['/mnt/data:/srv/data:ro, ', '']) {
    machine.write('/mnt/hosts.yaml', shares(above));
    const ran = await machine.ob('apply');
    assert.equal(ran.code, 0, ran.stdout + ran.stderr);
    assert.equal((await machine.ob('exec', 'web', '--', 'ls', '/srv/data/sub')).stdout, 'file\n', above);
  }
});

test('a share that somebody took away is put back', { skip: noLive }, async (t) => {
  const machine = await createMachine(t);
  await machine.sh('mkdir -p /mnt/data /mnt/other; cp /bin/true /mnt/data/go');
  machine.write('/mnt/hosts.yaml', hosts('/mnt/data:/srv/data'));
  assert.equal((await machine.ob('apply')).code, 0);
  const pid = await machine.sh('head -1 /sys/fs/cgroup/ob/default/web/cgroup.procs');
  for (const damage of ['umount /srv/data', 'mount --bind /srv/data/.. /srv/data']) {
    await machine.sh(`nsenter -t ${pid} -m ${damage}`);
    assert.equal((await machine.ob('plan', '--detailed-exitcode')).code, 2, damage);
    const ran = await machine.ob('apply');
    assert.equal(ran.code, 0, damage + ran.stdout + ran.stderr);
    assert.equal((await machine.ob('exec', 'web', '--', 'ls', '/srv/data')).stdout, 'go\n', damage);
  }
  assert.equal(await machine.sh('head -1 /sys/fs/cgroup/ob/default/web/cgroup.procs'), pid);
});

test('what cannot be shared is told with its place in the file', { skip: noLive }, async (t) => {
  const machine = await createMachine(t);
  machine.write('/mnt/hosts.yaml', hosts('/nothing, /etc:/proc/x, /etc:inside, /etc:/a:rw, /usr:/b, /var:/b, /run, /etc:/c/../d, "/:/"'));
  const ran = await machine.ob('validate');
  assert.equal(ran.code, 65);
  const told = ran.stderr
    .trimEnd()
    .split('\n')
    .map((line) => line.replace(/^hosts.yaml:1:\d+: /, ''));
  assert.equal(told.length, 8, ran.stderr);
});
