import assert from 'node:assert/strict';
import { test } from 'node:test';
import { noLive } from '../machine.ts';
import { createRig } from './rig.ts';

const HOSTS = `scope: demo
bridges: { ob0: {} }
subhosts:
  web:
    base: /mnt/web
    start: none
    cables:
      - { bridge: ob0, address: [10.77.0.2/24, "fd00::2/64", 10.77.0.3/24], gateway: [10.77.0.1, "fd00::1"] }
      - { bridge: ob0 }
  tree: { base: /mnt/tree, lower: /, upper: /mnt/tree/own, start: none }
`;
const FILE = '/etc/network/interfaces';
const NETWORK = "ip -br address show dev eth0 scope global | tr -s ' '; ip route show default; ip -6 route show default | cut -d' ' -f1-5";
/** As ifup of ifupdown does for these stanzas. */
const UP = `set -e; ip link set eth0 up; sed -n "s/^ *up //p" ${FILE} >/run/up; while read -r line; do sh -c "$line"; done </run/up`;

test('a subhost gets an /etc/network/interfaces of its cables, once, and it brings back what ifdown takes', { skip: noLive }, async (t) => {
  const rig = await createRig(t);
  await rig.machine.sh(`mkdir -p /mnt/tree/own/etc/network; echo own >/mnt/tree/own${FILE}`);
  rig.hosts(HOSTS);
  await rig.apply();
  const file = await rig.inside('web', `cat ${FILE}`);
  assert.match(file, /^auto lo\niface lo inet loopback\n\nauto eth0\n(.*\n)+auto eth1\niface eth1 inet manual$/m);
  assert.equal(await rig.inside('tree', `cat ${FILE}`), 'own');
  const before = await rig.inside('web', NETWORK);
  // With all that ob has set still there, and with nothing of it.
  await rig.inside('web', UP);
  assert.equal(await rig.inside('web', NETWORK), before);
  await rig.inside('web', 'ip link set eth0 down; ip address flush dev eth0');
  await rig.inside('web', UP);
  assert.equal(await rig.inside('web', NETWORK), before);
  await rig.settled();

  // Through the mounted root: what is put into a live upper directory may go unseen.
  // Another address in the hosts file: the old one does not come back with the next start.
  rig.hosts(HOSTS.replace('10.77.0.2/24', '10.77.0.9/24').replace('start: none', 'start: [/srv/up]'));
  await rig.machine.sh(`mkdir -p /mnt/web/live/srv; cat >/mnt/web/live/srv/up <<'EOF'
#!/bin/sh
${UP}
EOF
chmod 755 /mnt/web/live/srv/up`);
  await rig.apply();
  await rig.settled();
  assert.equal(await rig.inside('web', `cat ${FILE}`), file);
});
