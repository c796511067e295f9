import { nearest } from '../../planner/hosts/shape.ts';
import { ExitCode, ObError } from '../../resources/error.ts';
import { createLook } from '../../resources/machine.ts';
import type { Owner } from '../../resources/marks.ts';
import { listOwners } from '../../resources/scopes.ts';
import type { Args, Command } from '../command.ts';
import { withLock } from '../lock.ts';
import { runPlan } from '../run-plan.ts';
import { findHostsFile, planFor, REAPER, readFile } from '../session.ts';

export const destroy: Command = {
  name: 'destroy',
  positionals: '[file] [names..]',
  summary: 'Stop subhosts and remove all of them but their upper directories',
  options: ['json', 'parallel', 'lockTimeout', 'scope'],
  examples: [
    ['ob destroy', 'All that ./hosts.yaml made, its bridges too'],
    ['ob destroy web', 'One subhost, also when its file is broken or gone'],
    ['ob destroy --scope demo', 'All of a scope, whatever became of its file'],
  ],
  needsRoot: true,

  async run(args, context) {
    return withLock(args.lockTimeout, context.commandLine, async () => {
      const owners = await listOwners(createLook(REAPER));
      const scope = await findScope(args, owners);
      for (const name of args.names)
        refuseUnknown(
          name,
          owners.filter((owner) => owner.scope === scope),
          owners,
        );
      const limit = args.names.length > 0 ? new Set(args.names) : undefined;
      const { plan } = await planFor(scope, [], limit);
      return runPlan(plan, { scope, desired: [], limit }, args, context);
    });
  },
};

/** From the option, else from the file, else from the marks, if they leave no doubt. */
async function findScope(args: Args, owners: readonly Owner[]): Promise<string> {
  if (args.scope) return args.scope;
  try {
    return (await readFile(findHostsFile(args.file))).scope;
  } catch (error) {
    if (!(error instanceof ObError) || error.exitCode !== ExitCode.badFile || args.names.length === 0) throw withScopes(error, owners);
    const scopes = new Set(owners.filter((owner) => args.names.includes(owner.name)).map((owner) => owner.scope));
    const [only] = scopes;
    if (only && scopes.size === 1) return only;
    throw withScopes(error, owners);
  }
}

function withScopes(error: unknown, owners: readonly Owner[]): unknown {
  if (!(error instanceof ObError) || error.exitCode !== ExitCode.badFile) return error;
  const scopes = [...new Set(owners.map((owner) => owner.scope))].sort();
  const hint =
    scopes.length > 0 ? `without a good file, name the scope: --scope ${scopes.join('|')}` : 'nothing on this machine carries a mark of ob';
  return new ObError(error.message, { hint, exitCode: error.exitCode });
}

/** Gone already is fine, a typo is not: but a name that is nowhere looks the same. So it is said, and is no failure. */
function refuseUnknown(name: string, own: readonly Owner[], all: readonly Owner[]): void {
  if (own.some((owner) => owner.name === name)) return;
  const elsewhere = all.find((owner) => owner.name === name);
  if (elsewhere)
    throw new ObError(`${name} belongs to scope "${elsewhere.scope}"`, { hint: `--scope ${elsewhere.scope}`, exitCode: ExitCode.usage });
  const known = own.map((owner) => owner.name).sort();
  process.stderr.write(`ob: nothing of a subhost "${name}" is there${known.length > 0 ? nearest(name, known) : ''}\n`);
}
