import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { type Explanation, explain, type Known } from '../../src/cli/explain.ts';
import { explanationLines } from '../../src/cli/explain-text.ts';
import type { Reason } from '../../src/cli/record/gate.ts';
import { statusOf } from '../../src/cli/status.ts';
import { createPaint } from '../../src/cli/style.ts';
import { golden } from '../golden.ts';
import { readRecording } from '../planner/recorded.ts';

const GOLDEN = fileURLToPath(new URL('../../fixtures/status/explain.txt', import.meta.url));
const AT = '2026-11-24T22:00:00.000Z';

/** What is known of web on a recorded machine: see fixtures/plans. */
async function knownIn(recording: string, beside: Partial<Known> = {}): Promise<Known> {
  const { file, plan, world } = await readRecording(recording);
  const kept = beside.reason && new Map([['web', { state: beside.reason.state, message: beside.reason.message, since: AT }]]);
  const status = statusOf(file.scope, plan, world, kept ? { kept } : {}).find(({ name }) => name === 'web');
  assert.ok(status);
  return {
    status,
    live: [...world.live.values()].filter(({ subhost }) => subhost === 'web'),
    pending: plan.changes.filter(({ subhost, action }) => action !== 'none' && subhost !== 'db'),
    blockers: plan.blockers,
    isCompared: true,
    log: { lines: ['[ob] start httpd', 'no such file', '[ob] httpd exit 127'], command: 'ob logs web' },
    logFile: '/var/log/ob/demo/web.log',
    ...beside,
  };
}

const reason = (state: Reason['state'], hint: string): Reason => ({
  name: 'web',
  state,
  isLeft: true,
  until: null,
  why: null,
  message: `web is ${state}`,
  hint,
  isUntold: false,
});

const TROUBLE: Known['trouble'] = {
  boot: '',
  at: 0,
  failures: 10,
  since: 0,
  next: 0,
  file: '',
  seen: '',
  told: true,
  step: 'converge process/web',
  command: 'service httpd start',
  words: 'httpd: exit 127 (not found): no such file',
  hint: null,
};

const CASES: Readonly<Record<string, () => Promise<Known>>> = {
  'as wanted': () => knownIn('nothing-to-do'),
  'PID 1 killed': () => knownIn('pid1-dead'),
  'a service failed': () => knownIn('start-failed', { trouble: { ...TROUBLE, failures: 1 } }),
  'its bridge is gone': () => knownIn('bridge-gone'),
  'its root is covered': () => knownIn('root-covered'),
  'something is in the way': () => knownIn('foreign-link'),
  'it is held, and differs': () => knownIn('ram-size', { reason: reason('held', 'ob release web') }),
  'it is stalled': () =>
    knownIn('start-failed', { reason: reason('stalled', 'mend it, then ob unstall web'), trouble: TROUBLE, troubleSince: AT }),
  'a person has stopped it': () => knownIn('pid1-dead', { reason: reason('stopped', 'ob start web') }),
  'it has ended, and is left so': () => knownIn('restart-never-killed'),
  'it has done its work': () => knownIn('restart-on-failure-in-order'),
  'nothing of it is there': () => knownIn('empty-machine'),
};

test('what is wrong is explained in the words that a person has read', async () => {
  const paint = createPaint({}, {});
  const parts: string[] = [];
  for (const [name, known] of Object.entries(CASES)) {
    const lines = explanationLines(explain(await known()), paint);
    assert.deepEqual(
      lines.filter((line) => line.length > 80),
      [],
      name,
    );
    parts.push([`== ${name}`, ...lines].join('\n'));
  }
  golden(GOLDEN, `${parts.join('\n\n')}\n`);
});

test('one that is well needs no log and nothing to do; of one that is not, something is to be done', async () => {
  for (const [name, known] of Object.entries(CASES)) {
    const { well, log, next }: Explanation = explain(await known());
    assert.equal(next.length > 0, !well, name);
    assert.equal(log.length > 0, !well && !/bridge|root|way|held/.test(name), name);
  }
});
