import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { OB, type Ran, type Span } from '../machine.ts';
import { assertSame } from '../snapshot.ts';
import { LOOPS_LEFT, noImages } from './images.ts';
import { kill } from './kill.ts';
import { edited, firstModel, hostsText, type Model, NAMES, namesIn, variantOf } from './model-hosts.ts';
import { type KillAt, losesLastMark, losesMark, type Op, scriptFor, show } from './model-ops.ts';
import { KEPT, prepare } from './model-scene.ts';
import { createRig, type Rig, textOf } from './rig.ts';

const WAIT = ['--lock-timeout', '60'];

/** What is told before the last step of a run: all before it has converged. */
export const LAST = 'at the end: destroy';

/** What came to more than nothing: a drift of what is not there is none, and a run may end before it is killed. */
export interface Hits {
  drifts: number;
  kills: number;
}

/** Runs a sequence on a machine of its own; afterwards one apply has to mend all of it, and one destroy to end it. */
export async function runModel(ops: readonly Op[], tell: (line: string) => void = () => {}): Promise<Hits> {
  const ends: (() => unknown)[] = [];
  try {
    return await runOn(await createRig({ after: (end) => void ends.push(end as () => unknown) } as Span, { limits: true }), ops, tell);
  } finally {
    for (const end of ends) await end();
  }
}

interface State {
  readonly rig: Rig;
  model: Model;
  readonly hits: Hits;
  /** Somebody has taken a mark away since the last apply: a second one is not lost, nor the object left out, before the next. */
  isMarkLost: boolean;
}

async function runOn(rig: Rig, ops: readonly Op[], tell: (line: string) => void): Promise<Hits> {
  await prepare(rig);
  const state: State = { rig, model: firstModel(), hits: { drifts: 0, kills: 0 }, isMarkLost: false };
  rig.hosts(hostsText(state.model));
  const before = await rig.snapshot();
  for (const op of ops) {
    tell(show(op));
    await run(state, op);
  }
  tell('at the end: apply');
  await applies(rig, 'apply', '--allow-empty', ...WAIT);
  await startLeft(state);
  if (namesIn(state.model).length > 0) await rig.settled();
  await Promise.all(namesIn(state.model).map((name) => checkRunning(state, name)));
  tell(LAST);
  for (const words of [['destroy', ...WAIT], ['destroy']]) await applies(rig, ...words);
  assertSame(await rig.snapshot(), before, 'something is left, or missing, after destroy');
  assert.equal(await rig.machine.sh(KEPT), '');
  if (!noImages) assert.equal(await rig.machine.sh(LOOPS_LEFT), '', 'a loop device is left');
  return state.hits;
}

/** What has ended, and by its file is left so. */
async function startLeft({ rig, model }: State): Promise<void> {
  const names = namesIn(model).filter((name) => variantOf(model, name, 'restart') > 0);
  if (names.length > 0) await applies(rig, 'start', ...names, ...WAIT);
}

const LOOK = `hostname; cat /kept; grep -c " /run tmpfs" /proc/mounts
  cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' ' ' | grep -o 'sleep 1[02][03][04]' | sort`;

/** It has a PID 1 of its own, its own files, and its services. */
async function checkRunning({ rig, model }: State, name: string): Promise<void> {
  const [hostname, kept, runs, ...services] = (await rig.inside(name, `${LOOK} || true`)).split('\n');
  assert.deepEqual([hostname, kept, runs], [name, 'kept', variantOf(model, name, 'ram') === 2 ? '0' : '1']);
  const [start, asked] = [variantOf(model, name, 'start'), variantOf(model, name, 'check_services') > 0];
  const what = `what runs in ${name}: ${services.join(', ')}`;
  // Of several services one may have died: who is not asked does not tell.
  if (start !== 2) assert.deepEqual(services, start === 0 ? [] : ['sleep 1000'], what);
  else assert.ok(asked ? services.includes('sleep 1234') : services.length > 0, what);
}

