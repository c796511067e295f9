import { mayMakeDevices } from './confinement.ts';
import { ObError, toObError } from './error.ts';
import type { Subhost } from './hosts.ts';
import { readDevice } from './linux/block.ts';
import { runForEach } from './reaper.ts';

/**
 * Where root inside may make nodes of devices, what may be opened is held to those of its /dev and to those of its file.
 * CGROUP: the folder of its cgroup of the v2 tree. Who may mount as well is held back by nothing, and is left alone.
 */
export async function filterDevices(
  reaper: string,
  cgroup: string,
  { name, devices = [], confinement }: Subhost,
): Promise<ObError | undefined> {
  if (!confinement || !mayMakeDevices(confinement)) return undefined;
  try {
    const words = devices.map(readDevice).flatMap(({ type, major, minor }) => [type, String(major), String(minor)]);
    const error = (await runForEach(reaper, 'filter', [name, cgroup, ...words], [name])).get(name);
    return error && new ObError(`cannot hold ${name} to its devices: ${error.message}`, { hint: WITHOUT });
  } catch (error) {
    // A device is gone since the file was read.
    return toObError(error);
  }
}

const WITHOUT = 'without mknod among its "caps" it needs no filter';
