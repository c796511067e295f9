import type { TestMachine } from '../machine.ts';
import { type Fetched, unpack } from './packages.ts';

/**
 * The machine has ifupdown from here on, with these lines in its /etc/network/interfaces. It is unpacked into the test's
 * memory, above /etc and /usr/sbin: neither the real machine nor a subhost over it sees anything of that.
 */
export async function giveIfupdown(machine: TestMachine, { files }: Fetched, interfaces: string): Promise<void> {
  await machine.sh('mkdir -p /mnt/deb/sbin /mnt/deb/lib /mnt/ifupdown/etc/network /mnt/ifupdown/usr /mnt/etc /mnt/etc-work');
  // None if this machine has it.
  const deb = files.find((file) => file.includes('/ifupdown_'));
  if (deb) unpack(deb, `/proc/${machine.pid}/root/mnt/deb`);
  // A folder /sbin of an upper directory would hide the link of Debian's that is there.
  await machine.sh(`set -e
    [ "$(readlink -f /sbin)" = /usr/sbin ]
    cp -a /mnt/deb/etc /mnt/deb/usr /mnt/ifupdown 2>/dev/null || true
    cp -a /mnt/deb/sbin /mnt/deb/lib /mnt/ifupdown/usr
    rm -r /mnt/deb
    mount -t overlay -o lowerdir=/mnt/ifupdown/usr/sbin:/usr/sbin ifupdown /usr/sbin
    mount -t overlay -o lowerdir=/mnt/ifupdown/etc:/etc,upperdir=/mnt/etc,workdir=/mnt/etc-work ifupdown /etc`);
  machine.write('/etc/network/interfaces', interfaces);
}

/** A subhost that has not run yet has it too, with these lines, or without a file of its own. */
export async function giveIfupdownTo(machine: TestMachine, upper: string, interfaces?: string): Promise<void> {
  await machine.sh(`mkdir -p ${upper} && cp -a /mnt/ifupdown/etc /mnt/ifupdown/usr ${upper}`);
  if (interfaces !== undefined) machine.write(`${upper}/etc/network/interfaces`, interfaces);
}