async function run(state: State, op: Op): Promise<void> {
  const { rig } = state;
  switch (op.do) {
    case 'edit':
      if (state.isMarkLost) return;
      state.model = edited(state.model, op.name, op.key, op.value);
      return rig.hosts(hostsText(state.model));
    case 'drift':
      if (losesMark(op.drift) && (state.isMarkLost || !isThere(state, op.name, op.other))) return;
      state.isMarkLost ||= losesMark(op.drift);
      state.hits.drifts += (await rig.machine.run('timeout', ['20', 'sh', '-c', scriptFor(op)])).code === 0 ? 1 : 0;
      if (losesLastMark(op.drift)) await applyAll(state);
      return;
    case 'apply':
      if (op.words[0] !== '--limit') return applyAll(state, ...op.words);
      return isThere(state, op.words[1] ?? '') ? applies(rig, 'apply', ...op.words, ...WAIT) : undefined;
    case 'apply twice at once':
      await Promise.all([1, 2].map(() => applies(rig, 'apply', '--allow-empty', ...WAIT)));
      state.isMarkLost = false;
      return;
    case 'kill apply':
      return killed(state, op.at, 'apply', '--allow-empty', ...WAIT);
    case 'kill destroy':
      return state.isMarkLost ? undefined : killed(state, op.at, 'destroy', ...WAIT);
    case 'destroy':
      if (!state.isMarkLost) await ends(rig, 'destroy', ...op.names, ...WAIT);
      return;
    default:
      if (isThere(state, op.name)) await ends(rig, op.do, op.name, ...WAIT);
  }
}

async function applyAll(state: State, ...words: readonly string[]): Promise<void> {
  await applies(state.rig, 'apply', '--allow-empty', ...words, ...WAIT);
  state.isMarkLost = false;
}

function isThere({ model }: State, ...names: readonly string[]): boolean {
  return names.every((name) => variantOf(model, name, 'there') > 0);
}

async function applies(rig: Rig, ...words: string[]): Promise<void> {
  const ran = await rig.machine.ob(...words);
  assert.equal(ran.code, 0, `${words.join(' ')}: ${textOf(ran)}`);
}

/** It may say that something is not there, but never that it does not understand itself. */
async function ends(rig: Rig, ...words: string[]): Promise<void> {
  const ran: Ran = await rig.machine.ob(...words);
  assert.ok([0, 1, 64].includes(ran.code ?? -1) && !/bug in ob/.test(textOf(ran)), `${words.join(' ')}: ${textOf(ran)}`);
}

/** Kills ob itself, and nothing that it has started. */
async function killed({ rig, hits }: State, at: KillAt, ...words: string[]): Promise<void> {
  if ('share' in at) return killedAtStep(rig, hits, at, words);
  const child = rig.machine.start(OB, words, { cwd: '/mnt' });
  const ended = once(child, 'exit');
  child.stdout?.resume();
  child.stderr?.resume();
  await Promise.race([sleep(at.ms), ended]);
  if (child.exitCode !== null || child.signalCode !== null) return;
  // What was started here joins the machine, and starts ob in its pid namespace.
  const [pid] = childrenOf(child.pid ?? 0);
  if (pid) kill(pid);
  await ended;
  hits.kills += child.exitCode === 0 ? 0 : 1;
}

/** Where there is no such step, the run does nothing. */
async function killedAtStep(rig: Rig, hits: Hits, at: Extract<KillAt, { share: number }>, words: string[]): Promise<void> {
  const steps = words[0] === 'destroy' ? NAMES.map((name) => `remove process/${name}`) : await listSteps(rig);
  const fault = `${steps[Math.floor(at.share * steps.length)]}:${at.moment}:KILL`;
  const ran = await rig.machine.run(OB, words, { cwd: '/mnt', env: { ...process.env, OB_FAULT: fault } });
  hits.kills += ran.stderr.includes(`failpoint ${fault}`) ? 1 : 0;
}

/** As `ob plan` tells its changes: of what is made anew, the making. */
async function listSteps(rig: Rig): Promise<string[]> {
  const { stdout } = await rig.machine.ob('plan', '--json');
  const events = stdout.split('\n').flatMap((line) => (line.startsWith('{') ? [JSON.parse(line)] : []));
  return events.flatMap(({ type, address, action }) =>
    type === 'change' ? `${action === 'remove' ? 'remove' : 'converge'} ${address}` : [],
  );
}

function childrenOf(pid: number): number[] {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(Boolean).map(Number);
  } catch {
    return [];
  }
}
