import { closeSync, readSync } from 'node:fs';
import type { Namespaces } from './linux/holders.ts';
import { type Inside, parseInsides } from './linux/inside.ts';
import type { Link } from './linux/ip.ts';
import { parseInits, type ToldTexts } from './live-init.ts';
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
  const survey = createSurvey();
  let read = 0;
  let first: string | undefined;
  /** Waits for the next part, and everything with it: whoever asks has nothing else left to do. Undefined: it does not come. */
  const next = (): { readonly text: string; readonly isLast: boolean } | undefined => {
    const told = Buffer.alloc(8);
    if (readSync(pipe, told) < told.length) return undefined;
    const size = Number(told.readBigInt64LE());
    if (size === 0) return undefined;
    const bytes = Buffer.allocUnsafe(Math.abs(size) - read);
    const text = bytes.toString('utf8', 0, readSync(memory, bytes, 0, bytes.length, read));
    read += bytes.length;
    return { text, isLast: size < 0 };
  };
  const readFirst = (): string => {
    first ??= next()?.text ?? '';
    return first;
  };
  return {
    async links() {
      // First what the caller has to do still: to read the hosts file.
      await undefined;
      const links = parseInsides(readFirst().split('\n', 2)).get('/')?.links;
      return links && links.length > 0 ? links : undefined;
    },
    async all() {
      await undefined;
      let part = readFirst() === '' ? undefined : next();
      while (part) {
        survey.add(part.text.split('\n').slice(0, -1));
        if (part.isLast) break;
        part = next();
      }
      for (const fd of [memory, pipe]) closeSync(fd);
      return part && survey.end();
    },
  };
}

/** What comes from the second part on: the lines of reaper/ahead.c, in four sections with an empty line between them. */
function createSurvey(): { add(lines: readonly string[]): void; end(): AheadSurvey } {
  const insides = new Map<string, Inside>();
  const inits = new Map<string, LiveInit>();
  const others: [number, number][] = [];
  const texts: ToldTexts = [];
  let root = '';
  const sections: ((lines: readonly string[]) => void)[] = [
    (lines) => {
      for (const [name, inside] of parseInsides(lines)) insides.set(name, inside);
    },
    (lines) => {
      root += lines.join('');
    },
    (lines) => {
      for (const [mark, init] of parseInits(lines, texts)) inits.set(mark, init);
    },
    (lines) => void others.push(...lines.map((line) => line.split(' ').map(Number) as [number, number])),
  ];
  let section = 0;
  return {
    add(lines) {
      let at = 0;
      for (let end = lines.indexOf(''); end >= 0; end = lines.indexOf('', at)) {
        sections[section++]?.(lines.slice(at, end));
        at = end + 1;
      }
      sections[section]?.(lines.slice(at));
    },
    end() {
      const own = [...inits.values()].flatMap(({ pid, mountns }): [number, number][] => (mountns === undefined ? [] : [[pid, mountns]]));
      // There is our own at least.
      const namespaces = others.length > 0 ? new Map([...own, ...others]) : undefined;
      return { insides, root, inits, namespaces };
    },
  };
}
