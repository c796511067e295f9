import type { World } from '../planner/live.ts';
import type { Plan } from '../planner/plan.ts';
import type { HostsFile } from '../resources/hosts.ts';
import { newestPackages } from '../resources/linux/lower-tree.ts';
import type { Look } from '../resources/machine.ts';
import { listOwners } from '../resources/scopes.ts';
import { readUsage } from '../resources/usage.ts';
import type { Args } from './command.ts';
import type { Sight } from './conditions.ts';
import { toDate } from './record/clock.ts';
import { gate, type Reason } from './record/gate.ts';
import { readRecords } from './record/records.ts';
import { desiredOf, findHostsFiles, limitOf, lookAhead, namesOf, newLook, planFor, readFiles, sayUnknownScope, warn } from './session.ts';
import { type Beside, type Status, statusOf } from './status.ts';

/** What is wanted, what is seen, what is kept. */
export interface Scene {
  readonly scope: string;
  /** Undefined: none was read, and nothing is compared. */
  readonly file?: HostsFile;
  readonly plan: Plan;
  readonly world: World;
  readonly reasons: readonly Reason[];
  readonly all: readonly Status[];
}

/** Of all subhosts of a file, or of a scope. */
export async function readScene(args: Pick<Args, 'files' | 'scope'>): Promise<Scene> {
  if (args.scope) return sceneOfScope(args.scope);
  const paths = findHostsFiles(args.files);
  const look = lookAhead();
  const file = await readFiles(paths, warn, look);
  const { scope } = file;
  const limit = limitOf([], args.files, namesOf(file));
  const desired = desiredOf(file);
  const { plan, world } = await planFor(scope, desired, { limit }, look);
  const { reasons } = gate({ scope, desired, world, isUnattended: true });
  const all = statusOf(scope, plan, world, besideOf(scope, reasons, look)).filter(({ name }) => !limit || limit.has(name));
  return { scope, file, plan, world, reasons, all };
}

/** Without a file nothing is wanted: what is there is shown as it is. */
async function sceneOfScope(scope: string): Promise<Scene> {
  const look = newLook();
  sayUnknownScope(scope, await listOwners(look));
  const { plan, world } = await planFor(scope, [], {}, look);
  const { reasons } = gate({ scope, desired: [], world, isUnattended: true });
  const shown = { ...plan, changes: [] };
  return {
    scope,
    plan: shown,
    world,
    reasons,
    all: statusOf(scope, shown, world, { ...besideOf(scope, reasons, look), isCompared: false }),
  };
}

function besideOf(scope: string, reasons: readonly Reason[], look: Look): Beside {
  const root = look.cgroupRoot();
  return {
    kept: new Map(reasons.map((reason) => [reason.name, toKept(scope, reason)])),
    packages: (tree, seconds) => newestPackages(tree, Date.now() - seconds * 1000),
    usage: (name) => (root ? readUsage(root, look.places(), { scope, name }) : undefined),
  };
}

function toKept(scope: string, { name, state, message }: Reason): NonNullable<Sight['kept']> {
  const { hold, stop, trouble } = readRecords({ scope, name });
  const moment = state === 'held' ? hold?.at : state === 'stopped' ? stop?.at : trouble?.since;
  return { state, message, since: moment === undefined ? null : toDate(moment).toISOString() };
}
