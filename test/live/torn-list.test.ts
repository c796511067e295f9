import assert from 'node:assert/strict';
import test from 'node:test';
import { BUNDLE, noLive } from '../machine.ts';
import { createRig, textOf } from './rig.ts';

const HOSTS = `scope: demo
bridges: { ob0: {} }
subhosts:
  web: { base: /mnt/web, start: none, cables: [{ bridge: ob0 }] }
`;

/** In the place of ip: links come and go while it lists them for the first times, and it has seen one of them only. */
const TORN_IP = `#!/bin/sh
case "$*" in '-j -d -N address show') ;; *) exec /usr/sbin/ip "$@" ;; esac
echo >>/run/asked
[ $(wc -l </run/asked) -le 2 ] || exec /usr/sbin/ip "$@"
echo 'Dump was interrupted and may be inconsistent.' >&2
exec /usr/sbin/ip "$@" dev lo
`;

test('links that changed while ip listed them are listed again', { skip: noLive }, async (t) => {
  const rig = await createRig(t);
  const { machine } = rig;
  rig.hosts(HOSTS);
  await rig.apply();
  await machine.sh('mount -t tmpfs tmpfs /usr/local/sbin');
  machine.write('/usr/local/sbin/ip', TORN_IP);
  await machine.sh('chmod 755 /usr/local/sbin/ip');
  // Node alone has no `reaper ahead` beside it: the plan asks ip.
  const plan = await machine.run(BUNDLE, ['plan'], { cwd: '/mnt' });
  assert.match(plan.stdout, /^Nothing to do: /, textOf(plan));
  await machine.sh('rm -f /run/asked');
  const ran = await machine.ob('destroy');
  assert.equal(ran.code, 0, textOf(ran));
  assert.match(machine.read('/run/asked'), /^\n{3,}$/);
});
