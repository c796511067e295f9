import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { lstatSync, readdirSync, readFileSync, readlinkSync, type Stats, statfsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Ran } from './machine.ts';

/** A machine to look at from outside: what it sees of /proc, /run, … is below ROOT. */
export interface Source {
  readonly root: string;
  run(program: string, args: readonly string[], options: { readonly input: string }): Promise<Ran>;
}

export interface Selection {
  /** Trees of files whose content counts; /run always does. */
  readonly folders?: readonly string[];
  /** Also when each file was last changed: finds what was made and removed again. */
  readonly times?: boolean;
}

/** NSFS_MAGIC of statfs(2) */
const NSFS_MAGIC = 0x6e736673;

/**
 * The state of a machine as lines of text, the same for as long as nothing changes: links, addresses, routes and rules
 * of every named network namespace, mounts of every process, processes, cgroups, files. What the kernel moves by itself
 * (carrier, link-local addresses, counters) is left out, and so are numbers that mean nothing (mount ids, ifindex).
 */
export async function snapshot(source: Source, selection: Selection = {}): Promise<string[]> {
  await untilFreed(source);
  return [
    ...(await listNetworks(source)),
    ...listMounts(source, listPids(source.root)),
    ...listProcesses(source),
    ...listCgroups(`${source.root}/sys/fs/cgroup`),
    ...['/run', ...(selection.folders ?? [])].flatMap((folder) => listFiles(source, folder, selection.times ?? false)),
  ];
}

/** Whoever waits for the kernel to free what links were made of may outlive the run that had them deleted: see reaper/drop-links.c. */
async function untilFreed(source: Source): Promise<void> {
  const isWaiting = (): boolean => listProcesses(source).some((line) => / \S*\/reaper drop-links /.test(line));
  for (let tries = 0; tries < 200 && isWaiting(); tries++) await sleep(10);
}

/** Fails with the lines that differ, instead of all. */
export function assertSame(actual: readonly string[], expected: readonly string[], message: string): void {
  assert.deepEqual(differences(actual, expected), [], message);
  assert.deepEqual(actual, expected, message);
}

/** Lines that are missing, and lines that were not expected. */
export function differences(actual: readonly string[], expected: readonly string[]): string[] {
  const missing = expected.filter((line) => !actual.includes(line)).map((line) => `- ${line}`);
  const added = actual.filter((line) => !expected.includes(line)).map((line) => `+ ${line}`);
  return [...missing, ...added];
}

/** Of the machine itself, and of every namespace in /run/netns. */
export async function listNetworks(source: Source): Promise<string[]> {
  const names = readNames(`${source.root}/run/netns`).map((name) => {
    const path = `${source.root}/run/netns/${name}`;
    return { name, isReal: statfsSync(path).type === NSFS_MAGIC, inode: lstatSync(path).ino };
  });
  const real = names.filter((one) => one.isReal).map((one) => one.name);
  return [
    ...(await Promise.all([undefined, ...real].map((name) => listNetwork(source, name)))).flat(),
    ...names.map(({ name, isReal, inode }) => `netns ${name}: ${isReal ? `namespace ${inode}` : 'a file'}`),
  ];
}

type Loose = Readonly<Record<string, unknown>>;

async function listNetwork(source: Source, netns: string | undefined): Promise<string[]> {
  const input = 'address show\nroute show table all\nrule show\n';
  const ran = await source.run('ip', [...(netns ? ['-n', netns] : []), '-j', '-d', '-batch', '-'], { input });
  if (ran.code !== 0) throw new Error(`ip failed: ${ran.stderr}`);
  const [links = [], ...rest] = ran.stdout
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Loose[]);
  const where = netns ? ` in ${netns}` : '';
  return [
    ...links.filter((link) => link['ifname']).map(linkLine),
    ...rest
      .flat()
      .filter(isLasting)
      .map((one) => `route or rule ${JSON.stringify({ ...one, flags: undefined, expires: undefined })}`),
  ].map((line) => line.replace(' ', `${where} `));
}

