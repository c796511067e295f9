import type { World } from '../../planner/live.ts';
import { isEmpty, type Plan } from '../../planner/plan.ts';
import { ExitCode, ObError } from '../../resources/error.ts';
import type { HostsFile, Subhost } from '../../resources/hosts.ts';
import { whereOf } from '../../resources/linux/holders.ts';
import { findOwn, type Layers, setAside } from '../../resources/reset.ts';
import type { Args, Command, Context } from '../command.ts';
import { findLayers } from '../layers.ts';
import { notThere } from '../owned.ts';
import { createEventsLog } from '../record/events-log.ts';
import { refuseHeld } from '../record/round.ts';
import { type Wish as PlanWish, runPlan } from '../run-plan.ts';
import { applyPart } from '../selected.ts';
import { findHostsFiles, namesOf, newLook, planFor, planIn, REAPER, readFiles } from '../session.ts';
import { withTurn } from '../turn.ts';

export const reset: Command = {
  name: 'reset',
  positionals: '<name> [paths..]',
  summary: 'Take a subhost back to the tree below it; what it had is kept',
  options: ['restart', 'file', 'json', 'parallel', 'lockTimeout'],
  examples: [
    ['ob reset web /etc/hosts /srv/www', 'Of these two it sees again what the tree below has'],
    ['ob reset web', 'All that it has added, changed and deleted'],
    ['ob reset web --restart', 'Stop it first, and start it afterwards'],
  ],
  needsRoot: true,
  changes: true,
  tellsEvents: true,

  run(args, context) {
    const [name = '', ...words] = args.names;
    const paths = words.length > 0 ? [...new Set(words.map(toPath))] : ['/'];
    return withTurn(args, context, async () => {
      const file = await readFiles(findHostsFiles(args.files));
      const subhost = file.subhosts.find((one) => one.name === name);
      if (!subhost) throw notThere(name, namesOf(file));
      return resetOne({ file, subhost, paths }, args, context);
    });
  },
};

/** As it is seen inside, without `/` at the end; `/` is all. */
function toPath(word: string): string {
  const parts = word.split('/').filter(Boolean);
  if (word.startsWith('/') && !parts.some((part) => part === '.' || part === '..')) return `/${parts.join('/')}`;
  throw new ObError(`"${word}" is no path as it is seen inside`, { hint: 'write it like /etc/motd', exitCode: ExitCode.usage });
}

interface Wish {
  readonly file: HostsFile;
  readonly subhost: Subhost;
  readonly paths: readonly string[];
}

async function resetOne({ file, subhost, paths }: Wish, args: Args, context: Context): Promise<number> {
  const { name } = subhost;
  const layers = resettable(file, subhost);
  const own = await findOwn(REAPER, layers, paths);
  const nothing = paths.filter((path) => !own.some((one) => one === '/' || path === one || path.startsWith(`${one}/`)));
  if (own.length === 0) {
    context.output.sink({ type: 'reset', subhost: name, paths: [], nothing, kept: null, notes: [] });
    // A run that was killed may have come as far as this.
    const isDown = newLook().init({ scope: file.scope, name }) === undefined;
    return args.restart && isDown ? start(file, name, args, context) : ExitCode.ok;
  }
  const down = await planDown(file.scope, name, args);
  let code: number = ExitCode.failed;
  try {
    code = isEmpty(down.plan) ? ExitCode.ok : await runPlan(down.plan, down.wish, args, context);
    if (code === ExitCode.ok) code = drop({ scope: file.scope, name, layers, own, nothing }, context);
  } finally {
    // Whatever came of it: who wanted it to run again did not mean to lose it.
    if (args.restart && !context.signal.aborted) {
      const started = await start(file, name, args, context);
      code = code || started;
    }
  }
  return context.signal.aborted ? ExitCode.interrupted : code;
}

function start(file: HostsFile, name: string, args: Args, context: Context): Promise<number> {
  return applyPart(file, { limit: new Set([name]), order: 'start' }, args, context);
}

function resettable(file: HostsFile, subhost: Subhost): Layers {
  const { name, hooks, disks = [] } = subhost;
  if (hooks?.setup !== undefined)
    throw new ObError(`the upper directory of ${name} is made by ${hooks.setup}, and there only while it runs`, {
      hint: 'what that program keeps is its own to drop',
    });
  try {
    return findLayers(file, subhost, newLook());
  } catch (error) {
    if (!(error instanceof ObError) || error.exitCode === ExitCode.usage || !disks.some(({ role }) => role === 'upper')) throw error;
    throw new ObError(`the upper directory of ${name} is in an image that is not mounted now`, {
      hint: `ob start ${name}, then ob reset ${name} --restart`,
    });
  }
}

/** A stop that unmounts the root too: what changes in an upper directory while that is mounted is undefined, the kernel says. */
async function planDown(scope: string, name: string, args: Args): Promise<{ plan: Plan; wish: PlanWish }> {
  const selection = { limit: new Set([name]), order: 'stop' } as const;
  const { world } = await planFor(scope, [], selection);
  refuseHeld(scope, [name], { desired: [], world });
  const running = world.live.get(`process/${name}`)?.fields['running'];
  if (!args.restart && running !== undefined && running !== 'no')
    throw new ObError(`${name} runs: nothing is taken from under what runs`, {
      hint: `ob reset ${[...args.names, '--restart'].join(' ')} stops it, and starts it again`,
    });
  const whole = withRoot(world, name);
  return { plan: planIn(scope, [], whole, selection), wish: { scope, desired: [], selection, world: whole } };
}

/** A stop leaves roots mounted: this one goes too. */
function withRoot(world: World, name: string): World {
  const address = `mount/${name}` as const;
  const root = world.live.get(address);
  return root ? { ...world, live: new Map(world.live).set(address, { ...root, endsWithRun: true }) } : world;
}

interface Drop {
  readonly scope: string;
  readonly name: string;
  readonly layers: Layers;
  readonly own: readonly string[];
  readonly nothing: readonly string[];
}

function drop({ scope, name, layers, own, nothing }: Drop, { output, commandLine }: Context): number {
  refuseInUse(layers.upper);
  const { folder, paths, failed, shared } = setAside(layers, own);
  const log = createEventsLog(scope, commandLine, output.warn);
  log.add({ subhost: name, address: null, what: 'reset', why: `${paths.join(' ')}; kept in ${folder}` });
  log.flush();
  const notes = [
    ...failed.map(({ path, words }) => `${path} is as it was: ${words}`),
    ...shared.map((path) => `${path} has another name that stays: what is written there is written here too`),
  ];
  output.sink({ type: 'reset', subhost: name, paths, nothing, kept: folder, notes });
  return failed.length > 0 ? ExitCode.failed : ExitCode.ok;
}

function refuseInUse(upper: string): void {
  const [other] = newLook().mountsOfUppers([upper]).get(upper) ?? [];
  if (other) throw new ObError(`${upper} is the upper directory of a mount: ${whereOf(other)}`, { hint: 'end that one first' });
}
