import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { textOf } from '../live/rig.ts';
import { collect, OB } from '../machine.ts';
import type { Scenario, Scene } from './oracle.ts';
import type { Point } from './points.ts';

// Crashes before and after each step of a plan, by the failpoints of src/cli/fault.ts.

const WHEN = ['before', 'after'] as const;
const WHAT = ['KILL', 'EIO', 'HANG'] as const;
type Fault = `${string}:${(typeof WHEN)[number]}:${(typeof WHAT)[number]}`;

/** All that there are in a scenario; which steps it has is told by a run that nothing happens to. */
export async function stepPoints(scene: Scene, scenario: Scenario): Promise<Point[]> {
  const steps = await listSteps(scene, scenario);
  return steps.flatMap((step) =>
    WHEN.flatMap((when) =>
      WHAT.map((what): Point => {
        const label = `${step}:${when}:${what}` as const;
        const group = step.replace(/\/.*/, '');
        return { level: 'step', scenario, label, group, inject: (scene) => strike(scene, scenario, label) };
      }),
    ),
  );
}

/** `VERB ADDRESS` of each. Leaves the scene as it was. */
async function listSteps(scene: Scene, scenario: Scenario): Promise<string[]> {
  await scene.before(scenario);
  const ran = await scene.rig.machine.ob(...scenario.command, '--json');
  assert.equal(ran.code, 0, textOf(ran));
  await scene.assertNoResidue();
  const events = ran.stdout
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as { type: string; verb?: string; address?: string });
  return events.flatMap(({ type, verb, address }) => (type === 'start' ? [`${verb} ${address}`] : [])).sort();
}

async function strike({ rig: { machine } }: Scene, { command }: Scenario, fault: Fault): Promise<boolean> {
  const child = machine.start(OB, command, { cwd: '/mnt', env: { ...process.env, OB_FAULT: fault } });
  const ended = collect(child);
  if (fault.endsWith('HANG')) {
    await Promise.race([once(child.stderr ?? process.stdin, 'data'), ended]);
    const second = await machine.ob('apply');
    assert.equal(second.code, 75, `beside one that hangs: ${textOf(second)}`);
    // What was started here joins the machine, and starts ob in its pid namespace.
    process.kill(Number(readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8')), 'SIGKILL');
    // nsenter(1) stops with its child.
    child.kill('SIGCONT');
  }
  const ran = await ended;
  assert.match(ran.stderr, /^ob: failpoint /m, textOf(ran));
  assert.equal(ran.code, fault.endsWith('EIO') ? 1 : null, textOf(ran));
  const step = fault.replace(/^\w+ |:.*/g, '');
  if (fault.endsWith('EIO')) assert.ok(`${ran.stdout}${ran.stderr}`.includes(step), `the step is not named: ${textOf(ran)}`);
  return true;
}
