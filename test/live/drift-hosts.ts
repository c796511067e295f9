import { existsSync } from 'node:fs';
import { hasTree, lacksLimits, noLive } from '../machine.ts';
import { noVlan } from './vlans.ts';

/** What is special about a subhost: some drifts can happen only to such a one. */
export type Sort = 'plain' | 'vlan' | 'asked' | 'program' | 'limited' | 'v1' | 'device' | 'userns';
export const SORTS: readonly Sort[] = ['plain', 'vlan', 'asked', 'program', 'limited', 'v1', 'device', 'userns'];

/** Why subhosts of a sort cannot be had here, or undefined where they can. */
export function lackingFor(sort: Sort): string | undefined {
  if (sort === 'limited') return noLive ?? lacksLimits();
  if (sort === 'v1') return noLive ?? (hasTree('pids') ? lacksLimits() : 'this machine has no cgroup v1 tree for PIDs');
  if (sort === 'device') return noLive ?? (existsSync('/dev/net/tun') ? undefined : 'this machine has no /dev/net/tun');
  return sort === 'vlan' ? noVlan : noLive;
}

/** A hosts file of the scope demo with subhosts of a sort; the first is told by all examples. */
export function driftHosts(names: readonly string[], sortOf: (index: number) => Sort = () => 'plain'): string {
  const texts = names.map((name, index) => `  ${name}:\n    base: /mnt/${name}\n${TEXTS[sortOf(index)](name, index)}`);
  return `scope: demo\nbridges:\n  ob0: { address: 10.77.0.1/24 }\nsubhosts:\n${texts.join('')}`;
}

function two(number: number): string {
  return String(number).padStart(2, '0');
}

/** First of the ids of the first subhost that has its own; then those of the next. */
const OWN_IDS = 655_360;

const LIMITED = '    start: [/srv/web]\n    limits: { memory: 1G, cpu: 8 }\n';

const TEXTS: Readonly<Record<Sort, (name: string, index: number) => string>> = {
  plain: (_, index) => `    cables:
      - bridge: ob0
        mac: "02:00:00:00:${two(index)}:01"
        mtu: 1400
        address: [10.77.0.${2 + index}/24, "2001:db8::${2 + index}/64"]
        gateway: 10.77.0.1
      - { bridge: br0, mac: "02:00:00:00:${two(index)}:02" }
    start: [/srv/web]
    share: [/mnt/data:/data]
    ram_size: 10M
    on_lower_change: restart
`,
  vlan: (_, index) => `    cables: [{ bridge: ob0 }, { vlan: 302, bridge: br0, address: 10.30.2.${2 + index}/24 }]
    start: [/srv/web]
`,
  asked: () => '    start: [mail, /srv/web]\n    check_services: true\n',
  limited: () => LIMITED,
  v1: () => LIMITED,
  device: () => '    start: [/srv/web]\n    devices: [/dev/net/tun]\n',
  userns: (_, index) => `    upper: own
    hide: none
    userns: ${OWN_IDS + index * 65_536}
    start: [/srv/web]
`,
  program: (name) => `    upper: ./setup
    work: /mnt/store-${name}/work
    start: [/srv/web]
`,
};

/** A service that knows how it is: for /etc/init.d, in a here-document that nothing is replaced in. */
export const MAIL = `#!/bin/sh
case $1 in
  start) setsid sleep 1234 >/dev/null 2>&1 & echo $! >/run/mail.pid ;;
  stop) kill $(cat /run/mail.pid) ;;
  status) kill -0 $(cat /run/mail.pid) || exit 3 ;;
esac
`;

/** What such subhosts need before they are made: a bridge of the administrator's, a list of packages, services, and a program. */
export function prepareDrifts(names: readonly string[]): string {
  return `set -e
    mkdir -p /mnt/data /mnt/dpkg /var/lib/dpkg
    echo 'Package: old' >/mnt/dpkg/status; mount --bind /mnt/dpkg /var/lib/dpkg
    ip link add br0 address 02:00:00:00:00:b0 up type bridge
    for name in ${names.join(' ')}; do
      mkdir -p /mnt/$name/root/srv /mnt/$name/root/etc/init.d
      printf '#!/bin/sh\\n[ "$1" != start ] || setsid sleep 1000 >/dev/null 2>&1 &\\n' >/mnt/$name/root/srv/web
      cat >/mnt/$name/root/etc/init.d/mail <<'END'
${MAIL}END
      cat >/mnt/$name/setup <<'END'
#!/bin/sh
store=/mnt/store-$NAME
if [ "$ACTION" = teardown ]; then ! mountpoint -q $store || umount $store; exit; fi
set -e; mkdir -p $store; mountpoint -q $store || mount -t tmpfs store $store
[ -d $store/root ] || { mkdir $store/root; cp -a /mnt/$NAME/root/srv $store/root; }
echo $store/root
END
      chmod 755 /mnt/$name/root/srv/web /mnt/$name/root/etc/init.d/mail /mnt/$name/setup
    done
    ids=${OWN_IDS}
    for name in ${names.join(' ')}; do
      cp -a /mnt/$name/root /mnt/$name/own; chown -R $ids:$ids /mnt/$name/own; ids=$((ids + 65536))
    done`;
}
