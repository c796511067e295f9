import { hiddenFrom, shownTo } from '../../resources/hidden.ts';
import type { Subhost } from '../../resources/hosts.ts';
import type { Facts } from './facts.ts';
import type { Report } from './node.ts';
import { oncePerPlace } from './problems.ts';
import type { Whole } from './whole.ts';

/** Is there a layer to hide something in, and is nothing hidden that the start list needs? */
export function checkHide(wholes: readonly Whole[], facts: Facts, report: Report): void {
  const once = oncePerPlace(report);
  for (const { written, subhost } of wholes) {
    const { lower, upper, live, hooks } = subhost;
    const [first] = written.hide === undefined || written.hide === 'none' ? [] : written.hide;
    if (first && (lower === upper || lower === live)) once(first, 'there is no overlay here: without one nothing can be hidden');
    if (hooks?.init || lower !== '/') continue;
    for (const [index, entry] of (written.start ?? []).entries()) {
      const name = subhost.start[index]?.name ?? '';
      const by = name.startsWith('/') ? hiddenBy(name, wholes, subhost) : undefined;
      if (by && facts.whatIs(`${upper}${name}`) === 'nothing')
        once(entry, `${name} is in the folder of another subhost, ${by}, which is not seen inside`);
    }
  }
}

/** The folder of another subhost that a path is in; undefined: it is seen. */
function hiddenBy(path: string, wholes: readonly Whole[], subhost: Subhost): string | undefined {
  if (hiddenFrom(subhost).length === 0 || shownTo(subhost).includes(path)) return undefined;
  return wholes.map((whole) => whole.subhost.base).find((base) => path.startsWith(`${base}/`));
}
