import { realpathSync, statSync, watch } from 'node:fs';
import { basename, dirname } from 'node:path';
import { toObError } from '../../resources/error.ts';
import type { HostsFile } from '../../resources/hosts.ts';
import { ifThere } from '../../resources/linux/proc.ts';
import { forgetAnswers } from '../answer.ts';
import { readFiles } from '../session.ts';
import type { Teller } from './tell.ts';

/** A file that is being written, by an editor that does not rename, may end anywhere: what it leaves out would be removed. */
const SETTLE_MS = 1000;

/** What tells one version of a file from the next; `undefined`: it is not there. */
function stampOf(path: string): { readonly text: string; readonly time: number } | undefined {
  const seen = ifThere(() => statSync(path, { bigint: true }));
  if (!seen) return undefined;
  return { text: `${seen.dev} ${seen.ino} ${seen.size} ${seen.mtimeNs}`, time: Number(seen.mtimeMs) };
}

/** Hosts files that may change at any time. */
export interface Source {
  /** The last good reading. */
  readonly file: HostsFile;
  /**
   * Reads them anew: `moved` if they have changed, `timer` in any case, as what a command in them says may have, `asked` at
   * once. Gives for how many milliseconds to leave them alone first; 0: no need to.
   */
  refresh(why: 'moved' | 'timer' | 'asked'): Promise<number>;
}

/** Throws if they are not good to begin with. Afterwards a bad file is told once, and what it said before goes on being meant. */
export async function openSource(paths: readonly string[], teller: Teller): Promise<Source> {
  const warn = (message: string): void => teller.tell({ type: 'warning', message });
  let { version } = lookAtFiles(paths, Date.now());
  let file = await readFiles(paths, warn);
  const tellFile = (): void => teller.tell({ type: 'watching', files: paths, scope: file.scope, subhosts: file.subhosts.length });
  tellFile();
  let bad: string | undefined;
  return {
    get file() {
      return file;
    },
    async refresh(why) {
      const seen = lookAtFiles(paths, Date.now());
      const hasMoved = seen.version !== version;
      if (!hasMoved && why === 'moved') return 0;
      if (hasMoved && seen.unsettledMs > 0 && why !== 'asked') return seen.unsettledMs;
      version = seen.version;
      if (hasMoved) teller.forget();
      try {
        forgetAnswers();
        file = await readFiles(paths, warn);
        if (hasMoved || bad !== undefined) tellFile();
        bad = undefined;
      } catch (error) {
        const { message, hint } = toObError(error);
        if (message !== bad) teller.tell({ type: 'error', message, ...(hint ? { hint } : {}) });
        bad = message;
      }
      return 0;
    },
  };
}

/** Of all files together: their version, and how long it takes until they have been left alone for long enough. */
function lookAtFiles(paths: readonly string[], now: number): { readonly version: string; readonly unsettledMs: number } {
  const stamps = paths.map(stampOf);
  const ages = stamps.flatMap((stamp) => (stamp ? now - stamp.time : []));
  // A time to come is that of another clock, and tells nothing.
  const youngest = Math.min(...ages.filter((age) => age >= 0), SETTLE_MS);
  return { version: stamps.map((stamp) => stamp?.text ?? 'none').join('\n'), unsettledMs: SETTLE_MS - youngest };
}

/** Calls ONMOVE when one of these files, or what it is a link to, is written, replaced or removed. Ends with SIGNAL. */
export function watchFiles(paths: readonly string[], signal: AbortSignal, onMove: () => void): void {
  const all = [...paths, ...paths.flatMap((path) => ifThere(() => realpathSync(path)) ?? [])];
  for (const folder of new Set(all.map((path) => dirname(path)))) {
    const names = new Set(all.filter((path) => dirname(path) === folder).map((path) => basename(path)));
    // By folder: editors put a new file in the place of the old one.
    const watcher = ifThere(() => watch(folder, { signal, persistent: false }));
    watcher?.on('change', (_, name) => {
      if (names.has(String(name))) onMove();
    });
    // The folder has gone: what is read from time to time tells.
    watcher?.on('error', () => {});
  }
}
