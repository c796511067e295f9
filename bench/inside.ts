// Runs inside the disposable machine, started by run.ts; says what it has measured, one JSON value a line.
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { memoryOf, pids } from './memory.ts';
import { momentsOf } from './moments.ts';
import { address, BASE, copyPrograms, hostsYaml, isThere, mac, type Peer, peersOf, type Tools } from './peers.ts';
import type { Row, Sample } from './results.ts';
import { PATIENCE_MS, rest, until } from './wait.ts';

export interface Order {
  readonly tools: Tools;
  readonly playbook: string;
  readonly rounds: number;
  readonly sizes: readonly number[];
  readonly planSizes: readonly number[];
  /** Peers that take minutes for a hundred, and Ansible, are left out. */
  readonly isQuick: boolean;
  readonly only: readonly string[];
}

// keep0: a bridge without a port that is up has no carrier, and that costs the first subhost a second.
const MACHINE = `
# What is there shows the links of the machine that this one was made on; lxc looks for its bridge in it.
umount -R /sys
mount -t sysfs sysfs /sys
mount -t cgroup2 cgroup2 /sys/fs/cgroup
ip link add br0 address ${mac(0)} type bridge
ip address add ${address(0)}/16 dev br0
ip link add keep0 type veth peer keep1
ip link set keep0 master br0 up
ip link set keep1 up
ip link set br0 up
ip neigh replace ${address(1)} lladdr ${mac(1)} dev br0 nud permanent
mkdir -p /run/lock
`;
const OWN_LINKS = new Set(['lo', 'br0', 'keep0', 'keep1']);
const SLOW = new Set(['overlay-boot']);

const order: Order = JSON.parse(process.argv[2] ?? '');
const { limit, ob } = order.tools;
const peers = peersOf(order.tools).filter(
  ({ name, program }) => isThere(program) && (order.only.length === 0 || ['ob', 'limit', ...order.only].includes(name)),
);
delete process.env['NODE_EXTRA_CA_CERTS'];

function say(value: Partial<Sample> | { version: string; of: string } | { note: string }): void {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}

function note(text: string): void {
  say({ note: text });
}

interface Timed {
  readonly ms: number;
  readonly cpuMs: number;
}

/** Undefined: it failed. */
function timed(argv: readonly string[]): Timed | undefined {
  const ran = spawnSync(limit, ['time', ...argv], { encoding: 'utf8', timeout: PATIENCE_MS });
  const [wall = 0, user = 0, system = 0, status = 1] = ran.stdout.split(' ').map(Number);
  if (status === 0) return { ms: wall / 1000, cpuMs: (user + system) / 1000 };
  note(`failed: ${argv.join(' ').slice(0, 100)}: ${ran.stderr.trim().split('\n').slice(-3).join(' | ')}`);
  return undefined;
}

function links(): string[] {
  const lines = readFileSync('/proc/net/dev', 'utf8').split('\n').slice(2);
  return lines.flatMap((line) => line.trim().split(':')[0] || []).filter((name) => !OWN_LINKS.has(name));
}

function countNamed(comm: string): number {
  return pids().filter((pid) => {
    try {
      return readFileSync(`/proc/${pid}/comm`, 'utf8') === `${comm}\n`;
    } catch {
      return false;
    }
  }).length;
}

/** Milliseconds until they are up. */
async function bringUp(peer: Peer, n: number, argv = peer.create(n, peer.parallel[0] ?? 1)): Promise<number | undefined> {
  const made = timed(argv);
  if (!made) return undefined;
  const { ready } = peer;
  return made.ms + (ready ? await until(`${peer.name} ${n}`, () => countNamed(ready) >= n) : 0);
}

/** Milliseconds until no link is left; what else a peer leaves behind is cleared away untimed. */
async function takeDown(peer: Peer, n: number): Promise<number | undefined> {
  const gone = timed(peer.destroy(n));
  const begin = performance.now();
  // A peer that takes its links down with its processes may take a while longer; one that failed is helped.
  if (gone) await until(`${peer.name}: no links`, () => links().length === 0);
  const ms = gone && gone.ms + performance.now() - begin;
  clear();
  return ms;
}

function prepare(peer: Peer, n: number): void {
  mkdirSync(BASE, { recursive: true });
  peer.prepare(n);
}

function clear(): void {
  for (const link of links()) spawnSync('ip', ['link', 'delete', link]);
  spawnSync('sh', ['-c', `umount ${BASE}/*/live; umount /run/netns/*; umount /run/netns; rm -rf /run/netns`]);
  rmSync(BASE, { recursive: true, force: true });
}

function record(row: Row, n: number, peer: string, round: number, value: number | undefined): void {
  if (value !== undefined) say({ row, n, peer, round, value });
}

/** The concurrency with the shortest time: each peer is measured at its best. */
async function bestParallel(peer: Peer, n: number): Promise<number> {
  let best = { parallel: peer.parallel[0] ?? 1, ms: Number.POSITIVE_INFINITY };
  for (const parallel of peer.parallel.length > 1 ? peer.parallel : []) {
    prepare(peer, n);
    const ms = (await bringUp(peer, n, peer.create(n, parallel))) ?? Number.POSITIVE_INFINITY;
    if (ms < best.ms) best = { parallel, ms };
    await takeDown(peer, n);
  }
  return best.parallel;
}

