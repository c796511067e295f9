import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { OB } from '../machine.ts';
import { MAIL } from './drift-hosts.ts';
import { LOOP_NODES, noImages } from './images.ts';
import { firstIdOf, NAMES } from './model-hosts.ts';
import type { Rig } from './rig.ts';

/** Trees of files of a subhost's own, below its base; those of OWN belong to its ids. */
const OWN = ['own', 'own1', 'own2'];
const UPPERS = ['root', 'root1', 'root2', 'bound/root', ...OWN];

/** Gives what is in the folder of a subhost to its ids, e.g. `web/own`. */
const give = (name: string, ...paths: string[]): string => `chown -R ${firstIdOf(name)}:${firstIdOf(name)} ${paths.join(' ')}`;

/** A shell script that makes what a subhost has of its own, in a folder: a file, and services. */
const makeOwn = (folder: string): string => `mkdir -p ${folder}/srv ${folder}/etc/init.d
  echo kept >${folder}/kept
  printf '#!/bin/sh\\n[ "$1" != start ] || setsid sleep 1000 >/dev/null 2>&1 &\\n' >${folder}/srv/web
  cat >${folder}/etc/init.d/mail <<'END'
${MAIL}END
  chmod 755 ${folder}/srv/web ${folder}/etc/init.d/mail`;

/** A program as upper: what it sets up is a folder of the base. */
const SETUP = `#!/bin/sh
store=/mnt/store-$NAME
if [ "$ACTION" = teardown ]; then ! mountpoint -q $store || umount $store; exit; fi
mkdir -p $store; mountpoint -q $store || mount --bind /mnt/$NAME/bound $store
echo $store/root
`;

/** What the subhosts of all models need, and one of another scope, which is nobody's business here. */
const PREPARE = `set -e
  ip netns add first; ip netns delete first
  mkdir -p /mnt/data /mnt/dpkg /var/lib/dpkg
  echo shared >/mnt/data/file
  echo 'Package: old' >/mnt/dpkg/status; mount -n --bind /mnt/dpkg /var/lib/dpkg
  ip link add br0 address 02:00:00:00:00:b0 up type bridge
  printf '#!/bin/sh\\necho /srv/web start\\n' >/mnt/boot
  ${makeOwn('/mnt/first')}
  cat >/mnt/setup <<'END'
${SETUP}END
  chmod 755 /mnt/boot /mnt/setup
  for name in ${NAMES.join(' ')}; do
    mkdir -p /mnt/$name/bound
    cp -p /mnt/setup /mnt/$name/setup
    for upper in ${UPPERS.join(' ')}; do cp -a /mnt/first /mnt/$name/$upper; done
  done
  ${NAMES.map((name) => give(name, ...OWN.map((one) => `/mnt/${name}/${one}`))).join('\n')}
  printf 'scope: other\\nbridges: { brx: {} }\\nsubhosts: { oth: { base: /mnt/oth, start: none, cables: [brx=] } }\\n' >/mnt/other.yaml
  ${OB} apply /mnt/other.yaml >/dev/null`;

/** What of people's own files is not as it was. */
export const KEPT = `for upper in ${UPPERS.join(' ')}; do for name in ${NAMES.join(' ')}; do
  for file in kept srv/web etc/init.d/mail; do cmp /mnt/first/$file /mnt/$name/$upper/$file || true; done
done; done 2>&1`;

/** A tree of busybox, as it is and in an image, and images to write, with what each upper has. */
const IMAGES = `set -e
  mkdir -p tree/bin tree/etc tree/home
  ${makeOwn('disk/root')}
  cp /bin/busybox tree/bin/busybox
  for name in sh hostname cat grep tr sort touch rm sleep setsid kill true mountpoint; do ln -s busybox tree/bin/$name; done
  printf '#!/bin/sh\\nexec /etc/init.d/$1 $2\\n' >tree/bin/service; chmod 755 tree/bin/service
  echo tree >tree/etc/issue
  mksquashfs tree tree.squashfs -quiet -no-progress >/dev/null
  truncate -s 8M disk.img ${NAMES.map((name) => `${name}.img`).join(' ')}; mkfs.ext4 -q -F -d disk disk.img
  ${NAMES.map((name) => `${give(name, 'disk')}; mkfs.ext4 -q -F -d disk ${name}.img`).join('\n')}`;

let images: string | undefined;

/** Made once for all machines of this process. */
function makeImages(): string {
  if (images) return images;
  const folder = mkdtempSync(join(tmpdir(), 'ob-model-'));
  process.on('exit', () => rmSync(folder, { recursive: true }));
  execFileSync('sh', ['-c', IMAGES], { cwd: folder, stdio: 'pipe' });
  images = folder;
  return folder;
}

/** Makes what the hosts files of models speak of. */
export async function prepare({ machine }: Rig): Promise<void> {
  await machine.sh(PREPARE);
  if (noImages) return;
  await machine.sh(`${LOOP_NODES}; set -e; cp -a ${makeImages()}/tree /mnt/tree; cp ${makeImages()}/tree.squashfs /mnt
    for name in ${NAMES.join(' ')}; do
      cp ${makeImages()}/disk.img /mnt/$name; cp ${makeImages()}/$name.img /mnt/$name/own.img
    done`);
}
