import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { findProgram } from '../../src/resources/programs.ts';
import { createRig, type Rig, textOf } from '../live/rig.ts';
import type { TestMachine } from '../machine.ts';
import { PEER_MACHINE, type Peer } from './peers.ts';
import { MODES, NOW, runAt } from './programs.ts';
import { assertState, listState, withoutNumbers } from './state.ts';
import { killsIn, STRACE, traceOf } from './syscalls.ts';
import type { Row } from './table.ts';

// The same for others: one's start is killed at each call of a program, or at each system call that changes something. Then:
// does its own start succeed, so that it is up? After its own stop, is the machine as after a stop without a crash?

interface Point {
  readonly label: string;
  /** Runs the start, crashed here; false: it never came to this point. */
  inject(machine: TestMachine): Promise<boolean>;
}

interface Range {
  readonly rig: Rig;
  end(): Promise<void>;
}

/** Undefined: it cannot be crashed here. */
export async function tryPeer(t: TestContext, peer: Peer, workers: number): Promise<Row | undefined> {
  if (peer.level === 'system call' && !findProgram(STRACE)) return undefined;
  const first = await createRange(t, peer);
  const stopped = await listStopped(first.rig, peer);
  const left = await listPoints(first.rig.machine, peer);
  await first.end();
  const row = { who: `${peer.name} ${peer.version()}`, level: peer.level, scenario: 'start', tried: 0, converged: 0, clean: 0 };
  const work = async (): Promise<void> => {
    let range: Range | undefined;
    for (let point = left.shift(); point; point = left.shift()) {
      range ??= await createRange(t, peer);
      const isGood = await tryPoint(range.rig, peer, point, stopped, row);
      if (!isGood) {
        await range.end();
        range = undefined;
      }
    }
    await range?.end();
  };
  await Promise.all(Array.from({ length: workers }, work));
  return row;
}

async function createRange(t: TestContext, peer: Peer): Promise<Range> {
  const ends: (() => unknown)[] = [];
  const end = async (): Promise<void> => {
    for (const one of ends.splice(0).reverse()) await one();
  };
  t.after(end);
  const rig = await createRig({ after: (one) => void ends.push(one as () => unknown) });
  await peer.prepare(rig.machine);
  await rig.machine.sh(PEER_MACHINE);
  return { rig, end };
}

/** The state after it has been up and was stopped, twice so that the first time tells nothing; each must do. */
async function listStopped(rig: Rig, peer: Peer): Promise<string[]> {
  for (const _ of ['first', 'second']) {
    const ran = await runShell(rig.machine, peer.startAgain);
    assert.ok(ran === '' && (await runShell(rig.machine, peer.isUp)) === '', `${peer.name} does not come up: ${ran}`);
    await runShell(rig.machine, peer.stop);
  }
  return withoutNumbers(await listState(rig));
}

/** Gives what went wrong; empty: nothing. */
async function runShell(machine: TestMachine, script: string): Promise<string> {
  const ran = await machine.run('timeout', ['60', 'sh', '-c', script]);
  return ran.code === 0 ? '' : `${textOf(ran)}${await machine.sh('cat /mnt/out /mnt/log 2>/dev/null || :')}`;
}

async function listPoints(machine: TestMachine, peer: Peer): Promise<Point[]> {
  if (peer.level === 'program') {
    const { calls } = await runAt(machine, peer.start, 0, 'before', { who: peer.who });
    await runShell(machine, peer.stop);
    return calls.flatMap((call, index) =>
      MODES.filter((mode) => mode !== 'fails').map((mode) => ({
        label: `call ${index + 1}, ${mode}: ${call.slice(0, 60)}`,
        inject: async (on) => {
          await runAt(on, peer.start, index + 1, mode, { who: peer.who });
          return (await on.run('test', ['-e', `${NOW}/crashed`])).code === 0;
        },
      })),
    );
  }
  const trace = await runTraced(machine, peer, '');
  await runShell(machine, peer.stop);
  return [...killsIn(trace)].map((kill) => ({
    label: kill,
    inject: async (on) => /\+\+\+ killed by SIGKILL \+\+\+/.test(await runTraced(on, peer, `-e inject=${kill}`)),
  }));
}

/** strace goes on beside it for as long as anything of it is there. */
async function runTraced(machine: TestMachine, { start }: Peer, more: string): Promise<string> {
  await machine.sh(`rm -f ${NOW}/trace`);
  const [program = '', ...words] = start;
  await machine.run('timeout', ['60', program, ...words], { env: { ...process.env, TRACE: `${STRACE} ${traceOf(more)} -o ${NOW}/trace` } });
  return machine.sh(`cat ${NOW}/trace 2>/dev/null || :`);
}

async function tryPoint(
  rig: Rig,
  peer: Peer,
  { label, inject }: Point,
  stopped: readonly string[],
  row: { tried: number; converged: number; clean: number },
): Promise<boolean> {
  const isHit = await inject(rig.machine);
  if (!isHit) {
    await runShell(rig.machine, peer.stop);
    return false;
  }
  const isUp = (await runShell(rig.machine, peer.isUp)) === '';
  const failed = isUp ? '' : (await runShell(rig.machine, peer.startAgain)) || (await runShell(rig.machine, peer.isUp));
  await runShell(rig.machine, peer.stop);
  const residue = await assertState(rig, stopped, 'something is left', withoutNumbers).then(
    () => '',
    (error: Error) => error.message,
  );
  if (failed || residue) process.stderr.write(`${peer.name}, ${label}: ${failed ? 'not up again' : 'up again'}; ${residue}\n\n`);
  row.tried++;
  if (!failed) row.converged++;
  if (!residue) row.clean++;
  return !failed && !residue;
}
