import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { noLive } from '../machine.ts';
import { createRig, PID1, type Rig } from './rig.ts';

// What changes under a subhost that runs, seen from both ends, while PID 1 and its service live on.

const HOSTS = `scope: demo
bridges: { ob0: { address: 10.77.0.1/24 }, ob1: { address: 10.78.0.1/24 } }
subhosts:
  web:
    base: /mnt/web
    start: [/opt/service]
    ram_size: 20M
    share: [/mnt/kept]
    cables:
      - { bridge: ob0, mac: "02:00:00:00:00:01", address: 10.77.0.2/24, gateway: 10.77.0.1 }
      - { bridge: ob1, mac: "02:00:00:00:00:02", mtu: 1400 }
`;

interface Live {
  readonly what: string;
  readonly edit: readonly [from: string, to: string];
  /** A shell script at the machine, run before the change is applied. */
  readonly drift?: string;
  /** Shell scripts at the machine and inside, and what they print afterwards. */
  readonly machine?: readonly [script: string, printed: string];
  readonly inside?: readonly [script: string, printed: string];
}

const LINK = (name: string, field: string): string => `ip -o link show ${name} | grep -o '${field} [^ ]*' | head -1`;
/** Nobody listens there: only who is reached says so. */
const REACH = (address: string): string => `timeout 10 bash -c 'echo >/dev/tcp/${address}/9' 2>&1 | grep -o -m 1 'Connection refused'`;
const REACHED = 'Connection refused';
const GATEWAY = "ip route show default | cut -d' ' -f3";

const CHANGES: readonly Live[] = [
  {
    what: 'a cable is added',
    // Nobody else has this address later: the machine remembers for some seconds whose it was.
    edit: ['mtu: 1400 }', 'mtu: 1400 }\n      - { bridge: ob1, address: 10.78.0.5/24 }'],
    machine: [`${LINK('web2', 'master')}; ${REACH('10.78.0.5')}`, `master ob1\n${REACHED}`],
    inside: ["ip -br -4 address show eth2 | tr -s ' ' | cut -d' ' -f2-3", 'UP 10.78.0.5/24'],
  },
  {
    what: 'a cable is removed',
    edit: ['      - { bridge: ob1, mac: "02:00:00:00:00:02", mtu: 1400 }\n', ''],
    machine: ["ip -br link show group 28514 | cut -d' ' -f1 | sed 's/@.*//' | sort | xargs", 'ob0 ob1 web0'],
    inside: ["ip -br link | cut -d' ' -f1 | sed 's/@.*//' | xargs", 'lo eth0'],
  },
  {
    what: 'a cable gets another MAC',
    edit: ['02:00:00:00:00:01', '02:00:00:00:00:99'],
    machine: [`${REACH('10.77.0.2')}; ip neigh show 10.77.0.2 | grep -o 'lladdr [^ ]*'`, `${REACHED}\nlladdr 02:00:00:00:00:99`],
    inside: ['cat /sys/class/net/eth0/address', '02:00:00:00:00:99'],
  },
  {
    what: 'a cable moves to another bridge, with another address and gateway',
    edit: [
      'ob0, mac: "02:00:00:00:00:01", address: 10.77.0.2/24, gateway: 10.77.0.1',
      'ob1, mac: "02:00:00:00:00:01", address: 10.78.0.2/24, gateway: 10.78.0.1',
    ],
    machine: [`${LINK('web0', 'master')}; ${REACH('10.78.0.2')}`, `master ob1\n${REACHED}`],
    inside: [`ip -br -4 address show eth0 | tr -s ' ' | cut -d' ' -f3; ${GATEWAY}`, '10.78.0.2/24\n10.78.0.1'],
  },
  {
    what: 'a cable gets another MTU',
    edit: ['mtu: 1400', 'mtu: 9000'],
    machine: [LINK('web1', 'mtu'), 'mtu 9000'],
    inside: [LINK('eth1', 'mtu'), 'mtu 9000'],
  },
  {
    what: 'a cable gets another address',
    edit: ['10.77.0.2/24', '10.77.0.22/24'],
    machine: [REACH('10.77.0.22'), REACHED],
    inside: [`ip -br -4 address show eth0 | tr -s ' ' | cut -d' ' -f3; ${GATEWAY}`, '10.77.0.22/24\n10.77.0.1'],
  },
  {
    what: 'a cable that somebody has renamed inside gets another address',
    drift: 'ip -n web link set eth0 down; ip -n web link set eth0 name lan0; ip -n web link set lan0 up',
    edit: ['10.77.0.2/24', '[10.77.0.22/24, "2001:db8::2/64"]'],
    machine: [REACH('10.77.0.22'), REACHED],
    inside: [`ip -br address show eth0 scope global | tr -s ' ' | cut -d' ' -f3-; ${GATEWAY}`, '10.77.0.22/24 2001:db8::2/64 \n10.77.0.1'],
  },
  { what: 'a cable gets another gateway', edit: ['gateway: 10.77.0.1', 'gateway: 10.77.0.9'], inside: [GATEWAY, '10.77.0.9'] },
  { what: 'a gateway goes', edit: [', gateway: 10.77.0.1', ''], inside: [GATEWAY, ''] },
  {
    what: 'a share comes, to be read alone',
    edit: ['[/mnt/kept]', '[/mnt/kept, "/mnt/new:/srv/new:ro"]'],
    inside: ['cat /srv/new/file; touch /srv/new/x 2>/dev/null || echo refused; touch /mnt/kept/x', 'new\nrefused'],
    machine: ['ls /mnt/kept /mnt/new | xargs', '/mnt/kept: x /mnt/new: file'],
  },
  { what: 'a share goes', edit: ['    share: [/mnt/kept]\n', ''], inside: ['ls /mnt/kept', ''], machine: ['ls /mnt/kept', 'x'] },
  {
    what: '/run gets another size, and keeps what is in it',
    edit: ['20M', '40M'],
    inside: ["grep ' /run ' /proc/self/mountinfo | grep -o 'size=.*k'; cat /run/mine", 'size=40960k\nmine'],
  },
];

