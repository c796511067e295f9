import { readdirSync } from 'node:fs';
import type { ObError } from './error.ts';
import { cgroupName } from './linux/cgroup.ts';
import { groupsOf, rootsInV1 } from './linux/groups.ts';
import { ifThere, readIfThere } from './linux/proc.ts';
import type { Look } from './machine.ts';
import type { Owner } from './marks.ts';
import { parseReaperError } from './reaper.ts';
import { run } from './run.ts';

/** What the watcher is to watch: KIND VALUE KIND VALUE …, see reaper/watch.c. */
export type Watches = readonly string[];

const NETNS_FOLDER = '/run/netns';

/** All that can tell of a drift of these subhosts. What no event tells, only a look from time to time finds. */
export function listWatches(look: Look, scope: string, names: readonly string[]): Watches {
  const machine = ['links', '/proc/self/ns/net', 'urgent', '/proc/self/mountinfo'];
  const isReal = new Set(look.netnsNames().flatMap((one) => (one.real ? one.name : [])));
  // A subhost that somebody starts on what is there already moves nothing but its cgroup.
  const trees = [look.cgroupRoot(), ...rootsInV1(look.places())];
  const folders = [NETNS_FOLDER, ...trees.map((root) => `${root}${cgroupName({ scope, name: '' })}`)];
  return [
    ...machine,
    ...folders.flatMap((folder) => (ifThere(() => readdirSync(folder)) ? ['folder', folder] : [])),
    ...names.flatMap((name) => [
      ...(isReal.has(name) ? ['links', `${NETNS_FOLDER}/${name}`] : []),
      ...watchesOfInit(look, { scope, name }),
    ]),
  ];
}

/** Files of cgroup v2, and of v1. */
const LIMITS =
  /^(pids\.max|(memory|cpu|io)\.max|memory\.limit_in_bytes|cpu\.cfs_(quota|period)_us|blkio\.throttle\.(read|write)_bps_device)$/;

function watchesOfInit(look: Look, owner: Owner): string[] {
  const init = look.init(owner);
  if (!init) return [];
  const process = `/proc/${init.pid}`;
  return [
    ...['urgent', `${process}/mountinfo`, 'process', String(init.pid), 'host', String(init.pid), 'folder', `${process}/root/dev`],
    ...listServices(init.pid).flatMap((pid) => ['process', pid]),
    ...[`${look.cgroupRoot()}${init.cgroup}`, ...groupsOf(look.places(), owner)].flatMap(watchesOfCgroup),
  ];
}

/** What has no other parent any more: daemons. What they start themselves comes and goes, and tells nothing. */
function listServices(pid: number): string[] {
  return (readIfThere(`/proc/${pid}/task/${pid}/children`) ?? '').split(' ').filter((one) => /^\d+$/.test(one));
}

function watchesOfCgroup(folder: string): string[] {
  const files = (ifThere(() => readdirSync(folder)) ?? []).filter((name) => name === 'cgroup.events' || LIMITS.test(name));
  return files.sort().flatMap((name) => ['file', `${folder}/${name}`]);
}

export interface Watcher {
  /** All that it can watch is watched from now on. */
  readonly ready: Promise<void>;
  /** Ended by itself or by `stop`. */
  readonly ended: Promise<void>;
  stop(): void;
}

interface WatcherOptions {
  readonly onMove: () => void;
  /** Something exists and cannot be watched. */
  readonly onLack: (error: ObError) => void;
}

/** Starts the watcher; it ends with us. PROGRAM: its absolute name. */
export function startWatcher(program: string, watches: Watches, { onMove, onLack }: WatcherOptions): Watcher {
  const controller = new AbortController();
  let setReady = (): void => {};
  const ready = new Promise<void>((resolve) => (setReady = resolve));
  const onLine = (line: string): void => {
    if (line === 'watcher ready') setReady();
    else if (line.startsWith('moved ')) onMove();
    else {
      const lack = parseReaperError(line);
      if (lack && !/ error watch (2|3|20) /.test(line)) onLack(lack.error);
      // ENOENT, ESRCH, ENOTDIR: it has moved already.
      else onMove();
    }
  };
  const ran = run(program, watches, { isEndless: true, signal: controller.signal, onLine });
  return { ready: Promise.race([ready, ran.then(() => {})]), ended: ran.then(() => {}), stop: () => controller.abort() };
}
