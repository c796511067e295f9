import { createLook } from '../resources/machine.ts';
import { listOwners } from '../resources/scopes.ts';
import { readUsage } from '../resources/usage.ts';
import type { Args } from './command.ts';
import type { Sight } from './conditions.ts';
import { toDate } from './record/clock.ts';
import { gate, type Reason } from './record/gate.ts';
import { readRecords } from './record/records.ts';
import { desiredOf, findHostsFiles, limitOf, lookAhead, namesOf, planFor, REAPER, readFiles, sayUnknownScope, warn } from './session.ts';
import { type Beside, type Status, statusOf } from './status.ts';

/** Of all subhosts of a file, or of a scope: what is wanted, what is seen, what is kept of them. */
export async function readStatus(args: Args): Promise<Status[]> {
  if (args.scope) return statusOfScope(args.scope);
  const paths = findHostsFiles(args.files);
  const look = lookAhead();
  const file = await readFiles(paths, warn, look);
  const limit = limitOf([], args.files, namesOf(file));
  const desired = desiredOf(file);
  const { plan, world } = await planFor(file.scope, desired, { limit }, look);
  const { reasons } = gate({ scope: file.scope, desired, world, isUnattended: true });
  return statusOf(file.scope, plan, world, besideOf(file.scope, reasons)).filter(({ name }) => !limit || limit.has(name));
}

/** Without a file nothing is wanted: what is there is shown as it is. */
async function statusOfScope(scope: string): Promise<Status[]> {
  sayUnknownScope(scope, await listOwners(createLook(REAPER)));
  const { plan, world } = await planFor(scope, []);
  const { reasons } = gate({ scope, desired: [], world, isUnattended: true });
  return statusOf(scope, { ...plan, changes: [] }, world, { ...besideOf(scope, reasons), isCompared: false });
}

function besideOf(scope: string, reasons: readonly Reason[]): Beside {
  const root = createLook(REAPER).cgroupRoot();
  return {
    kept: new Map(reasons.map((reason) => [reason.name, toKept(scope, reason)])),
    usage: (name) => (root ? readUsage(root, { scope, name }) : undefined),
  };
}

function toKept(scope: string, { name, state, message }: Reason): NonNullable<Sight['kept']> {
  const { hold, stop, trouble } = readRecords({ scope, name });
  const moment = state === 'held' ? hold?.at : state === 'stopped' ? stop?.at : trouble?.since;
  return { state, message, since: moment === undefined ? null : toDate(moment).toISOString() };
}
