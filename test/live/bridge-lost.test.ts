import assert from 'node:assert/strict';
import test from 'node:test';
import { collect, noLive, OB, type Ran } from '../machine.ts';
import { readText } from '../snapshot.ts';
import { createRig, type Rig, textOf } from './rig.ts';
import { noVlan } from './vlans.ts';

/** CABLES: of its subhosts, in their order. */
const hostsWith = (...cables: string[]): string => `scope: demo
bridges: { ob0: {} }
subhosts:
  web: { base: /mnt/web, start: none, cables: [${cables[0] ?? ''}] }
  mail: { base: /mnt/mail, start: none, cables: [${cables[1] ?? ''}] }
`;

/** An apply that stops at a step of its plan, and goes on when the script has been run. */
async function applyWith(rig: Rig, script: string, fault: string): Promise<Ran> {
  const child = rig.machine.start(OB, ['apply'], { cwd: '/mnt', env: { ...process.env, OB_FAULT: `${fault}:HANG` } });
  const ended = collect(child);
  // nsenter(1) stops with its child, and wakes it when it goes on itself.
  while (!/^\d+ \(nsenter\) T/.test(readText(`/proc/${child.pid}/stat`))) {
    assert.equal(child.exitCode, null, 'it has ended before that step');
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  await rig.machine.sh(script);
  child.kill('SIGCONT');
  return ended;
}

test('a bridge that is taken away between the plan and the step is told as that', { skip: noLive }, async (t) => {
  const rig = await createRig(t);
  rig.hosts(hostsWith());
  await rig.machine.sh('ip link add br0 up type bridge');
  await rig.apply();
  rig.hosts(hostsWith('{ bridge: ob0 }', '{ bridge: br0 }'));
  const ran = await applyWith(rig, 'ip link delete ob0; ip link delete br0', 'converge veth/web0:before');
  assert.equal(ran.code, 1, textOf(ran));
  assert.ok(ran.stdout.includes(OWN), textOf(ran));
  assert.ok(ran.stdout.includes(OTHER), textOf(ran));
  // What is advised helps.
  await rig.machine.sh('ip link add br0 up type bridge');
  await rig.apply();
  await rig.settled();
});

const OWN = `FAILED   veth/web0: bridge ob0 is gone, into which veth/web0 of web is to be plugged
    -> the next run makes it again: ob apply
`;
const OTHER = `FAILED   veth/mail0: bridge br0 is gone, into which veth/mail0 of mail is to be plugged
    -> it is not one that ob makes: make it again (ip link add br0 up type bridge), then ob apply
`;

test('a bridge that is taken away before a VLAN is plugged into it is told as that', { skip: noVlan }, async (t) => {
  const rig = await createRig(t);
  const cable = '{ bridge: ob0 }';
  await rig.machine.sh('ip link add br0 up type bridge');
  rig.hosts(hostsWith(cable));
  await rig.apply();
  rig.hosts(hostsWith(`${cable}, { vlan: 302, bridge: br0 }`));
  const ran = await applyWith(rig, 'ip link delete br0', 'converge vlan/web0.302:before');
  assert.match(ran.stdout, /FAILED {3}vlan\/web0\.302: bridge br0 is gone/, textOf(ran));
});
