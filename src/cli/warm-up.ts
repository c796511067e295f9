import { parseHostsFile } from '../planner/hosts/read.ts';
import { listDesired, readWorld } from '../planner/live.ts';
import { makePlan } from '../planner/plan.ts';
import { confinementOf } from '../resources/confinement.ts';
import { kinds } from '../resources/index.ts';
import { ROOT_ALONE } from '../resources/linux/access.ts';
import { parseInsides } from '../resources/linux/inside.ts';
import { parseIpJson, toLink } from '../resources/linux/ip.ts';
import { parseMountinfo, parseMounts } from '../resources/linux/mountinfo.ts';
import { parseInits } from '../resources/live-init.ts';
import type { Look } from '../resources/machine.ts';
import { run } from '../resources/run.ts';
import { planEvents } from './events.ts';
import { parse } from './main.ts';
import { textOf } from './text.ts';

const HOSTS = `scope: demo
bridges: { ob0: {} }
defaults: { ram_size: 50M }
subhosts:
  web: # the first
    base: ./web
    cables:
      - { bridge: ob0, mac: "02:00:0a:4d:00:02" }
      - "ob0=02:00:00:00:00:07"
    start: [networking, ./start/web]
`;

const FACTS = { realPath: (path: string) => path, deviceOf: () => 1, whatIs: () => 'directory' as const, bridges: undefined };

const MOUNT = '86 66 0:44 / / rw,relatime - overlay ob:demo/web rw,lowerdir=/,upperdir=/web/root,workdir=/web/work,uuid=on\n';

const INIT = {
  pid: 2,
  arguments: ['/.reaper', 'ob:demo/web', '0', '90000', '10000', 'runs:00', '000:networking'],
  status: 'Uid:\t0\t0\t0\t0\nNSpid:\t2\t1\n',
  stat: '2 (.reaper) S 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 1 0 1 0\n',
  netns: 'net:[1]',
  mounts: MOUNT,
  devices: ['null'],
  hostname: 'web',
};

/** A machine with a subhost that is nearly as wanted. */
const LOOK = {
  links: async () =>
    parseIpJson('[{"ifindex":6,"link_index":2,"ifname":"web0","flags":["UP"],"mtu":1500,"group":"28514","ifalias":"ob:demo/web"}]\n')
      .flat()
      .flatMap(toLink),
  netnsNames: () => [{ name: 'web', real: true, inode: 1, layers: 1 }],
  inside: async () =>
    parseInsides([
      'web',
      '{"error":0,"links":[{"index":1,"name":"lo","up":1,"mtu":1500,"alias":"ob:demo/web"}],"addresses":[],"routes":[]}',
    ]).get('web'),
  mounts: () => parseMounts('ob:demo/web /web/live overlay rw,relatime,lowerdir=/,upperdir=/web/root,workdir=/web/work,uuid=on 0 0\n'),
  mountinfo: () => parseMountinfo(MOUNT),
  cgroupRoot: () => '/sys/fs/cgroup',
  places: () => new Map(),
  limits: () => ({}),
  cgroups: () => [{ scope: 'demo', name: 'web' }],
  initSeen: async () => parseInits(['demo/web', JSON.stringify(INIT)]).get('ob:demo/web'),
  mountsOfUppers: () => new Map(),
  isSameDirectory: () => false,
  accessOf: () => ROOT_ALONE,
  insideOf: async () => undefined,
  hostname: async ({ hostname }) => hostname,
  devices: ({ devices }) => devices,
  maskable: () => ['/proc/sys'],
  capabilities: () => confinementOf('trusted').capabilities,
  deadServices: async () => [],
  loop: () => undefined,
  isPlainFolder: () => true,
  unhidden: () => () => [],
} as Partial<Look> as Look;

/**
 * Goes once through what `ob plan` does, on a machine that is made up. A snapshot keeps the compiled form of each function
 * that was called, and compiling them anew is a third of what a short run takes.
 * Nothing here may leave anything behind: no file, no name that was looked up, no stream. Neither `toSorted` nor `node:net` is
 * there while a snapshot is taken.
 */
export async function warmUp(): Promise<void> {
  await parse(['plan', 'demo.yaml', '--detailed-exitcode'], 80);
  const { scope, ...file } = parseHostsFile(HOSTS, '/hosts.yaml', FACTS);
  const desired = listDesired(kinds, { scope, ...file });
  const machine = { scope, reaper: '/nowhere', width: 1, turn: <T>(act: () => Promise<T>) => act(), look: LOOK, say: () => {} };
  const plan = makePlan(kinds, desired, await readWorld(kinds, machine, desired));
  for (const event of planEvents(plan)) textOf(event, (_, text) => text);
  await run('/bin/true', []);
}