const SERVICE = '#!/bin/sh\n[ "$1" = start ] || exit 0\nsleep 100000 </dev/null >/dev/null 2>&1 &\n';
/** PID and begin of PID 1 and of each process of the service. */
const ALIVE = `${PID1}; for p in $(cat /sys/fs/cgroup/ob/demo/web/cgroup.procs); do echo $(cut -d' ' -f1,2,22 /proc/$p/stat); done | sort`;
/** All of a cable at the machine: which link it is, what it is plugged into, its mark. */
const ENDS = 'ip -o link show group 28514 type veth | tr -s " \\\\" "  " | sort; bridge link show | sort';
// A new IPv6 address is tentative for a while (RFC 4862, 5.4).
const INNER = 'ip -o link | grep -v " lo:"; ip -o address | sed "s/ tentative//"; ip route | sort';

async function start(t: TestContext): Promise<Rig> {
  const rig = await createRig(t);
  await rig.machine.sh('mkdir -p /mnt/web/root/opt /mnt/kept /mnt/new; echo new >/mnt/new/file');
  rig.machine.write('/mnt/web/root/opt/service', SERVICE);
  await rig.machine.sh('chmod 755 /mnt/web/root/opt/service');
  rig.hosts(HOSTS);
  await rig.apply();
  await rig.inside('web', 'echo mine >/run/mine');
  return rig;
}

test('a running subhost changes without a restart', { skip: noLive }, async (t) => {
  const rig = await start(t);
  const alive = await rig.machine.sh(ALIVE);
  assert.match(alive, /\(\.reaper\)[\s\S]*\(sleep\)/);
  for (const {
    what,
    edit: [from, to],
    drift,
    machine,
    inside,
  } of CHANGES) {
    await t.test(what, async () => {
      assert.equal(HOSTS.split(from).length, 2, `not once in the file: ${from}`);
      rig.hosts(HOSTS.replace(from, () => to));
      if (drift) await rig.machine.sh(drift);
      await rig.apply();
      await rig.settled();
      if (inside) assert.equal(await rig.inside('web', inside[0]), inside[1], 'inside');
      if (machine) assert.equal(await rig.machine.sh(machine[0]), machine[1], 'at the machine');
      assert.equal(await rig.machine.sh(ALIVE), alive);
      rig.hosts(HOSTS);
      await rig.apply();
      assert.equal(await rig.machine.sh(ALIVE), alive, 'when it is taken back');
    });
  }
});

test('a restart keeps the cables as they are, at both ends', { skip: noLive }, async (t) => {
  const rig = await start(t);
  const [alive, ends, inner] = [await rig.machine.sh(ALIVE), await rig.machine.sh(ENDS), await rig.inside('web', INNER)];
  assert.match(ends, /web0@.* master ob0 .*\n.*web1@.* master ob1 /);
  assert.match(inner, /02:00:00:00:00:01[\s\S]*10\.77\.0\.2\/24[\s\S]*default via 10\.77\.0\.1/);
  assert.equal((await rig.machine.ob('restart', 'web')).code, 0);
  assert.notEqual(await rig.machine.sh(ALIVE), alive);
  assert.equal(await rig.machine.sh(ENDS), ends);
  assert.equal(await rig.inside('web', INNER), inner);
  assert.equal(await rig.machine.sh(REACH('10.77.0.2')), REACHED);
  await rig.settled();
});
