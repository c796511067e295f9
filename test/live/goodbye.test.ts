import assert from 'node:assert/strict';
import test from 'node:test';
import { noLive } from '../machine.ts';
import { createRig, textOf } from './rig.ts';

const HOSTS = `scope: demo
bridges: { ob0: { address: 10.77.0.1/24 } }
defaults: { ram_size: 10M }
subhosts:
  web:
    base: /mnt/web
    cables: [{ bridge: ob0, address: 10.77.0.2/24 }]
    share: ["/mnt/told:/data"]
    start: [/service]
`;
/** Says goodbye to the machine when it is stopped, which takes a while. */
const SERVICE = `#!/bin/sh
[ "$1" = stop ] || exit 0
sleep 0.5
busybox ping -c 1 -w 2 10.77.0.1 >/data/goodbye 2>&1
`;

for (const words of [['destroy'], ['destroy', '-j', '1'], ['apply', '--allow-empty']])
  test(`a service that ob ${words.join(' ')} stops has its network to the end`, { skip: noLive }, async (t) => {
    const rig = await createRig(t);
    await rig.machine.sh('mkdir -p /mnt/told /mnt/web/root');
    rig.machine.write('/mnt/web/root/service', SERVICE);
    await rig.machine.sh('chmod 755 /mnt/web/root/service');
    rig.hosts(HOSTS);
    await rig.apply();
    if (words[0] === 'apply') rig.hosts('scope: demo\nsubhosts: {}\n');
    const ran = await rig.machine.ob(...words);
    assert.equal(ran.code, 0, textOf(ran));
    assert.match(rig.machine.read('/mnt/told/goodbye'), /1 packets received/);
    assert.equal(await rig.machine.sh('ip -br link show group 28514'), '');
  });
