import assert from 'node:assert/strict';
import test from 'node:test';
import { noLive } from '../machine.ts';
import { assertSame } from '../snapshot.ts';
import { createRig } from './rig.ts';

const NUMBERS = Array.from({ length: 20 }, (_, index) => index);

const HOSTS = `scope: demo
defaults: { start: none, ram_size: 1M }
bridges: { ob0: { address: 10.77.0.1/16 }, ob1: {} }
subhosts:
${NUMBERS.map(
  (n) => `  s${n}:
    base: /mnt/s${n}
    cables:
      - { bridge: ob0, mac: "02:00:0a:4d:01:${hex(n)}", address: 10.77.1.${n + 1}/16, gateway: 10.77.0.1 }
      - { bridge: ob1, mac: "02:00:0a:4d:02:${hex(n)}", address: ["10.78.1.${n + 1}/16", "2001:db8::${n + 1}/64"] }
`,
).join('')}`;

function hex(number: number): string {
  return number.toString(16).padStart(2, '0');
}

for (const parallel of ['1', '16'])
  test(`20 subhosts with two cables each come and go, ${parallel} at a time`, { skip: noLive }, async (t) => {
    const rig = await createRig(t);
    rig.hosts(HOSTS);
    const before = await rig.snapshot();
    const time = async (what: string, act: () => Promise<unknown>): Promise<void> => {
      const begin = Date.now();
      await act();
      t.diagnostic(`${what} -j ${parallel}: ${Date.now() - begin} ms`);
    };
    await time('apply', () => rig.apply('-j', parallel));
    await time('plan', () => rig.settled());

    const states = await rig.status();
    assert.equal(states.length, 20);
    assert.ok(
      states.every(({ state, cables }) => state === 'running' && cables.length === 2 && cables.every((cable) => cable.state === 'up')),
    );
    assert.equal(await rig.machine.sh('ls /sys/fs/cgroup/ob/demo/*/cgroup.procs | wc -l'), '20');
    assert.equal(await rig.inside('s19', 'hostname; ip -br -4 address show dev eth1 | tr -s " " | cut -d" " -f3'), 's19\n10.78.1.20/16');
    // A port where nobody listens: who refuses is there.
    for (const address of ['10.77.1.20', '10.78.1.20', '2001:db8::20'])
      assert.match(await rig.inside('s0', `bash -c ': </dev/tcp/${address}/9' 2>&1 || true`), /Connection refused/, address);

    await rig.machine.sh(
      `kill -KILL ${NUMBERS.filter((n) => n % 2)
        .map((n) => rig.pid1(`s${n}`))
        .join(' ')}`,
    );
    await time('mend half of them', () => rig.apply('-j', parallel));
    await rig.settled();
    await time('destroy', async () => assert.equal((await rig.machine.ob('destroy', '-j', parallel)).code, 0));
    assertSame(await rig.snapshot(), before, 'something is left');
  });
