import { checkOnce } from './check-once.ts';
import type { Facts } from './facts.ts';
import type { Report } from './node.ts';
import { oncePerPlace } from './problems.ts';
import type { Whole } from './whole.ts';

/** What is given to a subhost as a device is one, and is given once. */
export function checkDevices(wholes: readonly Whole[], facts: Facts, report: Report): void {
  const once = oncePerPlace(report);
  for (const { written } of wholes) {
    const devices = written.devices ?? [];
    for (const device of devices) {
      const problem = facts.deviceProblem?.(device.value);
      if (problem) once(device, `${device.value} ${problem}`);
    }
    checkOnce(
      devices.map((device) => ({ ...device, what: `the device ${device.value}`, keys: [device.value] })),
      report,
    );
  }
}
