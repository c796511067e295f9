import { ObError } from './error.ts';
import type { Spec } from './kind.ts';
import type { Machine } from './machine.ts';

interface Plugged {
  readonly spec: Spec<{ readonly bridge: string | null }>;
}

/**
 * What has failed because somebody took the bridge away between the plan and this step is told as that: the kernel only says
 * that a device is missing, not which. The machine is looked at only where something has failed.
 */
export async function tellLostBridges(machine: Machine, tasks: readonly Plugged[], errors: Map<string, ObError>): Promise<void> {
  const failed = tasks.filter(({ spec }) => spec.fields.bridge && errors.has(spec.address));
  if (failed.length === 0) return;
  const links = await machine.look.links().catch(() => undefined);
  // Where they cannot be read either, the kernel's words have to do.
  if (!links) return;
  const there = new Set(links.map((link) => link.name));
  for (const { spec } of failed) {
    const { bridge } = spec.fields;
    if (bridge && !there.has(bridge)) errors.set(spec.address, lost(spec, bridge));
  }
}

function lost({ address, subhost, needs }: Plugged['spec'], bridge: string): ObError {
  const isOwn = needs.some((need) => need.address === `bridge/${bridge}`);
  const hint = isOwn
    ? 'the next run makes it again: ob apply'
    : `it is not one that ob makes: make it again (ip link add ${bridge} up type bridge), then ob apply`;
  return new ObError(`bridge ${bridge} is gone, into which ${address} of ${subhost} is to be plugged`, { hint });
}
