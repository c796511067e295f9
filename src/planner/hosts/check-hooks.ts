import type { Facts } from './facts.ts';
import type { Report } from './node.ts';
import { oncePerPlace } from './problems.ts';
import { showPath } from './show.ts';
import type { Whole } from './whole.ts';

/** The kernel takes so many bytes as the source of a mount, and the mark with the program's path is one. */
const MAX_PROGRAM_BYTES = 200;

/** Commands that root will run: they are root's, and there is something to run them for. */
export function checkHooks(wholes: readonly Whole[], facts: Facts, report: Report): void {
  const once = oncePerPlace(report);
  for (const { raw, written, subhost } of wholes) {
    const { hooks, lower, live } = subhost;
    if (!hooks) continue;
    const untrusted = facts.untrusted?.(hooks.config);
    for (const key of ['premount', 'postmount', 'init', 'upper'] as const) {
      const spot = written[key];
      if (!spot || (key === 'upper' && hooks.setup === undefined)) continue;
      if (lower === live && (key === 'premount' || key === 'upper'))
        once(spot, `no root is mounted for ${raw.name.value}, as lower is live: there is nothing to run ${key} for`);
      if (untrusted !== undefined)
        once(spot, `commands here are run as root, and others than root can change ${showPath(untrusted)}: chown root and chmod go-w it`);
    }
    if (hooks.setup !== undefined && written.upper && Buffer.byteLength(hooks.setup) > MAX_PROGRAM_BYTES)
      once(written.upper, `the path of a program that sets up upper has at most ${MAX_PROGRAM_BYTES} bytes`);
  }
}
