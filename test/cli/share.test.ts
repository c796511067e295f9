import assert from 'node:assert/strict';
import test from 'node:test';
import { createMachine, noLive } from '../machine.ts';

const HOSTS = 'subhosts: { web: { base: web, start: none } }\n';
const SAID = 'The next apply takes this away, unless it is under "share" in the hosts file.\n';

test('share lets a running subhost see a directory at once, until an apply of a file that does not say so', { skip: noLive }, async (t) => {
  const machine = await createMachine(t);
  await machine.sh('mkdir -p /mnt/data /mnt/www; echo text >/mnt/data/file; echo page >/mnt/www/index; ln -s data /mnt/link');
  machine.write('/mnt/hosts.yaml', HOSTS);
  assert.equal((await machine.ob('apply')).code, 0);
  const pid = await machine.sh('cat /sys/fs/cgroup/ob/default/web/cgroup.procs');

  const ran = await machine.ob('share', 'web', 'link:/srv/data', './www:/var/www/:ro');
  assert.deepEqual(ran, { code: 0, stdout: 'web: /mnt/data on /srv/data\nweb: /mnt/www on /var/www (ro)\n', stderr: SAID });
  assert.match(
    (await machine.ob('events', 'web')).stdout,
    / default\/web {2}shared \/mnt\/data on \/srv\/data\n.* shared \/mnt\/www on \/var\/www \(ro\)\n$/,
  );
  const inside = await machine.ob('exec', 'web', '--', 'sh', '-c', 'cat /srv/data/file; echo back >/srv/data/in; echo x >/var/www/x');
  assert.match(inside.stdout + inside.stderr, /^text\n.*Read-only file system/);
  assert.equal(await machine.sh('cat /mnt/data/in'), 'back');
  assert.deepEqual(await machine.ob('share', 'web', '/mnt/data:/srv/data'), { code: 0, stdout: '', stderr: '' });

  machine.write('/mnt/hosts.yaml', HOSTS.replace('none', 'none, share: ["/mnt/data:/srv/data"]'));
  assert.equal((await machine.ob('apply')).code, 0);
  assert.equal((await machine.ob('exec', 'web', '--', 'sh', '-c', 'cat /srv/data/file; ls /var/www')).stdout, 'text\n');
  assert.equal(await machine.sh('cat /sys/fs/cgroup/ob/default/web/cgroup.procs'), pid);
});

test('what cannot be shared is told in one line, and nothing is', { skip: noLive }, async (t) => {
  const machine = await createMachine(t);
  await machine.sh('mkdir -p /mnt/data /mnt/other');
  machine.write('/mnt/hosts.yaml', HOSTS);
  assert.equal((await machine.ob('apply')).code, 0);
  assert.equal((await machine.ob('share', 'web', 'data:/srv/data')).code, 0);
  const mounts = 'cat /proc/$(head -1 /sys/fs/cgroup/ob/default/web/cgroup.procs)/mountinfo';
  const before = await machine.sh(mounts);
  const cases = [
    [['wed', 'data'], 1, 'ob: no subhost "wed" is running; did you mean "web"?'],
    [['web', 'nothing'], 64, 'ob: /mnt/nothing does not exist'],
    [['web', 'other', 'nothing'], 64, 'ob: /mnt/nothing does not exist'],
    [['web', 'data:inside'], 64, 'ob: "data:inside" is no share: "inside" is meant inside: it has to begin with "/"'],
    [['web', 'data:/proc/x'], 64, 'ob: "data:/proc/x" is no share: /proc/x is taken by what every subhost has there'],
    [['web', '/run'], 64, 'ob: /run is taken by what every subhost has there'],
    [['web', 'other:/srv/data'], 1, 'ob: web sees something else at /srv/data already'],
    [['web', 'data:/srv/data:ro'], 1, 'ob: web sees something else at /srv/data already'],
    [['web'], 64, 'ob: share wants <NAME> <SHARES..>'],
    [['web', ''], 64, 'ob: an argument is empty: is a variable of your shell unset?'],
  ] as const;
  for (const [words, code, line] of cases) {
    const ran = await machine.ob('share', ...words);
    assert.deepEqual([ran.code, ran.stdout, ran.stderr.split('\n')[0]], [code, '', line], words.join(' '));
  }
  assert.equal(await machine.sh(mounts), before);
});
