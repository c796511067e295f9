import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import test from 'node:test';
import { noLive } from '../machine.ts';
import { createRig } from './rig.ts';

const noSshd =
  noLive ??
  (['/usr/sbin/sshd', '/usr/bin/ssh', '/etc/init.d/ssh'].every((path) => existsSync(path)) ? undefined : "needs Debian's openssh-server");

const HOSTS = `scope: demo
bridges: { ob0: { address: 10.77.0.1/24 } }
subhosts:
  web:
    base: /mnt/web
    cables: [{ bridge: ob0, address: 10.77.0.2/24, gateway: 10.77.0.1 }]
    start: [ssh]
`;

/** A host key of its own, and a key that may log in as root. */
const PREPARE = `
  mkdir -p -m 755 /mnt/web/root/etc/ssh /mnt/web/root/root
  mkdir -m 700 /mnt/web/root/root/.ssh
  rm -f /mnt/key
  ssh-keygen -q -t ed25519 -N '' -f /mnt/key
  cp /mnt/key.pub /mnt/web/root/root/.ssh/authorized_keys
  ssh-keygen -q -t ed25519 -N '' -f /mnt/web/root/etc/ssh/ssh_host_ed25519_key
  echo "10.77.0.2 $(cut -d' ' -f1-2 /mnt/web/root/etc/ssh/ssh_host_ed25519_key.pub)" >/mnt/known`;

const SSH = 'ssh -i /mnt/key -o BatchMode=yes -o UserKnownHostsFile=/mnt/known -o ConnectTimeout=10 root@10.77.0.2';

test("Debian's own sshd runs in a subhost, and one can log in over the cable", { skip: noSshd }, async (t) => {
  const rig = await createRig(t);
  await rig.machine.sh(PREPARE);
  rig.hosts(HOSTS);
  await rig.apply();
  await rig.settled();
  assert.deepEqual((await rig.status())[0]?.services, [{ name: 'ssh', state: 'started' }]);
  const seen = await rig.machine.sh(`${SSH} 'hostname; echo $SSH_CONNECTION | cut -d" " -f1,3,4; cat /proc/1/comm; touch /root/written'`);
  assert.equal(seen, 'web\n10.77.0.1 10.77.0.2 22\n.reaper');
  assert.equal(await rig.machine.sh('ls /mnt/web/root/root/written; ls /root/written 2>/dev/null || true'), '/mnt/web/root/root/written');

  // Its orderly end is an orderly end for those who are logged in.
  const session = rig.machine.start('sh', ['-c', `${SSH} 'echo in; sleep 1000'`]);
  await new Promise((resolve) => session.stdout?.once('data', resolve));
  assert.equal((await rig.machine.ob('destroy')).code, 0);
  assert.equal(await rig.machine.sh('ps -eo comm | grep -cE "^(sshd|.reaper)" || true'), '0');
});

test('a subhost that sees no host key gets one of its own, and keeps it', { skip: noSshd }, async (t) => {
  const rig = await createRig(t);
  await rig.machine.sh(`mkdir -p -m 755 /mnt/web/root/root; mkdir -m 700 /mnt/web/root/root/.ssh; rm -f /mnt/key
    ssh-keygen -q -t ed25519 -N '' -f /mnt/key; cp /mnt/key.pub /mnt/web/root/root/.ssh/authorized_keys`);
  rig.hosts(HOSTS);
  await rig.apply();
  await rig.settled();
  const scan = "ssh-keyscan 10.77.0.2 2>/dev/null | sort | tee /mnt/known | cut -d' ' -f2-3";
  const key = await rig.machine.sh(scan);
  assert.match(key, /^ssh-ed25519 \S+$/);
  assert.equal(await rig.machine.sh(`${SSH} hostname`), 'web');
  assert.equal(await rig.inside('web', 'cd /etc/ssh; stat -c "%n %a %U" ssh_host_*'), 'ssh_host_ed25519_key 600 root');
  assert.equal((await rig.machine.ob('restart', 'web')).code, 0);
  assert.equal(await rig.machine.sh(scan), key);
});
