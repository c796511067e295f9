import { identify, type ProcessId, parseNamespacePids, readArguments, readIfThere } from './proc.ts';

/** A subhost's PID 1, read out of its argument list: MARK DIGEST START_MS STOP_MS runs:NN STATE:ENTRY… */
export interface Init extends ProcessId {
  readonly digest: string;
  readonly entries: readonly InitEntry[];
}

interface InitEntry {
  /** As it was ordered: `ssh`, `ssh?`, `/path`. */
  readonly name: string;
  /** `...` waits, `>>>` runs, `skp` was skipped, else the exit status of its start command. */
  readonly state: string;
}

const FIXED_ARGUMENTS = 6;

/**
 * The one process among these that is a subhost's PID 1: PID 1 of a namespace right below ours, with the mark.
 * Undefined: none. What a subhost itself puts into a pid namespace is further below.
 */
export function findInit(pids: readonly number[], mark: string): Init | undefined {
  for (const pid of pids) {
    const id = identify(pid);
    const chain = parseNamespacePids(readIfThere(`/proc/${pid}/status`) ?? '');
    if (!id || chain.length !== 2 || chain[1] !== 1) continue;
    const init = parseInit(readArguments(pid), mark);
    if (init) return { ...id, ...init };
  }
  return undefined;
}

/** Undefined if this is not the argument list of the mark's PID 1. */
export function parseInit(words: readonly string[], mark: string): Omit<Init, keyof ProcessId> | undefined {
  const [program, owner, digest] = words;
  if (program !== '/.reaper' || owner !== mark || !digest || words.length < FIXED_ARGUMENTS) return undefined;
  const entries = words.slice(FIXED_ARGUMENTS).map((slot) => ({ state: slot.slice(0, 3), name: slot.slice(4) }));
  return { digest, entries };
}
