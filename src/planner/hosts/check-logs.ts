import { checkOnce } from './check-once.ts';
import type { Facts } from './facts.ts';
import type { Report } from './node.ts';
import { oncePerPlace } from './problems.ts';
import { showName } from './show.ts';
import type { Whole } from './whole.ts';

/** A slip of the pen there, and what a subhost says would stand in the machine's own settings or programs. */
const NO_LOGS = /^(\/(?:etc|usr|bin|sbin|lib\w*|boot|dev|proc|sys))\//;

/** No two subhosts write one log, and none is where a subhost could put something else in its place. */
export function checkLogs(wholes: readonly Whole[], facts: Facts, report: Report): void {
  const once = oncePerPlace(report);
  const logs = wholes.flatMap(({ written, subhost }) => (written.log && subhost.log ? [{ spot: written.log, path: subhost.log }] : []));
  for (const { spot, path } of logs) {
    const [, taken] = NO_LOGS.exec(facts.realPath(path)) ?? [];
    if (taken) once(spot, `log ${path} is in ${taken}: what is there is read by others, and no log`);
    const role = roleAt(facts.realPath(path), wholes);
    if (role) once(spot, `log ${path} is inside ${role}: what runs there could put something else in its place`);
  }
  checkOnce(
    logs.map(({ spot, path }) => ({ ...spot, what: `log ${path}`, keys: [path] })),
    report,
  );
}

function roleAt(path: string, wholes: readonly Whole[]): string | undefined {
  for (const { subhost } of wholes)
    for (const role of ['upper', 'work', 'live'] as const)
      if (`${path}/`.startsWith(`${subhost[role]}/`)) return `${role} of ${showName(subhost.name)}`;
  return undefined;
}
