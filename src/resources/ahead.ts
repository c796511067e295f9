import { closeSync, fstatSync, readSync } from 'node:fs';
import type { Namespaces } from './linux/holders.ts';
import { type Inside, parseInsides } from './linux/inside.ts';
import type { Link } from './linux/ip.ts';
import { parseInits } from './live-init.ts';
import type { LiveInit } from './machine.ts';

/** What was told of this machine while Node was starting: see reaper/ahead.c. */
export interface Ahead {
  /** The links of this machine, as `ip` tells them. Undefined: it has not told them. */
  links(): Promise<readonly Link[] | undefined>;
  /** Undefined: it has not come to its end. */
  all(): Promise<AheadSurvey | undefined>;
}

interface AheadSurvey {
  /** By name of the namespace: of all that there were. */
  readonly insides: ReadonlyMap<string, Inside>;
  /** Where cgroup v2 was found; empty: nowhere. */
  readonly root: string;
  /** By mark. */
  readonly inits: ReadonlyMap<string, LiveInit>;
  /** Undefined: they have not been told. */
  readonly namespaces: Namespaces | undefined;
}

/** How many bytes tell that it has come so far. */
const LINKS_TOLD = 1;
const ALL_TOLD = 2;

/** Once for each run, as it is out of date the moment after. Undefined: none was started. */
export function takeAhead(env = process.env): Ahead | undefined {
  const [memory, pipe] = takeFiles(env);
  return memory === undefined || pipe === undefined ? undefined : openAhead(memory, pipe);
}

/** What has been told, if anything, may not be so any more: others could change it. */
export function dropAhead(): void {
  for (const fd of takeFiles(process.env)) closeSync(fd);
}

function takeFiles(env: NodeJS.ProcessEnv): readonly number[] {
  const files = /^(\d+)\.(\d+)$/.exec(env['OB_AHEAD'] ?? '')?.slice(1) ?? [];
  delete env['OB_AHEAD'];
  return files.map(Number);
}

function openAhead(memory: number, pipe: number): Ahead {
  let told = 0;
  /** Waits, and everything with it: whoever asks has nothing else left to do. */
  const isTold = (bytes: number): boolean => {
    const buffer = Buffer.alloc(ALL_TOLD);
    while (told < bytes) {
      const got = readSync(pipe, buffer);
      if (got === 0) return false;
      told += got;
    }
    return true;
  };
  return {
    async links() {
      // First what the caller has to do still: to read the hosts file.
      await undefined;
      if (!isTold(LINKS_TOLD)) return undefined;
      const links = parseInsides(readAll(memory).split('\n', 2)).get('/')?.links;
      return links && links.length > 0 ? links : undefined;
    },
    async all() {
      await undefined;
      const text = isTold(ALL_TOLD) ? readAll(memory) : undefined;
      for (const fd of [memory, pipe]) closeSync(fd);
      return text === undefined ? undefined : toSurvey(text.split('\n'));
    },
  };
}

function readAll(memory: number): string {
  const buffer = Buffer.allocUnsafe(fstatSync(memory).size);
  return buffer.toString('utf8', 0, readSync(memory, buffer, 0, buffer.length, 0));
}

function toSurvey(lines: readonly string[]): AheadSurvey {
  const end = lines.indexOf('', 2);
  const last = lines.indexOf('', end + 2);
  const inits = parseInits(lines.slice(end + 2, last));
  const others = lines.slice(last + 1, -1).map((line) => line.split(' ').map(Number) as [number, number]);
  const own = [...inits.values()].flatMap(({ pid, mountns }): [number, number][] => (mountns === undefined ? [] : [[pid, mountns]]));
  // There is our own at least.
  const namespaces = others.length > 0 ? new Map([...own, ...others]) : undefined;
  return { insides: parseInsides(lines.slice(2, end)), root: lines[end + 1] ?? '', inits, namespaces };
}
