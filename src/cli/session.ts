import { lstatSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { tellCauses } from '../planner/cause.ts';
import { isConf, readConfFiles } from '../planner/conf/read.ts';
import { machineFacts } from '../planner/hosts/facts.ts';
import { nearest } from '../planner/hosts/shape.ts';
import { showPath } from '../planner/hosts/show.ts';
import { listDesired, readWorld, type World } from '../planner/live.ts';
import { makePlan, type Plan, type Selection } from '../planner/plan.ts';
import { takeAhead } from '../resources/ahead.ts';
import { TRUSTED_WORDS } from '../resources/confinement.ts';
import { ExitCode, ObError } from '../resources/error.ts';
import type { HostsFile } from '../resources/hosts.ts';
import { kinds } from '../resources/index.ts';
import type { Live, Spec } from '../resources/kind.ts';
import { ownerOf } from '../resources/link-rules.ts';
import { createLook, type Look, type Machine } from '../resources/machine.ts';
import type { Owner } from '../resources/marks.ts';
import { needProgram } from '../resources/programs.ts';
import { hasStarter } from '../resources/run.ts';
import { answer } from './answer.ts';
import { keptTarget, openKeptFile, type Target } from './record/parsed.ts';
import { readWanted } from './record/wanted.ts';
import { isRoot } from './root.ts';

/** Where a hosts file is looked for when none is named. */
const DEFAULT_FILES = ['./hosts.yaml', '/etc/ob/hosts.yaml'] as const;

/** Lies beside the bundle; both are built together. */
export const REAPER = fileURLToPath(new URL('reaper', import.meta.url));

/** So does this one. */
export const WATCHER = fileURLToPath(new URL('watcher', import.meta.url));

/** The files that are meant; an error where none is named and none is at its usual place. */
export function findHostsFiles(named: readonly string[]): readonly string[] {
  if (named.length > 0) return named;
  // A link that leads nowhere is not passed over: another file would be taken for the one that is meant.
  const found = DEFAULT_FILES.find((path) => lstatSync(path, { throwIfNoEntry: false }));
  if (found) return [found.replace(/^\.\//, '')];
  throw new ObError(`no hosts file: neither ${DEFAULT_FILES.join(' nor ')} is there`, {
    hint: 'name it: ob COMMAND FILE; fixtures/hosts.yaml is one to begin with',
    exitCode: ExitCode.badFile,
  });
}

/**
 * Reads a hosts file, or files of overlay-boot, and the machine as far as their checks need it. Values that are commands
 * are found by running these, if we are root; else they are not known, nor checked.
 */
export function readFiles(paths: readonly string[], tell = warn, look = newLook()): Promise<HostsFile> {
  return readWith(paths, look, isRoot() ? answer : undefined, tell);
}

/** The same for its scope and names, which no command tells: none is run. */
export function readNames(paths: readonly string[], tell = warn, look = newLook()): Promise<HostsFile> {
  return readWith(paths, look, undefined, tell);
}

/** Only whom the file is about: of one that has been applied as it is, and since then not changed, no value is read. */
export async function readTarget(paths: readonly string[], look: Look): Promise<Target> {
  const [first = ''] = paths;
  const kept = isConf(first) ? undefined : keptTarget(first);
  if (kept) return kept;
  const file = await readNames(paths, warn, look);
  return { scope: file.scope, names: namesOf(file) };
}

async function readWith(paths: readonly string[], look: Look, ask: typeof answer | undefined, tell: typeof warn): Promise<HostsFile> {
  const facts = foreignBridges(look).then((bridges) => machineFacts(bridges, ask, look.lstat));
  const [first = ''] = paths;
  if (isConf(first)) return readConfFiles(paths, await facts, tell);
  const finish = openKeptFile(first);
  const file = finish(await facts);
  for (const { name, trusted } of file.subhosts)
    if (trusted) tell(`${showPath(first)}: warning: ${name} has the profile "trusted": ${TRUSTED_WORDS}`);
  return file;
}

/** The machine as it is from now on. What only reads it, and needs no lock for that, does so once. */
export function newLook(): Look {
  return createLook(REAPER);
}

/**
 * Begins to read what a plan needs, while its file is read; or takes what has been read before Node was there, so that the first look
 * of a run has to be this. INBRIEF: see `Look`.
 */
export function lookAhead(inBrief = false): Look {
  const ahead = takeAhead();
  // Who changes the machine goes on with `ip`.
  if (ahead && hasStarter()) needProgram('ip');
  if (ahead) return createLook(REAPER, false, ahead, inBrief);
  // Two programs are done sooner than one, but only where somebody else starts them.
  const look = createLook(REAPER, !hasStarter(), undefined, inBrief);
  // What fails now fails again for who asks.
  for (const begun of [look.links(), look.inside('')]) begun.catch(() => {});
  return look;
}

/** A line about a file begins with its name, so that an editor can jump there. */
export function warn(line: string): void {
  process.stderr.write(`${line}\n`);
}

/** What a run is limited to: LIMIT, else NAMES of conf files, as these say nothing of other subhosts; undefined: to nothing. */
export function limitOf(limit: readonly string[], files: readonly string[], names: readonly string[]): ReadonlySet<string> | undefined {
  if (limit.length > 0) return new Set(limit);
  return files.some(isConf) ? new Set(names) : undefined;
}

export function namesOf(file: HostsFile): string[] {
  return file.subhosts.map(({ name }) => name);
}

/** Bridges that are not ours: cables may be plugged into them, but they are the administrator's. Undefined: cannot be known. */
async function foreignBridges(look: Look): Promise<ReadonlySet<string> | undefined> {
  try {
    const links = await look.links();
    return new Set(links.filter((link) => link.kind === 'bridge' && !ownerOf(link)).map((link) => link.name));
  } catch (error) {
    if (error instanceof ObError) return undefined;
    throw error;
  }
}

/** A machine to work on, seen anew. */
export function createMachine(scope: string, options: Partial<Omit<Machine, 'scope' | 'reaper'>> = {}): Machine {
  return { scope, reaper: REAPER, width: 1, turn: (act) => act(), look: newLook(), say: () => {}, ...options };
}

/** Reads what there is and plans. */
export async function planFor(
  scope: string,
  desired: readonly Spec[],
  selection: Selection = {},
  look = lookAhead(),
): Promise<{ plan: Plan; world: World }> {
  const world = await readWorld(kinds, createMachine(scope, { look }), desired);
  return { plan: planIn(scope, desired, world, selection), world };
}

/** The same in a world that has been read. */
export function planIn(scope: string, desired: readonly Spec[], world: World, selection: Selection = {}): Plan {
  const plan = makePlan(kinds, desired, world, selection);
  // Where nothing is wanted a person has given the order.
  return plan.steps.length === 0 || desired.length === 0 ? plan : tellCauses(plan, readWanted(scope));
}

export function desiredOf(file: HostsFile): Spec[] {
  return listDesired(kinds, file);
}

/** A name of none of these, which are wanted or there, is a typo. */
export function checkLimit(limit: ReadonlySet<string>, ...objects: readonly Iterable<Spec | Live>[]): void {
  const known = new Set(objects.flatMap((some) => [...some]).flatMap((one) => one.subhost ?? []));
  for (const name of limit) {
    if (known.has(name)) continue;
    throw new ObError(`there is no subhost "${name}"${nearest(name, [...known].sort())}`, { exitCode: ExitCode.usage });
  }
}

/** Nothing there is no failure, but it may be a slip of the pen. */
export function sayUnknownScope(scope: string, owners: readonly Owner[]): void {
  const scopes = [...new Set(owners.map((owner) => owner.scope))].sort();
  if (scopes.includes(scope)) return;
  process.stderr.write(`ob: nothing of scope "${scope}" is there${scopes.length > 0 ? nearest(scope, scopes) : ''}\n`);
}
