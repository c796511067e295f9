import type { TestMachine } from '../machine.ts';
import { type Fetched, unpack } from './packages.ts';

/**
 * The machine has ifupdown from here on, with these lines in its /etc/network/interfaces. It is unpacked into the test's
 * memory, above /etc and /usr/sbin: neither the real machine nor a subhost over it sees anything of that.
 */
export async function giveIfupdown(machine: TestMachine, { files }: Fetched, interfaces: string): Promise<void> {
  await machine.sh('mkdir -p /mnt/ifupdown/sbin /mnt/ifupdown/etc/network /mnt/ifupdown-etc /mnt/ifupdown-work');
  // None if this machine has it.
  const deb = files.find((file) => file.includes('/ifupdown_'));
  if (deb) unpack(deb, `/proc/${machine.pid}/root/mnt/ifupdown`);
  await machine.sh(`set -e
    [ "$(readlink -f /sbin)" = /usr/sbin ]
    mount -t overlay -o lowerdir=/mnt/ifupdown/sbin:/usr/sbin ifupdown /usr/sbin
    mount -t overlay -o lowerdir=/mnt/ifupdown/etc:/etc,upperdir=/mnt/ifupdown-etc,workdir=/mnt/ifupdown-work ifupdown /etc`);
  machine.write('/etc/network/interfaces', interfaces);
}
