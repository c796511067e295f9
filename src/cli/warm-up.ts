import { apply, type Outcome } from '../planner/apply.ts';
import { parseHostsFile } from '../planner/hosts/read.ts';
import { listDesired, readWorld, type World } from '../planner/live.ts';
import { makePlan } from '../planner/plan.ts';
import { confinementOf } from '../resources/confinement.ts';
import { kinds } from '../resources/index.ts';
import type { Kind, Spec } from '../resources/kind.ts';
import { ROOT_ALONE } from '../resources/linux/access.ts';
import { parseInsides } from '../resources/linux/inside.ts';
import { parseIpJson, toLink } from '../resources/linux/ip.ts';
import { parseMountinfo, parseMounts } from '../resources/linux/mountinfo.ts';
import { parseInits } from '../resources/live-init.ts';
import type { Look, Machine } from '../resources/machine.ts';
import { run } from '../resources/run.ts';
import { type Event, planEvents, recap, stepEvent } from './events.ts';
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
  first: 0,
  mounts: [86, '0:44', MOUNT.slice('86 66 0:44 '.length, -1)],
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

const say = (event: Event): void => void textOf(event, (_, text) => text);

/** They do nothing, and that at once. */
const IDLE_KINDS = kinds.map((kind) => ({
  ...kind,
  converge: async (_: unknown, tasks: Parameters<Kind['converge']>[1]) => tasks.map(({ spec }) => ({ address: spec.address })),
  remove: async (_: unknown, live: Parameters<Kind['remove']>[1]) => live.map(({ address }) => ({ address })),
}));

/** What `ob apply` does on an empty machine, and `ob destroy` then, but for the kinds themselves: they would act. */
async function applyAndDestroy(machine: Machine, desired: readonly Spec[], world: World): Promise<void> {
  const empty = { live: new Map(), blockers: [] };
  for (const plan of [makePlan(kinds, desired, empty), makePlan(kinds, [], world)]) {
    planEvents(plan).forEach(say);
    const onEnd = (outcome: Outcome): void => say(stepEvent(outcome, 0));
    const outcomes = await apply(plan.steps, { kinds: IDLE_KINDS, parallel: 2, machine: () => machine, onEnd });
    say(recap(plan, outcomes, 0));
  }
}

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
  const machine: Machine = { scope, reaper: '/nowhere', width: 1, turn: (act) => act(), look: LOOK, say: () => {} };
  const world = await readWorld(kinds, machine, desired);
  planEvents(makePlan(kinds, desired, world)).forEach(say);
  await applyAndDestroy(machine, desired, world);
  await run('/bin/true', []);
  await run('/bin/true', [], { onLine: () => {} });
}
