import { chmodSync } from 'node:fs';
import { LOOP_NODES, noImages, TREE } from '../live/images.ts';
import type { Rig } from '../live/rig.ts';
import { noVlan } from '../live/vlans.ts';

// Two subhosts that have one of each: a bridge with cables, an overlay, a layer in an image, a program as upper, hooks, a
// share, ids of its own, services that answer. What this kernel or machine lacks is left out.

const CLIENT_LOWER = noImages ? '' : '    lower: { diskfile: { image: /mnt/tree.squashfs } }\n';
const VLAN = noVlan ? '' : '      - { bridge: ob0, vlan: 302 }\n';

/** The hosts file that subhosts stand by, in the scope demo. */
export const FIRST = `scope: demo
bridges: { ob0: { address: 10.77.0.1/24 } }
subhosts:
  web:
    base: /mnt/web
    upper: /mnt/setup
    work: /mnt/store/work
    premount: /mnt/hook before
    postmount: /mnt/hook after
    cables:
      - { bridge: ob0, mac: "02:00:0a:4d:00:02", address: 10.77.0.2/24, gateway: 10.77.0.1 }
      - { bridge: ob0, mtu: 1500 }
${VLAN}    share: [/mnt/shared]
    start: [/srv/answer]
  client:
    base: /mnt/client
    userns: 655360
${CLIENT_LOWER}    cables: [{ bridge: ob0, address: 10.77.0.3/24 }]
    start: [/srv/answer]
`;

/** Another one: every kind of thing in it is made, changed, made anew or removed. */
export const SECOND = FIRST.replace('ob0: { address: 10.77.0.1/24 }', 'ob0: { address: 10.77.0.1/24 }, ob1: {}')
  .replace('00:02"', '00:12"')
  .replace('10.77.0.2/24', '10.77.0.22/24')
  .replace('- { bridge: ob0, mtu: 1500 }', '- { bridge: ob1, mtu: 1400 }')
  .replace(VLAN, '')
  .replace('/mnt/shared', '"/mnt/shared:/srv/shared:ro"')
  .replace('base: /mnt/client\n', 'base: /mnt/client\n    work: other\n')
  .replace('tree.squashfs', 'same.squashfs')
  .replace('[{ bridge: ob0, address: 10.77.0.3/24 }]', '[{ bridge: ob0, address: 10.77.0.3/24 }, { bridge: ob1 }]');

/** Where the services of a hosts file answer, with the host name that they say. */
export const ANSWERS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  [FIRST]: { '10.77.0.2': 'web', '10.77.0.3': 'client' },
  [SECOND]: { '10.77.0.22': 'web', '10.77.0.3': 'client' },
};

/** Says its host name to whoever connects to port 7. */
const ANSWER = `#!/bin/sh
case $1 in
  start) busybox nc -ll -p 7 -e hostname </dev/null >/dev/null 2>&1 & echo $! >/run/answer.pid ;;
  stop) kill "$(cat /run/answer.pid)" ;;
esac
`;

const SETUP = `#!/bin/sh
if [ "$ACTION" = setup ]; then
  mkdir -p /mnt/store
  mountpoint -q /mnt/store || mount --bind /mnt/data /mnt/store
  echo /mnt/store/root
else
  ! mountpoint -q /mnt/store || umount /mnt/store
fi
`;

const PREPARE = `
  mkdir -p /mnt/data/root/srv /mnt/client/root/srv /mnt/shared /mnt/data/root/etc
  chmod 700 /mnt/client
  echo mine >/mnt/data/root/etc/kept; echo mine >/mnt/client/root/kept; chown -R 655360:655360 /mnt/client/root; echo shared >/mnt/shared/file
  ${noImages ? '' : `${LOOP_NODES}\n${TREE}\nln -s busybox /mnt/tree/bin/nc\ncd /mnt; mksquashfs tree tree.squashfs -quiet -no-progress >/dev/null; cp tree.squashfs same.squashfs`}`;

/** Of the filesystems that a run writes to, as options of tmpfs. */
export const LIMITS = 'size=1g,nr_inodes=100000';

/** Makes what the hosts files speak of. The machine's root is read-only from then on: whatever is written shows in /mnt, /run or /var. */
export async function prepare({ machine }: Rig): Promise<void> {
  await machine.sh(PREPARE);
  const programs = {
    '/mnt/setup': SETUP,
    '/mnt/hook': '#!/bin/sh\n',
    '/mnt/data/root/srv/answer': ANSWER,
    '/mnt/client/root/srv/answer': ANSWER,
  };
  for (const [path, text] of Object.entries(programs)) {
    machine.write(path, text);
    chmodSync(`/proc/${machine.pid}/root${path}`, 0o755);
  }
  // Limits can only be changed where there are some, and something is in use.
  await machine.sh(`for f in /mnt /run /var/log; do echo >$f/used; mount -n -o remount,${LIMITS} $f; done; mount -n -o remount,bind,ro /`);
}

/** As on a machine that ob has never been on: only what a person has made is there. */
export const FORGET = 'rm -rf /mnt/web /mnt/client/live /mnt/client/work /mnt/client/other /mnt/data/work /var/log/ob /mnt/store';

/** Trees of files that are a person's own. */
export const OWN = ['/mnt/data/root', '/mnt/client/root', '/mnt/shared', '/var/lib', '/var/log'];
