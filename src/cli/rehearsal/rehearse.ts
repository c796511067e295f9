import { openSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { apply, type Outcome } from '../../planner/apply.ts';
import { parseHostsFile } from '../../planner/hosts/read.ts';
import { listDesired, readWorld } from '../../planner/live.ts';
import { makePlan } from '../../planner/plan.ts';
import { messageOf } from '../../resources/error.ts';
import { openHelper } from '../../resources/helper.ts';
import { kinds } from '../../resources/index.ts';
import type { Machine } from '../../resources/machine.ts';
import { forgetPrograms } from '../../resources/programs.ts';
import { startWith } from '../../resources/run.ts';
import { planEvents, recap, type Sink, stepEvent } from '../events.ts';
import { readLine } from '../main.ts';
import { createOutput, type Output } from '../output.ts';
import { SHORT } from '../short-commands.ts';
import { toArgs } from '../words.ts';
import { AHEAD, FACTS, HOSTS, LOOK, toldOf } from './scene.ts';
import { onStage } from './stage.ts';

/**
 * Goes once through what `ob plan`, `ob apply` and `ob destroy` do, on a machine that is made up. A snapshot keeps the compiled
 * form of each function that was called, and compiling them anew is a tenth of what a short run takes.
 * Nothing here may leave anything behind: no file, no name that was looked up, no stream. Neither `toSorted` nor `node:net` is
 * there while a snapshot is taken. Gives what has failed: of that a run will take longer, and no more.
 */
export async function rehearse(): Promise<readonly string[]> {
  const here = fileURLToPath(import.meta.url);
  const [hosts, text, told] = [`${here}.yaml`, `${here}.text`, `${here}.told`];
  const files = { [hosts]: HOSTS, [text]: AHEAD, [told]: toldOf(AHEAD) };
  const audience = createAudience();
  for (const [path, content] of Object.entries(files)) writeFileSync(path, content);
  try {
    await onStage(async () => {
      await rehearseKinds(audience).catch(audience.hearError);
      process.env['OB_AHEAD'] = `${openSync(text, 'r')}.${openSync(told, 'r')}`;
      for (const command of ['plan', 'apply', 'destroy']) await rehearseCommand([command, hosts], audience).catch(audience.hearError);
    });
  } finally {
    startWith(undefined);
    forgetPrograms();
    for (const path of Object.keys(files)) rmSync(path);
  }
  return audience.failed;
}

interface Audience {
  readonly output: Output;
  readonly stdout: NodeJS.WriteStream;
  readonly failed: string[];
  readonly hearError: (error: unknown) => void;
}

/** Standard output must not be touched: the program that comes out of the snapshot has its own. */
function createAudience(): Audience {
  const failed: string[] = [];
  const stdout = { write: () => true } as unknown as NodeJS.WriteStream;
  const output = createOutput({ json: false, quiet: false }, stdout, {});
  const sink: Sink = (event) => {
    output.sink(event);
    if (event.type === 'failed' || event.type === 'skipped' || event.type === 'blocked') failed.push(JSON.stringify(event));
  };
  return { output: { ...output, sink, warn: () => {} }, stdout, failed, hearError: (error) => void failed.push(messageOf(error)) };
}

/** All that there is to be done of what is wanted, then of taking it away. */
async function rehearseKinds({ output: { sink } }: Audience): Promise<void> {
  const { scope, ...file } = parseHostsFile(HOSTS, '/hosts.yaml', FACTS);
  const desired = listDesired(kinds, { scope, ...file });
  const machine: Machine = { scope, reaper: '/nowhere', width: 1, turn: (act) => act(), look: LOOK, say: () => {} };
  const world = await readWorld(kinds, machine, desired);
  const empty = { live: new Map(), blockers: [] };
  const helper = await openHelper(machine.reaper, 0);
  startWith(helper);
  for (const plan of [makePlan(kinds, desired, world), makePlan(kinds, desired, empty), makePlan(kinds, [], world)]) {
    planEvents(plan).forEach(sink);
    const onEnd = (outcome: Outcome): void => sink(stepEvent(outcome, 0));
    sink(recap(plan, await apply(plan.steps, { kinds, parallel: 2, machine: () => machine, onEnd }), 0));
  }
  startWith(undefined);
  await helper?.end();
}

async function rehearseCommand(words: readonly string[], { output, stdout }: Audience): Promise<void> {
  const wanted = await readLine(words, SHORT);
  await wanted?.command.run(toArgs(wanted.command, wanted.raw), {
    output,
    stdout,
    signal: new AbortController().signal,
    commandLine: 'ob',
  });
}
