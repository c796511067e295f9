import { spawnSync } from 'node:child_process';
import { noLive } from '../machine.ts';

const TRY = 'ip link add d0 type veth peer name d1 && ip link add link d0 name d0.5 type vlan id 5';

/** Why tests with VLANs are left out here, or undefined where they run. */
export const noVlan =
  noLive ?? (spawnSync('sh', ['-c', `unshare -n sh -c '${TRY}'`]).status === 0 ? undefined : 'needs a kernel with VLANs: modprobe 8021q');
