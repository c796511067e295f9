import type { TestContext } from 'node:test';
import { createScene, type Scenario, type Scene } from './oracle.ts';
import { type Row, tableOf } from './table.ts';

/** One way to crash one run. */
export interface Point {
  /** Of what it is a crash: `step`, `program`, … */
  readonly level: string;
  readonly scenario: Scenario;
  readonly label: string;
  /** Points of one group are alike: of each group at least one is tried, however few are. */
  readonly group: string;
  /** Runs the scenario's command, crashed here. False: it never came to this point. */
  inject(scene: Scene): Promise<boolean>;
}

export interface Results {
  readonly rows: readonly Row[];
  readonly failures: readonly string[];
  /** Points that no run came to: what goes on side by side does not come to the same in each run. */
  readonly missed: number;
}

/**
 * Points one after another on one machine. Where all of a scenario's points begin and end with the same subhosts, these stand
 * in between, and are destroyed at the end; and a PID 1 is killed then. Each point of a batch that fails is tried by itself.
 */
type Batch = readonly Point[];
const MOST = 8;
/** Of a long run it is told how far it is after so many points. */
const TOLD = 500;

/** How far a point came. */
type Stage = 'missed' | 'tried' | 'converged' | 'clean';

/** Tries all points, on WORKERS disposable machines at a time. */
export async function tryPoints(t: TestContext, points: readonly Point[], workers: number): Promise<Results> {
  const stages = new Map<Point, Stage>();
  const failures: string[] = [];
  const left = batchesOf(points);
  let done = 0;
  const tell = (count: number): void => {
    const before = done;
    done += count;
    if (Math.floor(before / TOLD) < Math.floor(done / TOLD))
      process.stderr.write(`${done} of ${points.length}\n${tableOf(rowsOf(points, stages))}\n`);
  };
  const work = async (): Promise<void> => {
    let machine: Machine | undefined;
    const tryOne = async (batch: Batch): Promise<string | undefined> => {
      machine ??= await createMachine(t);
      const failure = await tryBatch(machine.scene, batch, stages);
      // What a failure leaves is nothing to go on with.
      if (failure !== undefined) {
        await machine.end();
        machine = undefined;
      }
      return failure;
    };
    for (let batch = left.shift(); batch; batch = left.shift()) {
      const failure = await tryOne(batch);
      tell(batch.length);
      if (failure === undefined) continue;
      const alone = batch.length > 1 ? batch : [];
      const again: string[] = [];
      for (const point of alone) again.push((await tryOne([point])) ?? '');
      const found = again.some(Boolean) ? again.filter(Boolean) : [failure];
      process.stderr.write(`${found.join('\n\n')}\n\n`);
      failures.push(...found);
    }
  };
  await Promise.all(Array.from({ length: workers }, work));
  return { rows: rowsOf(points, stages), failures, missed: [...stages.values()].filter((stage) => stage === 'missed').length };
}

interface Machine {
  readonly scene: Scene;
  end(): Promise<void>;
}

async function createMachine(t: TestContext): Promise<Machine> {
  const ends: (() => unknown)[] = [];
  const end = async (): Promise<void> => {
    for (const one of ends.splice(0).reverse()) await one();
  };
  t.after(end);
  return { scene: await createScene({ after: (one) => void ends.push(one as () => unknown) }), end };
}

function batchesOf(points: readonly Point[]): Batch[] {
  const groups = new Map<string, Point[]>();
  for (const point of points) groups.set(keyOf(point), [...(groups.get(keyOf(point)) ?? []), point]);
  return [...groups.values()].flatMap((group) =>
    Array.from({ length: Math.ceil(group.length / MOST) }, (_, index) => group.slice(index * MOST, (index + 1) * MOST)),
  );
}

/** Gives what went wrong. */
async function tryBatch(scene: Scene, batch: Batch, stages: Map<Point, Stage>): Promise<string | undefined> {
  let at = batch[0];
  try {
    for (const point of batch) {
      at = point;
      const { scenario } = point;
      stages.set(point, 'missed');
      await scene.before(scenario);
      const isHit = await point.inject(scene);
      if (isHit) stages.set(point, 'tried');
      await scene.assertHealed(scenario);
      if (isHit) stages.set(point, 'converged');
      const isLast = point === batch.at(-1);
      if (isLast && scenario.heal === 'apply') await scene.assertReturns(scenario);
      if (isLast || scenario.standing === undefined || scenario.heal === 'destroy') await scene.assertNoResidue({ twice: isLast });
    }
  } catch (error) {
    const label = at ? `${keyOf(at)}, ${at.label}` : '';
    return `${label}${batch.length > 1 ? `, one of ${batch.length} together` : ''}: ${error instanceof Error ? error.message : error}`;
  }
  for (const point of batch) if (stages.get(point) === 'converged') stages.set(point, 'clean');
  return undefined;
}

function keyOf({ level, scenario }: Point): string {
  return `${level}, ${scenario.name}`;
}

function rowsOf(points: readonly Point[], stages: ReadonlyMap<Point, Stage>): Row[] {
  const groups = new Map<string, Point[]>();
  for (const point of points) groups.set(keyOf(point), [...(groups.get(keyOf(point)) ?? []), point]);
  return [...groups.values()].map((group) => {
    const count = (...among: readonly Stage[]): number => group.filter((point) => among.includes(stages.get(point) ?? 'missed')).length;
    const [{ level, scenario } = { level: '', scenario: { name: '' } }] = group;
    return {
      who: 'ob',
      level,
      scenario: scenario.name,
      tried: count('tried', 'converged', 'clean'),
      converged: count('converged', 'clean'),
      clean: count('clean'),
    };
  });
}
