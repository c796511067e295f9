import { closeSync, readSync } from 'node:fs';
import type { MountNamespace, Namespaces } from './linux/holders.ts';
import { type Inside, parseInsides } from './linux/inside.ts';
import type { Link } from './linux/ip.ts';
import { type MountEntry, parseMountinfo, parseMounts } from './linux/mountinfo.ts';
import { parseInits, type ToldTexts } from './live-init.ts';
import type { LiveInit } from './machine.ts';
import { once } from './once.ts';

/** What was told of this machine while Node was starting: see reaper/ahead.c. Whoever asks waits for it, and everything with him. */
export interface Ahead {
  /** The links of this machine, as `ip` tells them. Undefined: it has not told them. */
  links(): readonly Link[] | undefined;
  /** What /proc/mounts says. Undefined: it has not told that. */
  mounts(): readonly MountEntry[] | undefined;
  /** Undefined: it has not come to its end. */
  all(): AheadSurvey | undefined;
}

interface AheadSurvey {
  /** All that is in /run/netns: the inode of what is a namespace that could be looked into, undefined of all else. */
  readonly names: ReadonlyMap<string, number | undefined>;
  /** By name of the namespace. */
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
  const next = openParts(memory, pipe);
  const first = once(() => splitFirst(next()?.text ?? ''));
  return {
    links() {
      const links = parseInsides(first().lines).get('/')?.links;
      return links && links.length > 0 ? links : undefined;
    },
    mounts() {
      const mounts = parseMounts(first().rest);
      return mounts.length > 0 ? mounts : undefined;
    },
    all: once(() => {
      const survey = createSurvey();
      let part = first().lines.length > 0 ? next() : undefined;
      while (part) {
        survey.add(part.text.split('\n').slice(0, -1));
        if (part.isLast) break;
        part = next();
      }
      for (const fd of [memory, pipe]) closeSync(fd);
      return part && survey.end();
    }),
  };
}

interface Part {
  readonly text: string;
  readonly isLast: boolean;
}

/** Gives the next part each time; undefined: it does not come. */
function openParts(memory: number, pipe: number): () => Part | undefined {
  let read = 0;
  return () => {
    const told = Buffer.alloc(8);
    if (readSync(pipe, told) < told.length) return undefined;
    const size = Number(told.readBigInt64LE());
    if (size === 0) return undefined;
    const bytes = Buffer.allocUnsafe(Math.abs(size) - read);
    // What could not be written, for want of memory, was told all the same.
    if (readSync(memory, bytes, 0, bytes.length, read) < bytes.length) return undefined;
    const text = bytes.toString('utf8');
    read += bytes.length;
    return { text, isLast: size < 0 };
  };
}

/** The two lines of the links, and the lines of the mounts. */
function splitFirst(text: string): { readonly lines: readonly string[]; readonly rest: string } {
  const lines = text.split('\n', 2);
  return lines.length < 2 ? { lines: [], rest: '' } : { lines, rest: text.slice(lines.join('\n').length + 1) };
}

/** What comes from the second part on: the lines of reaper/ahead.c, in four sections with an empty line between them. */
function createSurvey(): { add(lines: readonly string[]): void; end(): AheadSurvey } {
  const names = new Map<string, number | undefined>();
  const insides = new Map<string, Inside>();
  const inits = new Map<string, LiveInit>();
  const own = new Map<number, MountNamespace>();
  const others: string[] = [];
  const texts: ToldTexts = [];
  let root = '';
  const sections: ((lines: readonly string[]) => void)[] = [
    (lines) => {
      const found = parseInsides(lines);
      for (const [name, inside] of found) insides.set(name, inside);
      for (let at = 0; at < lines.length; at += 2) names.set(lines[at] ?? '', found.get(lines[at] ?? '')?.inode);
    },
    (lines) => {
      root += lines.join('');
    },
    (lines) => {
      for (const [mark, init] of parseInits(lines, texts, own)) inits.set(mark, init);
    },
    (lines) => void others.push(...lines),
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
      // There is our own at least.
      const namespaces = others.length > 0 ? new Map([...own, ...parseNamespaces(others)]) : undefined;
      return { names, insides, root, inits, namespaces };
    },
  };
}

/** `PID NUMBER`, and for each overlay of that one's a line of its mountinfo with a space in front; nothing but that: they are not known. */
function parseNamespaces(lines: readonly string[]): Map<number, MountNamespace> {
  const blocks: string[][] = [];
  for (const line of lines)
    if (line.startsWith(' ')) blocks.at(-1)?.push(line.slice(1));
    else blocks.push([line]);
  return new Map(
    blocks.map(([head = '', ...overlays]) => {
      const [pid = 0, number = 0] = head.split(' ').map(Number);
      return [pid, { number, mounts: overlays.includes('') ? undefined : parseMountinfo(overlays.join('\n')) }];
    }),
  );
}
