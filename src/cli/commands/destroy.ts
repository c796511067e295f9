import { isConf } from '../../planner/conf/read.ts';
import { ExitCode, ObError } from '../../resources/error.ts';
import type { Look } from '../../resources/machine.ts';
import type { Owner } from '../../resources/marks.ts';
import { listOwners } from '../../resources/scopes.ts';
import { forgetApplied } from '../back/applied.ts';
import type { Args, Command, Context } from '../command.ts';
import { withLock } from '../lock.ts';
import { notThere } from '../owned.ts';
import type { Target } from '../record/parsed.ts';
import { refuseHeld } from '../record/round.ts';
import { runPlan } from '../run-plan.ts';
import { findHostsFiles, limitOf, lookAhead, planFor, readTarget, sayUnknownScope } from '../session.ts';
import { withTurn } from '../turn.ts';

export const destroy: Command = {
  name: 'destroy',
  positionals: '[file] [names..]',
  summary: 'Stop subhosts and remove all of them but their upper directories',
  options: ['json', 'parallel', 'lockTimeout', 'scope', 'held'],
  examples: [
    ['ob destroy', 'All that ./hosts.yaml made, its bridges too'],
    ['ob destroy web client', 'Two subhosts, also when the file is broken or gone'],
    ['ob destroy demo.yaml web', 'One subhost of a file that is not ./hosts.yaml'],
    ['ob destroy --scope demo', 'All of a scope, whatever became of its file'],
  ],
  needsRoot: true,
  changes: true,
  tellsEvents: true,

  async run(args, context) {
    const isWhole = args.names.length === 0 && !args.files.some(isConf);
    // A machine that is shut down stops all in order, whatever waits to be confirmed.
    if (isWhole) return withLock(args.lockTimeout, context, () => takeDown(args, context));
    return withTurn(args, context, () => takeDown(args, context));
  },
};

async function takeDown(args: Args, context: Context): Promise<number> {
  const look = lookAhead(true);
  const owners = await listOwners(look);
  const { scope, names: inFile } = await findTarget(args, owners, look);
  const limit = limitOf(args.names, args.files, inFile);
  const { plan, world } = await planFor(scope, [], { limit }, look);
  const there = [...world.live.values()].flatMap((one) => one.subhost ?? []);
  for (const name of args.names) refuseUnknown(name, new Set([...inFile, ...there]), owners, scope);
  if (!args.held) refuseHeld(scope, limit ?? there, { desired: [], world });
  const begin = async (): Promise<void> => forgetApplied(scope, world, limit);
  return runPlan(plan, { scope, desired: [], selection: { limit }, world, begin }, args, context);
}

/**
 * From the option, else from the file, else from the marks, if they leave no doubt; with the names in the file, as far as it could
 * be read.
 */
async function findTarget({ scope, files, names }: Args, owners: readonly Owner[], look: Look): Promise<Target> {
  if (scope) {
    sayUnknownScope(scope, owners);
    return { scope, names: [] };
  }
  try {
    return await readTarget(findHostsFiles(files), look);
  } catch (error) {
    if (!(error instanceof ObError) || error.exitCode !== ExitCode.badFile) throw error;
    const scopes = new Set(owners.filter((owner) => names.includes(owner.name)).map((owner) => owner.scope));
    const [only] = scopes;
    if (only && scopes.size === 1) return { scope: only, names: [] };
    const [lost] = names;
    if (lost && scopes.size === 0) refuseUnknown(lost, new Set(owners.map((owner) => owner.name)), owners);
    throw files.some(isConf) ? withNames(error) : withScopes(error, owners);
  }
}

/** A scope would be too much: a conf file is about one subhost of it. */
function withNames({ message, exitCode }: ObError): ObError {
  return new ObError(message, { hint: 'without a good file, name the subhost: ob destroy NAME', exitCode });
}

function withScopes(error: ObError, owners: readonly Owner[]): ObError {
  const scopes = [...new Set(owners.map((owner) => owner.scope))].sort();
  const hint =
    scopes.length > 0 ? `without a good file, name the scope: --scope ${scopes.join('|')}` : 'nothing on this machine carries a mark of ob';
  return new ObError(error.message, { hint, exitCode: error.exitCode });
}

/**
 * Gone already is fine if the file vouches for the name. What neither the file nor the machine knows looks the same
 * as a slip of the pen, and must not look like success.
 */
function refuseUnknown(name: string, known: ReadonlySet<string>, owners: readonly Owner[], scope?: string): void {
  if (known.has(name)) return;
  const elsewhere = owners.find((owner) => owner.name === name && owner.scope !== scope);
  if (elsewhere)
    throw new ObError(`${name} belongs to scope "${elsewhere.scope}"`, { hint: `--scope ${elsewhere.scope}`, exitCode: ExitCode.usage });
  throw notThere(name, known);
}
