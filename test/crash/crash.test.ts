import assert from 'node:assert/strict';
import test from 'node:test';
import { kinds } from '../../src/resources/index.ts';
import { noImages } from '../live/images.ts';
import { noVlan } from '../live/vlans.ts';
import { noLive } from '../machine.ts';
import { createRandom, pick } from '../random.ts';
import { exhaustionPoints } from './exhaust.ts';
import { createScene, SCENARIOS, type Scenario, type Scene } from './oracle.ts';
import { type Point, tableOf, tryPoints } from './points.ts';
import { programPoints } from './programs.ts';
import { stepPoints } from './steps.ts';
import { syscallPoints } from './syscalls.ts';

// `npm run test:crash` tries every point and prints the table of docs/reliability.md. Else one point of each group is tried,
// which one tells SEED. ONLY=TEXT: only points with the text in their label, level or scenario.
const IS_WHOLE = process.env['CRASH'] === 'all';
const SEED = Number(process.env['SEED'] ?? 1);
/** Disposable machines at a time. */
const WORKERS = Number(process.env['WORKERS'] ?? 2);
const ONLY = process.env['ONLY'];

const LEVELS: readonly ((scene: Scene, scenario: Scenario) => Promise<Point[]>)[] = [stepPoints, programPoints, syscallPoints];

test('whatever a run of ob is killed at, the next one heals, and nothing is left over', { skip: noLive }, async (t) => {
  const scene = await createScene(t);
  const points: Point[] = [];
  for (const list of LEVELS) for (const scenario of SCENARIOS) points.push(...(await list(scene, scenario)));
  points.push(...exhaustionPoints());

  await t.test('every kind of step is among them', () => {
    const groups = new Set(points.map(({ group }) => group));
    const lacking = new Set([noVlan ? 'vlan' : '', noImages ? 'disk' : '']);
    const wanted = kinds.filter(({ name }) => !lacking.has(name)).flatMap(({ name }) => [`converge ${name}`, `remove ${name}`]);
    assert.deepEqual(
      wanted.filter((group) => !groups.has(group)),
      [],
      'no scenario of scene.ts has such a step',
    );
  });

  const chosen = IS_WHOLE || ONLY ? points.filter((point) => !ONLY || textOfPoint(point).includes(ONLY)) : oneOfEach(points);
  const rows = await tryPoints(t, chosen, WORKERS);
  const failures = rows.flatMap((row) => row.failures);
  console.log(`${chosen.length} of ${points.length} points, SEED=${SEED}\n${tableOf(rows)}`);
  assert.equal(failures.length, 0, failures.join('\n\n'));
});

/** One point for each kind of step, each program and each resource, in any scenario. */
function oneOfEach(points: readonly Point[]): Point[] {
  const groups = new Map<string, Point[]>();
  for (const point of points) groups.set(keyOf(point), [...(groups.get(keyOf(point)) ?? []), point]);
  const random = createRandom(SEED);
  return [...groups.values()].map((group) => pick(random, group));
}

function keyOf({ level, group }: Point): string {
  return `${level} ${group}`;
}

function textOfPoint({ level, scenario, label }: Point): string {
  return `${level} ${scenario.name} ${label}`;
}
