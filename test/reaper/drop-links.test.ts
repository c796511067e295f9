import assert from 'node:assert/strict';
import test from 'node:test';
import { noLive, REAPER } from '../machine.ts';
import { createRig } from './rig.ts';

const OURS = '28514';

test('links with either half of the mark are deleted, others of the name are left', { skip: noLive }, async (t) => {
  const rig = await createRig(t);
  const links = [
    ['whole', `group ${OURS} alias ob:t/a`],
    ['named', 'alias ob:other/a'],
    ['grouped', `group ${OURS}`],
    ['foreign', 'alias uplink'],
    ['like', 'alias ob:t/a/b'],
    ['kept', `group ${OURS} alias ob:t/a`],
  ];
  for (const [name, marks] of links) await rig.machine.sh(`ip link add ${name} type bridge; ip link set ${name} ${marks}`);
  const names = ['whole', 'named', 'grouped', 'foreign', 'like', 'none'];
  const ran = await rig.reaper('drop-links', OURS, ...names);
  assert.deepEqual([ran.code, ran.stdout], [0, names.map((name) => `${name} ok\n`).join('')]);
  const left = JSON.parse(await rig.machine.sh('ip -j link'));
  assert.deepEqual(left.map(({ ifname }: { ifname: string }) => ifname).sort(), ['foreign', 'kept', 'like', 'lo']);
  for (const words of [[OURS], ['x', 'a'], []]) assert.equal((await rig.reaper('drop-links', ...words)).code, 64);
});

test('many links go in one group, and none that is in it by chance', { skip: noLive }, async (t) => {
  const rig = await createRig(t);
  // Whatever PID the reaper will have: each group that it could take is taken.
  const pid = Number(await rig.machine.sh('echo $$'));
  const near = Array.from({ length: 60 }, (_, index) => `link add x${index} group ${(1 << 24) + pid + index} type bridge`);
  await rig.machine.sh(`ip -batch - <<'END'\n${near.join('\n')}\nEND`);
  await rig.machine.sh(`for i in 1 2 3; do ip link add c$i group ${OURS} type veth peer d$i; ip link set c$i alias ob:t/c; done`);
  assert.equal((await rig.reaper('drop-links', OURS, 'c1', 'c2', 'c3')).stdout, 'c1 ok\nc2 ok\nc3 ok\n');
  assert.equal(await rig.machine.sh('ls /sys/class/net 2>/dev/null | grep -c "^[cd]" || true; ip -o link | grep -c ": x"'), '0\n60');
});

test('of several that are to go, the one that cannot is told as such', { skip: noLive }, async (t) => {
  const rig = await createRig(t);
  await rig.machine.sh(
    `ip link set lo alias ob:t/a; for i in 1 2; do ip link add a$i group ${OURS} type bridge; ip link set a$i alias ob:t/a; done`,
  );
  const ran = await rig.reaper('drop-links', OURS, 'a1', 'lo', 'a2');
  assert.equal(ran.code, 1);
  assert.match(ran.stdout, /^lo error delete 95 $/m, 'EOPNOTSUPP');
  const alone = await rig.reaper('drop-links', OURS, 'lo');
  assert.deepEqual([alone.code, alone.stdout], [1, 'lo error delete 95 \n']);
});

test('who had links deleted does not wait for the end of their memory, and another can have the name at once', {
  skip: noLive,
}, async (t) => {
  const rig = await createRig(t);
  const round = `ip link add a1 group ${OURS} type veth peer b1 && ip link set a1 alias ob:t/a && ${REAPER} drop-links ${OURS} a1`;
  const found = await rig.machine.sh(
    `for i in $(seq 20); do ${round} || exit 1; pgrep -x reaper || :; ! ip link show b1 2>/dev/null || exit 1; done`,
  );
  assert.match(found, /^\d+$/m, 'one is still waiting for it');
  await rig.machine.sh('while pgrep -x reaper >/dev/null; do sleep 0.01; done');
});
