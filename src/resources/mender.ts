import { dirname } from 'node:path';
import type { ObError } from './error.ts';
import type { ProcessId } from './linux/proc.ts';
import { runForEach } from './reaper.ts';
import { run } from './run.ts';

/** Lies beside the reaper; both are built together. */
function menderOf(reaper: string): string {
  return `${dirname(reaper)}/mender`;
}

/** What is to be put right inside a running subhost. */
export interface Mending {
  readonly mark: string;
  readonly hostname: string;
  /** What was unmounted, also a mask; `/`: it is only read-only, `nodev`: its device nodes are devices. */
  readonly points: readonly string[];
  /** Names in /dev that are missing, or something else. */
  readonly nodes: readonly string[];
}

export async function mendInside(reaper: string, { pid, ticks }: ProcessId, mending: Mending): Promise<ObError | undefined> {
  const { mark, hostname, points, nodes } = mending;
  const words = [String(pid), String(ticks), mark, hostname, ...points, ...(nodes.length > 0 ? ['nodes', ...nodes] : [])];
  return (await runForEach(menderOf(reaper), 'inside', words, [mark])).get(mark);
}

/** Mounts the root that a PID 1 keeps at LIVE again. */
export async function mendRoot(reaper: string, { pid, ticks }: ProcessId, mark: string, live: string): Promise<ObError | undefined> {
  return (await runForEach(menderOf(reaper), 'root', [String(pid), String(ticks), mark, live], [mark])).get(mark);
}

/** Undefined: it has ended, or the name cannot be read. */
export async function readHostname(reaper: string, pid: number): Promise<string | undefined> {
  const { ok, output } = await run(menderOf(reaper), ['name', String(pid)]);
  return ok ? output.replace(/^name /, '') : undefined;
}

const PATHS_AT_A_TIME = 500;

/** What overlayfs has noted on files of an upper directory, by path: `y` and `x` are opaque directories. */
export async function readOverlayNotes(reaper: string, paths: readonly string[]): Promise<Map<string, string>> {
  const notes = new Map<string, string>();
  for (let at = 0; at < paths.length; at += PATHS_AT_A_TIME) {
    const { output } = await run(menderOf(reaper), ['overlay', ...paths.slice(at, at + PATHS_AT_A_TIME)]);
    for (const line of output.split('\n')) {
      const [note = '', ...path] = line.split(' ');
      notes.set(path.join(' '), note);
    }
  }
  return notes;
}
