import { isDeepStrictEqual } from 'node:util';
import type { World } from '../../planner/live.ts';
import type { HostsFile } from '../../resources/hosts.ts';
import { type Stamp, stampNow } from '../record/clock.ts';
import { dropBack, isHostsFile, readBack, writeBack } from './files.ts';
import { dropPending, dropTakenBack, readPending } from './pending.ts';

// What ob was told last: the only state before a run that one can go back to, and know when it is there. What the kernel
// shows is not enough to make a subhost anew (its commands, its folders), and a drift is nothing to go back to.

interface Applied extends Stamp {
  readonly file: HostsFile;
}

function nameOf(scope: string): string {
  return `applied-${scope}`;
}

/** Undefined: it is not known. */
function readApplied(scope: string): HostsFile | undefined {
  return readBack<Applied>(nameOf(scope), { file: isHostsFile })?.file;
}

/** The same, or that there was nothing, where nothing of the scope is there. */
export function knownBefore(scope: string, world: World): HostsFile | undefined {
  return readApplied(scope) ?? (world.live.size === 0 ? nothingOf(scope) : undefined);
}

function nothingOf(scope: string): HostsFile {
  return { scope, bridges: [], subhosts: [] };
}

/** From now on this is what was told last: of the subhosts of LIMIT, or of all. BEFORE: what was until now. Needs the lock. */
export function writeApplied(before: HostsFile | undefined, file: HostsFile, limit?: ReadonlySet<string>): void {
  // Of a part one cannot tell what the rest was: it must not come to mean that there is none.
  if (limit && !before) return;
  const after = limit && before ? merge(before, file, limit) : file;
  if (after.subhosts.length === 0 && after.bridges.length === 0) dropBack(nameOf(file.scope));
  else if (!isDeepStrictEqual(readApplied(file.scope), JSON.parse(JSON.stringify(after))))
    writeBack<Applied>(nameOf(file.scope), { ...stampNow(), file: after });
}

/** Of these subhosts, or of all of a scope, nothing is to be there: then there is nothing to go back to either. Needs the lock. */
export function forgetApplied(scope: string, world: World, limit?: ReadonlySet<string>): void {
  writeApplied(knownBefore(scope, world), nothingOf(scope), limit);
  if (limit) return;
  dropTakenBack(scope);
  if (readPending()?.scope === scope) dropPending();
}

/** As a run that is limited leaves it: subhosts of LIMIT and the bridges that they need are as FILE says. Pure. */
export function merge(before: HostsFile, file: HostsFile, limit: ReadonlySet<string>): HostsFile {
  const chosen = file.subhosts.filter(({ name }) => limit.has(name));
  const needed = new Set(chosen.flatMap(({ cables }) => cables.flatMap(({ bridge, ownBridge }) => (ownBridge && bridge ? bridge : []))));
  const bridges = file.bridges.filter(({ name }) => needed.has(name));
  return {
    ...before,
    bridges: [...before.bridges.filter(({ name }) => !needed.has(name)), ...bridges],
    subhosts: [...before.subhosts.filter(({ name }) => !limit.has(name)), ...chosen],
  };
}
