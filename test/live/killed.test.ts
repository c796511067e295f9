import assert from 'node:assert/strict';
import { createInterface } from 'node:readline';
import test, { type TestContext } from 'node:test';
import { collect, noLive, OB } from '../machine.ts';
import { assertSame } from '../snapshot.ts';
import { killAt, type Moment } from './kill.ts';
import { createRig, type Rig, textOf } from './rig.ts';

const HOSTS = `scope: demo
bridges: { ob0: { address: 10.77.0.1/24 } }
subhosts:
  web:
    base: /mnt/web
    cables:
      - { bridge: ob0, mac: "02:00:0a:4d:00:02", address: 10.77.0.2/24, gateway: 10.77.0.1 }
      - { bridge: ob0 }
    start: [/srv/slow]
  client:
    base: /mnt/client
    cables: [{ bridge: ob0, address: 10.77.0.3/24 }]
    start: none
`;
const CHANGED = HOSTS.replace('00:02"', '00:12"')
  .replace('10.77.0.2/24', '10.77.0.22/24')
  .replace('base: /mnt/client\n', 'base: /mnt/client\n    work: other\n');

const PREPARE = `
  mkdir -p /mnt/web/root/srv
  printf '#!/bin/sh\\nsleep 0.2\\n[ "$1" != start ] || setsid sleep 1000 >/dev/null 2>&1 &\\n' >/mnt/web/root/srv/slow
  chmod 755 /mnt/web/root/srv/slow`;

const APPLY: readonly Moment[] = [
  'planned +0',
  'start netns/web+0',
  'start mount/client+0',
  'done netns/client+0',
  'start veth/web0+0',
  'start veth/web0+4',
  'done veth/client0+0',
  'start process/web+0',
  'start process/web+5',
  'start process/web+15',
  'say process/web+0',
  'say process/web+50',
];

const DESTROY: readonly Moment[] = [
  'planned +0',
  'start process/web+0',
  'start process/web+10',
  'done process/client+0',
  'start mount/web+0',
  'start veth/web0+0',
  'start netns/web+0',
  'done netns/client+0',
];

const CHANGE: readonly Moment[] = ['start process/client+0', 'start veth/web0+0', 'start mount/client+2', 'done mount/client+0'];

/** So often a run may come to its end before it is killed: then the moment is too short for this machine. */
const TRIES = 10;

/** Kills a run at each moment, and does the rest: again and again until it was killed. */
async function killEach(
  t: TestContext,
  rig: Rig,
  { command, moments, what = '' }: { readonly command: string; readonly moments: readonly Moment[]; readonly what?: string },
  rest: (moment: Moment) => Promise<void>,
): Promise<void> {
  let hits = 0;
  for (const moment of moments)
    await t.test(`${moment}${what}`, async () => {
      for (let tries = 0, isKilled = false; !isKilled && tries < TRIES; tries++) {
        isKilled = await killAt(rig, command, moment);
        hits += isKilled ? 1 : 0;
        await rest(moment);
      }
    });
  assert.ok(hits >= moments.length / 2, `${hits} of ${moments.length} runs were killed before they came to their end`);
}

async function assertWell(rig: Rig, healthy: Record<string, string>, moment: string): Promise<void> {
  await rig.apply();
  await rig.settled();
  assert.deepEqual(await rig.seen('web', 'client'), healthy, moment);
}

test('an apply that is killed at any moment is completed by the next one', { skip: noLive }, async (t) => {
  const rig = await createRig(t);
  await rig.machine.sh(PREPARE);
  rig.hosts(HOSTS);
  const nothing = await rig.snapshot();
  await rig.apply();
  const healthy = await rig.seen('web', 'client');
  await rig.machine.ob('destroy');
  await killEach(t, rig, { command: 'apply', moments: APPLY }, async (moment) => {
    await assertWell(rig, healthy, moment);
    assert.equal((await rig.machine.ob('destroy')).code, 0);
    assertSame(await rig.snapshot(), nothing, moment);
  });
});

test('a destroy that is killed at any moment leaves nothing that apply cannot mend', { skip: noLive }, async (t) => {
  const rig = await createRig(t);
  await rig.machine.sh(PREPARE);
  rig.hosts(HOSTS);
  const nothing = await rig.snapshot();
  await rig.apply();
  const healthy = await rig.seen('web', 'client');
  await killEach(t, rig, { command: 'destroy', moments: DESTROY }, (moment) => assertWell(rig, healthy, moment));
  await killEach(t, rig, { command: 'destroy', moments: DESTROY, what: ', then destroy' }, async (moment) => {
    assert.equal((await rig.machine.ob('destroy')).code, 0);
    assertSame(await rig.snapshot(), nothing, moment);
    await rig.apply();
  });
});

test('a change that is killed at any moment is completed by the next apply', { skip: noLive }, async (t) => {
  const rig = await createRig(t);
  await rig.machine.sh(PREPARE);
  const files = [HOSTS, CHANGED];
  const healthy: Record<string, string>[] = [];
  for (const file of files) {
    rig.hosts(file);
    await rig.apply();
    healthy.push(await rig.seen('web', 'client'));
  }
  let index = 0;
  rig.hosts(HOSTS);
  await killEach(t, rig, { command: 'apply', moments: CHANGE }, async (moment) => {
    await assertWell(rig, healthy[index++ % 2] ?? {}, moment);
    rig.hosts(files[index % 2] ?? '');
  });
});

test('a start list that was left under way is waited for, and its end is told', { skip: noLive }, async (t) => {
  const rig = await createRig(t);
  await rig.machine.sh(`
    mkdir -p /mnt/web/root/srv
    printf '#!/bin/sh\\n[ "$1" = start ] || exit 0\\nwhile [ ! -e /go ]; do sleep 0.05; done; echo too late; exit 5\\n' >/mnt/web/root/srv/slow
    chmod 755 /mnt/web/root/srv/slow`);
  rig.hosts(HOSTS.replace(/ {2}client:[\s\S]*/, ''));
  assert.ok(await killAt(rig, 'apply', 'say process/web+0'));
  assert.deepEqual(
    (await rig.status()).map(({ state }) => state),
    ['starting'],
  );
  const pid = rig.pid1('web');
  const child = rig.machine.start(OB, ['apply', '--json'], { cwd: '/mnt' });
  const ended = collect(child);
  for await (const line of createInterface({ input: child.stdout ?? process.stdin })) if (line.includes('waiting for /srv/slow')) break;
  await rig.machine.sh('touch /mnt/web/live/go');
  const ran = await ended;
  assert.equal(ran.code, 1, textOf(ran));
  assert.match(ran.stdout, /"type":"failed",.*"error":"\/srv\/slow start: exit 5: too late"/);
  assert.equal(rig.pid1('web'), pid);
});
