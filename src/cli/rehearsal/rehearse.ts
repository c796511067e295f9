import { openSync, rmSync, writeFileSync } from 'node:fs';
import { Writable } from 'node:stream';
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
import { main } from '../main.ts';
import { createOutput } from '../output.ts';
import { keepParsed } from '../record/parsed.ts';
import { SHORT } from '../short-commands.ts';
import { AHEAD, FACTS, HOSTS, LOOK, PROGRAM, toldOf } from './scene.ts';
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
  const failed: string[] = [];
  const hearError = (error: unknown): void => void failed.push(messageOf(error));
  for (const [path, content] of Object.entries(files)) writeFileSync(path, content);
  try {
    const screen = createScreen();
    await onStage(screen.stream, { [FILE]: hosts }, async () => {
      await rehearseKinds(failed).catch(hearError);
      process.env['OB_AHEAD'] = `${openSync(text, 'r')}.${openSync(told, 'r')}`;
      for (const command of ['plan', 'apply', 'destroy']) await rehearseCommand([command, FILE]);
      // That an apply has changed nothing, it says as well: the machine stays as it is.
      failed.push(
        ...screen
          .text()
          .split('\n')
          .filter((line) => FAILURE.test(line)),
      );
    });
  } finally {
    startWith(undefined);
    forgetPrograms();
    for (const path of Object.keys(files)) rmSync(path);
  }
  return failed;
}

/** A name that yargs need not read: see kept-lines.ts. */
const FILE = '/hosts.yaml';

/** How lines begin that are no good end: see text.ts and `report`. */
const FAILURE = /^(?:ob:|FAILED|skipped|in the way:)/;

/** Standard output must not be touched: the program that comes out of the snapshot has its own. */
function createScreen(): { readonly stream: Writable; readonly text: () => string } {
  let said = '';
  const stream = new Writable({
    write(bytes, _, done) {
      said += bytes;
      done();
    },
  });
  return { stream, text: () => said };
}

/** All that there is to be done of what is wanted, then of taking it away. */
async function rehearseKinds(failed: string[]): Promise<void> {
  const { sink: tell } = createOutput({ json: false, quiet: false }, process.stdout, {});
  const sink: Sink = (event) => {
    tell(event);
    if (event.type === 'failed' || event.type === 'skipped' || event.type === 'blocked') failed.push(JSON.stringify(event));
  };
  const { scope, ...file } = parseHostsFile(HOSTS, '/hosts.yaml', FACTS);
  const desired = listDesired(kinds, { scope, ...file });
  const machine: Machine = { scope, reaper: PROGRAM, width: 1, turn: (act) => act(), look: LOOK, say: () => {} };
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
  // Nothing came to a good end; and what is kept then was not read from a file.
  keepParsed({ scope, ...file });
}

/** From the words of the command line to the end. */
async function rehearseCommand(words: readonly string[]): Promise<void> {
  process.argv = [process.execPath, 'ob', ...words];
  await main(SHORT);
  await new Promise(setImmediate);
}
