import assert from 'node:assert/strict';
import test, { after } from 'node:test';
import { kinds } from '../../src/resources/index.ts';
import { noImages } from '../live/images.ts';
import { noVlan } from '../live/vlans.ts';
import { noLive } from '../machine.ts';
import { createRandom, pick } from '../random.ts';
import { exhaustionPoints } from './exhaust.ts';
import { createScene, SCENARIOS, type Scenario, type Scene } from './oracle.ts';
import { tryPeer } from './peer-points.ts';
import { PEERS } from './peers.ts';
import { type Point, tryPoints } from './points.ts';
import { programPoints } from './programs.ts';
import { countSessionKeyrings } from './state.ts';
import { stepPoints } from './steps.ts';
import { syscallPoints } from './syscalls.ts';
import { fillPage, type Row, tableOf } from './table.ts';

// `npm run test:crash` (CRASH=all; CRASH=every: see syscalls.ts) tries every point and prints the table of docs/reliability.md. Else one point of each group is tried,
// which one tells SEED. ONLY=TEXT: only points with the text in their label, level or scenario.
const IS_WHOLE = process.env['CRASH'] !== undefined;
const SEED = Number(process.env['SEED'] ?? 1);
/** Disposable machines at a time. */
const WORKERS = Number(process.env['WORKERS'] ?? 3);
const ONLY = process.env['ONLY'];
/** So many may be of other tests at the same time. */
const MOST_KEYRINGS = 1000;

const table: Row[] = [];
let about = '';

const LEVELS: readonly ((scene: Scene, scenario: Scenario) => Promise<Point[]>)[] = [stepPoints, programPoints, syscallPoints];

test('whatever a run of ob is killed at, the next one heals, and nothing is left over', { skip: noLive }, async (t) => {
  const keyrings = countSessionKeyrings();
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

  const chosen = IS_WHOLE || ONLY ? points.filter((point) => !ONLY || textOfPoint(point).includes(ONLY)) : someOf(points);
  const began = Date.now();
  const { rows, failures, missed } = await tryPoints(t, chosen, WORKERS);
  const minutes = ((Date.now() - began) / 60_000).toFixed(1);
  about = `${chosen.length} of ${points.length} points, ${missed} of which no run came to, ${minutes} min on ${WORKERS} machines at a time`;
  console.log(`${about}, SEED=${SEED}\n${tableOf(rows)}`);
  table.push(...rows);
  assert.ok(countSessionKeyrings() - keyrings < MOST_KEYRINGS, 'session keyrings stay');
  assert.equal(failures.length, 0, failures.join('\n\n'));
});

for (const peer of PEERS)
  test(`the same for ${peer.name}`, { skip: noLive ?? (IS_WHOLE ? undefined : 'npm run test:crash tries it') }, async (t) => {
    if (ONLY && !peer.name.includes(ONLY)) return t.skip('not asked for');
    const row = peer.version() === undefined ? undefined : await tryPeer(t, peer, WORKERS);
    if (!row) return t.skip(`${peer.name} cannot be tried here`);
    table.push(row);
    console.log(tableOf([row]));
    return undefined;
  });

after(() => {
  if (IS_WHOLE) console.log(tableOf(table));
  if (process.env['SAVE'] && !ONLY) fillPage(table, about);
});

/** All of the steps and programs; one for each program by its system calls, and for each resource, in any scenario. */
function someOf(points: readonly Point[]): Point[] {
  const isWhole = ({ level }: Point): boolean => level === 'step' || level === 'program';
  return [...points.filter(isWhole), ...oneOfEach(points.filter((point) => !isWhole(point)))];
}

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
