import { existsSync, readFileSync } from 'node:fs';
import { noLive } from '../machine.ts';

const TOOLS = ['/bin/busybox', '/usr/sbin/mkfs.ext4', '/usr/bin/mksquashfs', '/usr/sbin/sfdisk'];

/** Why tests with images are left out here, or undefined where they run. */
export const noImages = noLive ?? whatIsMissing();

function whatIsMissing(): string | undefined {
  const tool = TOOLS.find((path) => !existsSync(path));
  if (tool) return `needs ${tool}`;
  if (!existsSync('/dev/loop-control')) return 'needs loop devices: modprobe loop';
  const known = readFileSync('/proc/filesystems', 'utf8');
  const missing = ['ext4', 'squashfs'].find((type) => !known.includes(`\t${type}\n`));
  return missing && `needs a kernel with ${missing}: modprobe ${missing}`;
}

/**
 * Nodes for loop devices that the kernel has yet to make: it would put them into the /dev of this machine, but the one that a
 * test has is a copy.
 */
export const LOOP_NODES = `
  at=0; while [ -b /dev/loop$at ]; do at=$((at + 1)); done
  for more in $(seq 32); do mknod -m 660 /dev/loop$at b 7 $at; at=$((at + 1)); done`;

/** A tree of its own, /mnt/tree: busybox, and a program that stays once it is started. */
export const TREE = `
  mkdir -p /mnt/tree/bin /mnt/tree/etc
  cp /bin/busybox /mnt/tree/bin/busybox
  for name in sh hostname cat touch sleep mount ls; do ln -s busybox /mnt/tree/bin/$name; done
  printf '#!/bin/sh\\n[ "$1" != start ] || sleep 1000 >/dev/null 2>&1 &\\n' >/mnt/tree/bin/serve
  chmod 755 /mnt/tree/bin/serve
  echo tree >/mnt/tree/etc/name`;

/**
 * In /mnt: tree.squashfs and tree.img hold the tree, the latter in its folder root; data.img has three partitions (GPT), of
 * which the second is an empty ext4, and the third the tree.
 */
export const IMAGES = `
  ${LOOP_NODES}
  ${TREE}
  cd /mnt
  mksquashfs tree tree.squashfs -quiet -no-progress >/dev/null
  mkdir root; cp -a tree root/root
  truncate -s 16M tree.img; mkfs.ext4 -q -F -d root tree.img
  truncate -s 40M data.img; printf 'label: gpt\\nsize=1MiB\\nsize=16MiB\\nsize=16MiB\\n' | sfdisk -q data.img
  truncate -s 16M part; mkfs.ext4 -q -F part; dd if=part of=data.img bs=1M seek=2 conv=notrunc status=none
  mkfs.ext4 -q -F -d tree part; dd if=part of=data.img bs=1M seek=18 conv=notrunc status=none
  rm -r part root`;

/**
 * The loop devices that are attached to files on the /mnt of this machine. All machines share the devices: other tests have
 * theirs too, with files of the same names.
 */
export const LOOPS = `losetup -n -l -O BACK-MAJ:MIN,BACK-FILE,AUTOCLEAR | tr -s ' ' | sed -n "s/^ *$(mountpoint -d /mnt) //p" | sort`;

/** Those that stay. What a program that was killed or failed has left is detached with its last holder: udev may look at it still. */
export const LOOPS_LEFT = `for i in $(seq 1000); do [ -n "$(${LOOPS})" ] || break; sleep 0.01; done; ${LOOPS}`;
