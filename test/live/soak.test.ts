import assert from 'node:assert/strict';
import test from 'node:test';
import { noLive } from '../machine.ts';
import { createRandom, pick, type Random } from '../random.ts';
import { assertSame } from '../snapshot.ts';
import { driftHosts, lackingFor, prepareDrifts, SORTS, type Sort } from './drift-hosts.ts';
import { type Drift, driftsOf, scriptOf } from './drifts.ts';
import { createRig, type Rig, textOf } from './rig.ts';
import { startWatching } from './watching.ts';

// SEED, COUNT and SUBHOSTS make it another one, or a longer one: npm run test:soak.
const seed = Number(process.env['SEED'] ?? 1);
const count = Number(process.env['COUNT'] ?? 15);
const names = Array.from({ length: Number(process.env['SUBHOSTS'] ?? 3) }, (_, index) => `s${index}`);

/** Of each sort there are some, and of plain ones, to which most of it can happen, the most. */
function sortOf(index: number): Sort {
  const sort = SORTS[index % (2 * SORTS.length)] ?? 'plain';
  return lackingFor(sort) === undefined ? sort : 'plain';
}

/** So many go on at a time, each at another subhost. */
const LANES = 3;
const LIMIT_MS = 420_000;

interface Injection {
  readonly drift: Drift;
  readonly name: string;
  readonly other: string;
  readonly pauseSeconds: number;
}

function draw(random: Random): Injection {
  const name = pick(random, names);
  const other = pick(
    random,
    names.filter((one) => one !== name),
  );
  const own = driftsOf(sortOf(names.indexOf(name)));
  // What is meant for one with cables comes to nothing where there is none.
  const drift = pick(random, random(3) === 0 ? own : driftsOf('plain'));
  return { drift, name, other, pauseSeconds: random(400) / 1000 };
}

function show({ drift, name, other }: Injection): string {
  return `${name} (${other}): ${drift.what}`;
}

test(`ob watch outlives ${count} drifts of ${names.length} subhosts (SEED=${seed})`, { skip: noLive }, async (t) => {
  t.diagnostic(`SEED=${seed} COUNT=${count} SUBHOSTS=${names.length}`);
  const rig = await createRig(t, { limits: true });
  await rig.machine.sh(prepareDrifts(names));
  rig.hosts(driftHosts(names, sortOf));
  const nothing = await rig.snapshot();
  const watching = await startWatching(t, rig);
  await untilWhole(rig, names);
  const healthy = await rig.seen(...names);

  const random = createRandom(seed);
  const injections = Array.from({ length: count }, () => draw(random));
  const told: string[] = [];
  const lane = async (): Promise<void> => {
    for (let next = injections.shift(); next; next = injections.shift()) {
      // Two at once on one subhost may take away both of its marks, and what has none is nobody's.
      await untilWhole(rig, [next.name, next.other]);
      told.push(`${told.length + 1}. ${show(next)}`);
      await rig.machine.sh(`sleep ${next.pauseSeconds}`);
      await inject(rig, next);
    }
  };
  try {
    await Promise.all(Array.from({ length: LANES }, lane));
    await untilWhole(rig, names);
    assert.deepEqual(await rig.seen(...names), healthy);
    watching.signal('SIGTERM');
    assert.deepEqual(await watching.ended, { code: 0, stderr: '' });
    await rig.settled();
    const ran = await rig.machine.ob('destroy');
    assert.equal(ran.code, 0, textOf(ran));
    // `ip netns add`, which some drifts are made with, has mounted it over itself.
    await rig.machine.sh('umount /run/netns 2>/dev/null; rmdir /run/netns 2>/dev/null || true');
    assertSame(await rig.snapshot(), nothing, 'something is left that the file does not say');
  } catch (error) {
    const trouble = watching.lines().filter(({ type }) => type !== 'repair');
    const plan = textOf(await rig.machine.ob('plan'));
    t.diagnostic([...told, ...trouble.map((line) => JSON.stringify(line)), plan].join('\n'));
    throw error;
  }
  t.diagnostic(`${watching.lines().filter(({ type }) => type === 'repair').length} repairs`);
});

/** Watched, the machine may be mended while it is still being damaged: what has come to nothing then is none. */
async function inject(rig: Rig, { drift, name, other }: Injection): Promise<void> {
  await rig.machine.run('timeout', ['10', 'sh', '-c', scriptOf(drift, name, other)]);
  if (drift.undo) await rig.machine.sh(`sleep 0.5; ${scriptOf({ inject: drift.undo }, name, other)}`);
}

async function untilWhole(rig: Rig, some: readonly string[]): Promise<void> {
  for (const deadline = Date.now() + LIMIT_MS; ; ) {
    const ran = await rig.machine.ob('plan', '--detailed-exitcode', '--limit', some.join(','));
    if (ran.code === 0) return;
    assert.ok(Date.now() < deadline, `not mended: ${some.join(' ')}\n${textOf(ran)}`);
  }
}
