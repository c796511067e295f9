import { setTimeout as sleep } from 'node:timers/promises';
import { type Confinement, parseConfinement } from '../confinement.ts';
import { ObError } from '../error.ts';
import { isFirstId, parseIdMap } from '../ids.ts';
import { parseMark } from '../marks.ts';
import { type ProcessId, parseNamespacePids, parseTicks, readArguments, readIfThere, readLinkIfThere } from './proc.ts';

/** A subhost's PID 1, read out of its argument list: MARK DIGEST START_MS STOP_MS (runs|stop):NN STATE:ENTRY… */
export interface Init extends ProcessId {
  readonly digest: string;
  /** It has been told to end, and is stopping its services. */
  readonly isStopping: boolean;
  readonly entries: readonly InitEntry[];
  /** First of the ids of its user namespace, see ids.ts; 0: that is the machine's. */
  readonly firstId: number;
  /** What it, and with it all that runs inside, may do. */
  readonly confinement: Confinement;
}

interface InitEntry {
  /** As it was ordered: `ssh`, `ssh?`, `/path`. */
  readonly name: string;
  /** `...` waits, `>>>` runs, `skp` was skipped, else the exit status of its start command. */
  readonly state: string;
}

/** Its start command is under way, or its turn has not come yet. */
export function isPending(entry: InitEntry): boolean {
  return entry.state === '...' || entry.state === '>>>';
}

/** The service or path itself, without the mark of an entry that may be missing. */
export function serviceOf(entry: InitEntry): string {
  return entry.name.replace(/\?$/, '');
}

/** Its start command has been run, and came to nothing. */
export function hasFailed(entry: InitEntry): boolean {
  return /^\d+$/.test(entry.state) && entry.state !== '000';
}

/** What each of them calls itself. */
const PROGRAM = '/.reaper';

const FIXED_ARGUMENTS = 6;

/** The one process among these that is the PID 1 of the subhost with this mark. Undefined: none. */
export function findInit(pids: readonly number[], mark: string): Init | undefined {
  return findInits(pids).get(mark);
}

/**
 * By mark: the processes among these that are a subhost's PID 1, that is PID 1 of a namespace right below ours, with a
 * mark. What a subhost itself puts into a pid namespace is further below.
 */
export function findInits(pids: readonly number[]): Map<string, Init> {
  const found = new Map<string, Init>();
  for (const pid of pids) {
    const words = readArguments(pid);
    if (words[0] !== PROGRAM) continue;
    const read = (name: string): string => readIfThere(`/proc/${pid}/${name}`) ?? '';
    const init = toInit({ pid, arguments: words, status: read('status'), stat: read('stat'), first: readFirstId(pid) });
    if (init) found.set(words[1] ?? '', init);
  }
  return found;
}

function readFirstId(pid: number): number {
  if (readLinkIfThere(`/proc/${pid}/ns/user`) === readLinkIfThere('/proc/self/ns/user')) return 0;
  return parseIdMap(readIfThere(`/proc/${pid}/uid_map`) ?? '');
}

/** What /proc/PID tells of a process: `cmdline`, cut into its words, `status` and `stat`. */
export interface ProcessTexts {
  readonly pid: number;
  readonly arguments: readonly string[];
  readonly status: string;
  readonly stat: string;
  /** See `Init.firstId`. */
  readonly first: number;
}

/** Undefined: not the PID 1 of a subhost. */
export function toInit({ pid, arguments: words, status, stat, first }: ProcessTexts): Init | undefined {
  const [, mark = ''] = words;
  const init = parseInit(words, mark);
  const chain = parseNamespacePids(status);
  const ticks = parseTicks(stat);
  // Any user can make a pid namespace and call his program so; but not as root, nor with so many ids.
  const isRoot = (first === 0 || isFirstId(first)) && Number(/^Uid:\s*(\d+)\s/m.exec(status)?.[1]) === first;
  const isInit = chain.length === 2 && chain[1] === 1 && isRoot;
  return init && isInit && ticks !== undefined && parseMark(mark)
    ? { pid, ticks, firstId: first, confinement: parseConfinement(status), ...init }
    : undefined;
}

/** Undefined if this is not the argument list of the mark's PID 1. */
export function parseInit(words: readonly string[], mark: string): Omit<Init, keyof ProcessId | 'firstId' | 'confinement'> | undefined {
  const [program, owner, digest, , , runs = ''] = words;
  if (program !== PROGRAM || owner !== mark || !digest || words.length < FIXED_ARGUMENTS) return undefined;
  const entries = words.slice(FIXED_ARGUMENTS).map((slot) => ({ state: slot.slice(0, 3), name: slot.slice(4) }));
  return { digest, isStopping: runs.startsWith('stop:'), entries };
}

const END_LIMIT_MS = 10_000;

/** Kills a subhost's PID 1, and with it all that is in its pid namespace; waits for its end. */
export async function endInit(init: Init, mark: string): Promise<void> {
  process.kill(init.pid, 'SIGKILL');
  for (const deadline = performance.now() + END_LIMIT_MS; findInit([init.pid], mark)?.ticks === init.ticks; ) {
    if (performance.now() > deadline) throw new ObError(`process ${init.pid} does not end`);
    await sleep(2);
  }
}
