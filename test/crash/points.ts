import type { TestContext } from 'node:test';
import { createScene, type Scenario, type Scene } from './oracle.ts';

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

/** How the points of one level in one scenario have come out. */
export interface Row {
  readonly level: string;
  readonly scenario: string;
  tried: number;
  converged: number;
  clean: number;
  readonly failures: string[];
}

/** Tries all points, on WORKERS disposable machines at a time. */
export async function tryPoints(t: TestContext, points: readonly Point[], workers: number): Promise<Row[]> {
  const rows = new Map<string, Row>();
  const left = [...points];
  const work = async (): Promise<void> => {
    let scene: Scene | undefined;
    for (let point = left.shift(); point; point = left.shift()) {
      scene ??= await createScene(t);
      const { level, scenario } = point;
      const row = rows.get(`${level} ${scenario.name}`) ?? {
        level,
        scenario: scenario.name,
        tried: 0,
        converged: 0,
        clean: 0,
        failures: [],
      };
      rows.set(`${level} ${scenario.name}`, row);
      // What a failure leaves is nothing to go on with.
      if (!(await tryPoint(scene, point, row))) scene = undefined;
    }
  };
  await Promise.all(Array.from({ length: workers }, work));
  return [...rows.values()];
}

async function tryPoint(scene: Scene, { scenario, label, inject }: Point, row: Row): Promise<boolean> {
  try {
    await scene.before(scenario);
    const isHit = await inject(scene);
    if (isHit) row.tried++;
    await scene.assertHealed(scenario);
    if (isHit) row.converged++;
    await scene.assertNoResidue();
    if (isHit) row.clean++;
    return true;
  } catch (error) {
    const failure = `${row.level}, ${row.scenario}, ${label}: ${error instanceof Error ? error.message : error}`;
    row.failures.push(failure);
    process.stderr.write(`${failure}\n\n`);
    return false;
  }
}

/** The points of a row that the command `npm run test:crash` prints. */
export function tableOf(rows: readonly Row[]): string {
  const head = ['level', 'scenario', 'points tried', 'converged', 'zero residue'];
  const sum = (pick: (row: Row) => number): number => rows.reduce((all, row) => all + pick(row), 0);
  const cells = [
    ...rows.map((row) => [row.level, row.scenario, row.tried, row.converged, row.clean]),
    ['all', '', sum((row) => row.tried), sum((row) => row.converged), sum((row) => row.clean)],
  ];
  return [head, head.map(() => '---'), ...cells].map((line) => `| ${line.join(' | ')} |`).join('\n');
}
