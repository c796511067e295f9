import { dirname } from 'node:path';
import type { HostsFile, Subhost } from '../../resources/hosts.ts';
import { checkCables } from './check-cables.ts';
import { checkDevices } from './check-devices.ts';
import { checkDisks } from './check-disks.ts';
import { checkFolders } from './check-folders.ts';
import { checkHide } from './check-hide.ts';
import { checkHooks } from './check-hooks.ts';
import { checkLimits } from './check-limits.ts';
import { checkLogs } from './check-logs.ts';
import { checkOnce } from './check-once.ts';
import { checkShares } from './check-shares.ts';
import { checkCapabilities } from './confine.ts';
import type { Facts } from './facts.ts';
import type { RawFile } from './format.ts';
import type { Report } from './node.ts';
import { oncePerPlace } from './problems.ts';
import { checkIds } from './userns.ts';
import { type Whole, wholesOf } from './whole.ts';

/** What no single value can show: that values fit together, and to the machine. */
export function check(raw: RawFile, file: HostsFile, facts: Facts, report: Report): void {
  const wholes = wholesOf(raw, file);
  checkCables(raw, wholes, facts, report);
  checkStart(raw, wholes, facts, report);
  for (const { raw: one, written } of wholes) if (!written.keys.has('base')) report(one.name, 'the key "base" is missing');
  checkFolders(wholes, facts, report);
  checkDisks(wholes, facts, report);
  checkShares(wholes, facts, report);
  checkLogs(wholes, facts, report);
  checkLimits(wholes, facts, report);
  checkDevices(wholes, facts, report);
  checkHooks(wholes, facts, report);
  checkHide(wholes, facts, report);
  checkIds(wholes, report);
  checkCapabilities([...(raw.defaults ? [raw.defaults] : []), ...wholes.map((whole) => whole.raw.value)], report);
}

function checkStart(raw: RawFile, wholes: readonly Whole[], facts: Facts, report: Report): void {
  for (const { start = [] } of [...(raw.defaults ? [raw.defaults] : []), ...wholes.map((whole) => whole.raw.value)])
    checkOnce(
      start.map((one) => ({ ...one, what: `start entry ${one.value}`, keys: [one.value] })),
      report,
    );
  const once = oncePerPlace(report);
  for (const { written, subhost } of wholes)
    for (const [index, entry] of (subhost.hooks?.init ? [] : (written.start ?? [])).entries()) {
      const wrong = entry.value.startsWith('.') ? whyUnseen(subhost.start[index]?.name ?? '', subhost, facts) : undefined;
      if (wrong) once(entry, wrong);
    }
}

/**
 * Why a path is not seen inside; undefined: it is. A relative path is one of this machine's files. With a tree of its own the
 * subhost sees others: what they are, only it can tell.
 */
function whyUnseen(path: string, { lower, upper, disks, shares }: Subhost, facts: Facts): string | undefined {
  if (disks !== undefined || lower !== '/' || facts.whatIs(`${upper}${path}`) !== 'nothing') return undefined;
  if (shares.some(({ target }) => `${path}/`.startsWith(`${target}/`))) return undefined;
  if (facts.whatIs(path) === 'nothing') return `there is no ${path}`;
  const point = facts.mountedAt?.(path);
  return (
    point && `${path} is on what is mounted at ${point}, which is not seen through an overlay over /: share: [${dirname(path)}] shows it`
  );
}
