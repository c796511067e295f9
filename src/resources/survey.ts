import { FOLDER } from './linux/cgroup.ts';
import { type Inside, parseInsides } from './linux/inside.ts';
import { type Link, parseIpJson, toLink, toRoute } from './linux/ip.ts';
import { parseInits } from './live-init.ts';
import type { LiveInit } from './machine.ts';
import { markOf, type Owner, parseMark } from './marks.ts';
import { findProgram } from './programs.ts';
import { failure } from './ran.ts';
import { run } from './run.ts';

const LIST_LINKS = ['-j', '-d', '-N', 'address', 'show'] as const;

/** `ip` only warns that links came and went while it read them, so that some may be missing; it is asked again then, not for ever. */
const TORN = /Dump was interrupted/;
const TRIES = 8;

/** All links of this machine, or an error: there is a loopback link wherever there are links, so no answer is not "nothing is there". */
export async function readLinks(): Promise<readonly Link[]> {
  let ran = await run('ip', LIST_LINKS);
  for (let tries = 1; TORN.test(ran.words) && tries < TRIES; tries++) ran = await run('ip', LIST_LINKS);
  const links = ran.ok ? parseLinks(ran.output) : [];
  if (links.length === 0) throw failure(ran, 'cannot read the links of this machine');
  return links;
}

function parseLinks(output: string): Link[] {
  return parseIpJson(output).flat().flatMap(toLink);
}

/** What one program has told of all namespaces, of every PID 1, and perhaps of the links. */
export interface Survey {
  /** By name of the namespace. */
  readonly insides: ReadonlyMap<string, Inside>;
  /** By mark. */
  readonly inits: ReadonlyMap<string, LiveInit>;
  /** Undefined: not asked for, or not to be had this way. */
  readonly links?: readonly Link[];
}

interface Wanted {
  /** Where cgroup v2 is mounted, and the subhosts that have a group there. */
  readonly root?: string | undefined;
  readonly owners?: readonly Owner[];
  /** Has `ip` run meanwhile: to start one more program costs Node as much as a look at a hundred namespaces. */
  readonly withLinks?: boolean;
  /** No addresses nor routes, and of a PID 1 nothing of what is inside. */
  readonly inBrief?: boolean;
}

/** All that is wanted with one program: who needs some of it needs most of it. */
export async function readSurvey(reaper: string, names: readonly string[], wanted: Wanted = {}): Promise<Survey> {
  const { root = '', owners = [] } = wanted;
  const named = names.filter((name) => !name.includes('\n'));
  // Any name can be made below there.
  const known = owners.filter((owner) => parseMark(markOf(owner))).map(({ scope, name }) => `${scope}/${name}`);
  const ip = wanted.withLinks && findProgram(reaper) ? findProgram('ip') : undefined;
  if (named.length + known.length === 0 && !ip) return { insides: new Map(), inits: new Map() };
  const beside = ip ? ['/', ip, ...LIST_LINKS] : [];
  const words = [wanted.inBrief ? 'glance' : 'look', ...named, '/', `${root}/${FOLDER}`, ...known, ...beside];
  const ran = await run(reaper, words, ip ? { descriptors: ['pipe', 'pipe'] } : {});
  if (!ran.ok && ran.exitCode !== ONLY_IP_FAILED) return readWithIp(named);
  const lines = ran.output.split('\n');
  const [told = '', warned = ''] = ran.more;
  const links = ran.ok && !TORN.test(warned) ? parseLinks(told) : [];
  return {
    // A namespace has two lines whatever becomes of it.
    insides: parseInsides(lines.slice(0, 2 * named.length)),
    inits: parseInits(lines.slice(2 * named.length)),
    ...(links.length > 0 ? { links } : {}),
  };
}

/** Exit code of `reaper look` where the program that was run meanwhile has failed, and nothing else. */
const ONLY_IP_FAILED = 2;

/** `ip` tells the same, with a process for each namespace. */
async function readWithIp(names: readonly string[]): Promise<Survey> {
  const found = await Promise.all(names.map(async (name) => [name, await readInside(name)] as const));
  return { insides: new Map(found.flatMap(([name, inside]) => (inside ? [[name, inside]] : []))), inits: new Map() };
}

/** A network namespace without a name, in the words of `reaper look`. */
export function netnsOf(pid: number): string {
  return `/proc/${pid}/ns/net`;
}

/** Undefined: the namespace is gone, or no namespace. */
async function readInside(netns: string): Promise<Inside | undefined> {
  const input = 'address show\nroute show table all\n';
  const ran = await run('ip', ['-n', netns, '-j', '-d', '-N', '-batch', '-'], { input });
  if (!ran.ok) return undefined;
  const [links = [], routes = []] = parseIpJson(ran.output);
  return { links: links.flatMap(toLink), routes: routes.flatMap(toRoute) };
}
