import { checkOnce } from './check-once.ts';
import type { Facts } from './facts.ts';
import type { Report } from './node.ts';
import { oncePerPlace } from './problems.ts';
import { wrongTarget } from './share.ts';
import type { Whole } from './whole.ts';

/** What is shared exists, and no two are seen at one place. */
export function checkShares(wholes: readonly Whole[], facts: Facts, report: Report): void {
  const once = oncePerPlace(report);
  for (const { written, subhost } of wholes) {
    const shares = subhost.shares.flatMap((share, index) => {
      const spot = written.share?.[index];
      return spot ? [{ ...share, spot }] : [];
    });
    for (const { source, target, spot } of shares) {
      if (facts.whatIs(source) === 'nothing') once(spot, `${source} does not exist`);
      const wrong = wrongTarget(target);
      if (wrong) once(spot, `${wrong}: say where it is seen inside, ${source}:/PLACE`);
    }
    checkOnce(
      shares.map(({ target, spot }) => ({ ...spot, what: `a share at ${target}`, keys: [target] })),
      report,
    );
  }
}