async function applyAndDestroy(n: number): Promise<void> {
  const taking = peers.filter((peer) => n <= peer.most && !(order.isQuick && SLOW.has(peer.name) && n > 10));
  const best = new Map<string, number>();
  for (const peer of taking) best.set(peer.name, await bestParallel(peer, Math.min(n, 100)));
  for (let round = 1; round <= order.rounds; round++) {
    // Now one first and now the other: what the first leaves to the kernel to do is not always the same one's burden.
    for (const peer of round % 2 ? taking : [...taking].reverse()) {
      prepare(peer, n);
      await rest();
      record('apply', n, peer.name, round, await bringUp(peer, n, peer.create(n, best.get(peer.name) ?? 1)));
      record('destroy', n, peer.name, round, await takeDown(peer, n));
    }
  }
}

/** Each moment in the place of a peer. */
async function moments(n: number): Promise<void> {
  for (let round = 1; round <= order.rounds; round++) {
    mkdirSync(BASE, { recursive: true });
    writeFileSync(`${BASE}/hosts.yaml`, hostsYaml(n));
    for (const command of ['apply', 'destroy'] as const) {
      await rest();
      const seen = await momentsOf([ob, command, '--json', `${BASE}/hosts.yaml`]);
      for (const { what, ms } of seen ?? []) record(`${command}-moments`, n, what, round, ms);
    }
    await until('no links', () => links().length === 0);
    clear();
  }
}

async function planNothing(n: number): Promise<void> {
  if (!(await obUp(n))) return;
  await rest();
  for (let round = 1; round <= order.rounds * 3; round++) {
    record('plan', n, 'node -e 0', round, timed([process.execPath, '-e', '0'])?.ms);
    record('plan', n, 'ob', round, timed([ob, 'plan', '--detailed-exitcode', `${BASE}/hosts.yaml`])?.ms);
  }
  await obDown(n);
}

async function quietCpu(n: number): Promise<void> {
  if (!(await obUp(n))) return;
  await rest();
  const playbook = ['ansible-playbook', '-i', 'localhost,', '-e', `n=${n} base=${BASE}`, order.playbook];
  for (let round = 1; round <= order.rounds; round++) {
    record('quiet-cpu', n, 'ob', round, timed([ob, 'apply', '--quiet', `${BASE}/hosts.yaml`])?.cpuMs);
    if (isThere('ansible-playbook') && !order.isQuick) record('quiet-cpu', n, 'ansible', round, timed(playbook)?.cpuMs);
  }
  await obDown(n);
}

async function obUp(n: number): Promise<boolean> {
  mkdirSync(BASE, { recursive: true });
  writeFileSync(`${BASE}/hosts.yaml`, hostsYaml(n));
  return timed([ob, 'apply', `${BASE}/hosts.yaml`]) !== undefined;
}

async function obDown(n: number): Promise<void> {
  const peer = peers.find(({ name }) => name === 'ob');
  if (peer) await takeDown(peer, n);
}

async function memory(n: number): Promise<void> {
  for (const peer of peers.filter(({ name }) => !(order.isQuick && SLOW.has(name)))) {
    const before = new Set(pids());
    prepare(peer, n);
    if ((await bringUp(peer, n)) === undefined) {
      await takeDown(peer, n);
      continue;
    }
    const seen = memoryOf(pids().filter((pid) => !before.has(pid)));
    record('resident', n, peer.name, 1, seen.residentKb / n);
    record('memory', n, peer.name, 1, seen.wholeKb / n);
    record('node-left', n, peer.name, 1, seen.nodes);
    await takeDown(peer, n);
  }
}

async function firstByte(): Promise<void> {
  for (let round = 1; round <= order.rounds; round++) {
    for (const peer of peers) {
      if (!peer.serve) continue;
      prepare(peer, 1);
      copyPrograms(order.tools, 1);
      await rest();
      const ran = spawnSync(limit, ['first-byte', address(1), '8080', ...peer.serve()], { encoding: 'utf8', timeout: 70_000 });
      if (ran.status === 0) record('first-byte', 1, peer.name, round, Number(ran.stdout) / 1000);
      else note(`failed: ${peer.name} first byte: ${ran.stderr.trim().split('\n').slice(-3).join(' | ')}`);
      spawnSync('sh', ['-c', 'pkill -9 -x answer']);
      await takeDown(peer, 1);
    }
  }
}

const made = spawnSync('sh', ['-ec', MACHINE], { encoding: 'utf8' });
if (made.status !== 0) throw new Error(`the machine cannot be set up: ${made.stderr}`);
for (const { name, version } of peers) {
  const [program = '', ...args] = version;
  const first = spawnSync(program, args, { encoding: 'utf8' }).stdout?.split('\n')[0] ?? '';
  say({ of: name, version: first.replace(/^\S+ version /, '') });
}
for (const n of order.sizes) {
  note(`apply and destroy ${n}`);
  await applyAndDestroy(n);
}
for (const n of [1, 100]) {
  note(`how far ${n}`);
  await moments(n);
}
for (const n of order.planSizes) {
  note(`plan ${n}`);
  await planNothing(n);
}
note('apply --quiet');
await quietCpu(100);
note('memory');
await memory(100);
note('first byte');
await firstByte();