function linkLine(link: Loose): string {
  const { ifname, mtu, master, group, ifalias, address } = link;
  const flags = (link['flags'] as string[]).filter((flag) => !['LOWER_UP', 'NO-CARRIER', 'M-DOWN'].includes(flag));
  const kind = (link['linkinfo'] as Loose | undefined)?.['info_kind'];
  const addresses = (link['addr_info'] as Loose[])
    .filter((one) => one['scope'] !== 'link')
    .map((one) => `${one['local']}/${one['prefixlen']}`);
  return `link ${JSON.stringify({ ifname, kind, flags: flags.sort(), mtu, master, group, ifalias, address, addresses })}`;
}

/** The kernel sets and removes routes of link-local addresses when a link finds its carrier. */
function isLasting(route: Loose): boolean {
  return Object.keys(route).length > 0 && !/^(fe80|ff00):/.test(String(route['dst']));
}

/** Of every mount namespace of these processes, once. The order counts: it tells what is on top. */
export function listMounts({ root }: Source, pids: readonly number[]): string[] {
  const seen = new Map<string, string[]>();
  for (const pid of pids) {
    const namespace = ifThere(() => readlinkSync(`${root}/proc/${pid}/ns/mnt`));
    if (!namespace || seen.has(namespace)) continue;
    const lines = readText(`${root}/proc/${pid}/mountinfo`).split('\n').filter(Boolean);
    seen.set(
      namespace,
      lines.map((line) => `mount of ${argumentsOf(root, pid)[0]}: ${withoutIds(line)}`),
    );
  }
  return [...seen.values()].flat();
}

/** ID PARENT MAJOR:MINOR ROOT POINT OPTIONS [TAG:NUMBER…] - TYPE SOURCE SUPEROPTIONS */
function withoutIds(line: string): string {
  return line
    .split(' ')
    .slice(3)
    .map((word) => word.replace(/^(shared|master|propagate_from):\d+$/, '$1'))
    .join(' ');
}

function listProcesses({ root }: Source): string[] {
  return listPids(root).map((pid) => `process ${pid} ${argumentsOf(root, pid).join(' ')}`);
}

/** Of a zombie, which has none: its name. */
function argumentsOf(root: string, pid: number): string[] {
  const words = readText(`${root}/proc/${pid}/cmdline`).split('\0').slice(0, -1);
  return words.length > 0 ? words : [`(${readText(`${root}/proc/${pid}/comm`).trim()})`];
}

function listPids(root: string): number[] {
  return readNames(`${root}/proc`)
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .sort((a, b) => a - b);
}

export function listCgroups(path: string, name = ''): string[] {
  const members = readText(`${path}/cgroup.procs`).split('\n').filter(Boolean);
  const children = readNames(path).filter((child) => lstatSync(`${path}/${child}`).isDirectory());
  return [
    `cgroup ${name || '/'}: ${members.join(' ')}`,
    ...children.flatMap((child) => listCgroups(`${path}/${child}`, `${name}/${child}`)),
  ];
}

/** What is on one filesystem: what is mounted in it is told by its mounts. */
function listFiles({ root }: Source, folder: string, times: boolean): string[] {
  const device = ifThere(() => lstatSync(root + folder).dev);
  const walk = (path: string): string[] => {
    const stats = ifThere(() => lstatSync(root + path));
    if (!stats) return [];
    if (stats.dev !== device) return [`file ${path}: of another filesystem`];
    const time = times ? ` ${stats.mtimeMs}` : '';
    const line = `file ${path}: ${stats.mode.toString(8)} ${stats.uid}:${stats.gid}${time} ${contentOf(root + path, stats)}`;
    return [line, ...(stats.isDirectory() ? readNames(root + path).flatMap((name) => walk(`${path}/${name}`)) : [])];
  };
  return walk(folder);
}

function contentOf(path: string, stats: Stats): string {
  if (stats.isSymbolicLink()) return `-> ${readlinkSync(path)}`;
  if (!stats.isFile()) return stats.isDirectory() ? '' : String(stats.rdev);
  return `${stats.size} ${createHash('sha256').update(readFileSync(path)).digest('hex').slice(0, 16)}`;
}

export function readNames(path: string): string[] {
  return (ifThere(() => readdirSync(path)) ?? []).sort();
}

/** Nothing where there is none, or it has gone meanwhile. */
export function readText(path: string): string {
  return ifThere(() => readFileSync(path, 'utf8')) ?? '';
}

/** What is read in /proc may be gone at any moment. */
function ifThere<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
