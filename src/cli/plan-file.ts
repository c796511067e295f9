import { createHash, randomBytes } from 'node:crypto';
import { closeSync, constants, fstatSync, fsyncSync, openSync, readFileSync, readSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { showPath } from '../planner/hosts/show.ts';
import { either, isObject, isText, listOf, withFields } from '../resources/checks.ts';
import { ExitCode, hasCode, messageOf, ObError } from '../resources/error.ts';
import type { Spec } from '../resources/kind.ts';
import { findUntrusted } from '../resources/trust.ts';
import type { Args } from './command.ts';
import type { Event } from './events.ts';
import { whatMoved } from './plan-moved.ts';
import { VERSION } from './version.ts';

/** Raised whenever a file of another format cannot be compared with a plan that is made now. */
const FORMAT = 1;
/** It begins with this, whatever its name is. A hosts file has no such key. */
const MARK = /^\s*\{\s*"ob_plan"\s*:/;
const MARK_BYTES = 256;

/** A plan that was kept to be read: all that `ob plan -o` knew and showed. */
export interface PlanFile {
  /** The format. */
  readonly ob_plan: number;
  readonly ob: string;
  readonly made: string;
  readonly hosts_files: readonly { readonly path: string; readonly sha256: string }[];
  readonly scope: string;
  /** The subhosts that it is limited to; null: to none. */
  readonly limit: readonly string[] | null;
  /** Of all that the hosts files want, also where a plan shows none of it (a command that is run at a start). */
  readonly wanted_sha256: string;
  readonly plan: readonly Event[];
  /** Of all above. */
  readonly sha256: string;
}

/** What a plan was made from. */
export interface Source {
  readonly paths: readonly string[];
  readonly scope: string;
  readonly limit: readonly string[];
  readonly desired: readonly Spec[];
}

/** Keeps what was shown of a plan; only root can read it, and no reader meets half of it. */
export function writePlanFile(path: string, { paths, scope, limit, desired }: Source, plan: readonly Event[]): void {
  refuseOverwriting(path);
  const content: Omit<PlanFile, 'sha256'> = {
    ob_plan: FORMAT,
    ob: VERSION,
    made: new Date().toISOString(),
    hosts_files: paths.map((one) => ({ path: resolve(one), sha256: digestOfFile(one) })),
    scope,
    limit: limit.length > 0 ? limit : null,
    wanted_sha256: digestOfWanted(desired),
    plan,
  };
  const text = JSON.stringify({ ...content, sha256: digestOf(content) }, null, 2);
  try {
    writeAnew(resolve(path), `${text}\n`);
  } catch (error) {
    throw new ObError(`${showPath(path)}: the plan cannot be written: ${messageOf(error)}`);
  }
}

/** Only another plan is written over: the word behind -o may be a slip of the pen. */
function refuseOverwriting(path: string): void {
  const untrusted = findOpen(dirname(resolve(path)));
  if (untrusted)
    throw new ObError(`${showPath(path)}: apply would refuse the plan there: others than root can change ${untrusted}`, {
      hint: 'write it to a folder of root, e.g. /root/ob.plan',
    });
  const head = readHead(path);
  if (head === undefined || MARK.test(head)) return;
  throw new ObError(`${showPath(path)} is there and is no plan`, { hint: 'another name, or remove it' });
}

function findOpen(folder: string): string | undefined {
  try {
    return findUntrusted([folder]);
  } catch (error) {
    throw new ObError(`there is no folder ${showPath(folder)}: ${messageOf(error)}`);
  }
}

function writeAnew(path: string, text: string): void {
  const temporary = `${path}.${randomBytes(6).toString('hex')}`;
  try {
    const fd = openSync(temporary, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW, 0o600);
    try {
      writeFileSync(fd, text);
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    renameSync(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
}

/** Undefined: it is no plan, but perhaps a hosts file. */
export function readPlanFile(path: string): PlanFile | undefined {
  const head = readHead(path);
  if (head === undefined || !MARK.test(head)) return undefined;
  return parsePlanFile(path, readFileSync(path, 'utf8'));
}

/** A text that begins as a plan does. Pure. */
export function parsePlanFile(path: string, text: string): PlanFile {
  const file = parse(path, text);
  if (file.ob_plan !== FORMAT) throw bad(path, `the plan is of ob ${file.ob}, which writes another format`);
  const { sha256, ...content } = file;
  if (digestOf(content) !== sha256 || !isPlan(file)) throw bad(path, 'the plan was changed, or cut off, after ob wrote it');
  return file;
}

const isPlan = withFields({
  hosts_files: listOf(withFields({ path: isText, sha256: isText })),
  scope: isText,
  limit: either(listOf(isText), null),
  wanted_sha256: isText,
  plan: listOf(withFields({ type: isText, fields: either(listOf(isObject), undefined), because: either(listOf(isText), undefined) })),
});

function parse(path: string, text: string): PlanFile {
  try {
    const value: unknown = JSON.parse(text);
    if (isObject(value)) return value as PlanFile;
  } catch {
    // Said below.
  }
  throw bad(path, 'the plan was changed, or cut off, after ob wrote it');
}

function bad(path: string, what: string): ObError {
  return new ObError(`${showPath(path)}: ${what}`, { hint: PLAN_ANEW, exitCode: ExitCode.badFile });
}

const PLAN_ANEW = 'plan anew, and read it: ob plan -o FILE';

/** Empty where it is nothing that one reads from: the reader of hosts files tells why. Never waits. */
function readHead(path: string): string | undefined {
  let fd: number;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined;
    return '';
  }
  try {
    if (!fstatSync(fd).isFile()) return '';
    const bytes = Buffer.alloc(MARK_BYTES);
    return bytes.toString('utf8', 0, readSync(fd, bytes, 0, MARK_BYTES, 0));
  } finally {
    closeSync(fd);
  }
}

/** Who can change it decides what is done as root. */
function refuseUntrusted(path: string): void {
  const untrusted = findUntrusted([path]);
  if (untrusted === undefined) return;
  throw new ObError(`${showPath(path)}: not applied as root: others than root can change ${untrusted}`, {
    hint: 'chown root and chmod go-w it, if you know who wrote it; or plan anew',
  });
}

/** A plan that was read before, and what was said of it then. */
export interface AsRead {
  readonly path: string;
  readonly plan: PlanFile;
}

/** What apply does with ARGS if they name a plan: all that it says, and no more. Undefined: they name none. */
export function findPlanFile(args: Args): { readonly asRead: AsRead; readonly args: Args } | undefined {
  const [path, ...more] = args.files;
  const plan = path !== undefined && more.length === 0 ? readPlanFile(path) : undefined;
  if (!plan || path === undefined) return undefined;
  refuseUntrusted(path);
  if (args.limit.length > 0)
    throw new ObError(`${showPath(path)} is a plan, and says itself what it is limited to`, {
      exitCode: ExitCode.usage,
      hint: 'without --limit',
    });
  return { asRead: { path, plan }, args: { ...args, files: plan.hosts_files.map((one) => one.path), limit: plan.limit ?? [] } };
}

/** An error that tells what is not as it was when the plan was read. NOW: what a plan says that has just been made. */
export function refuseMoved({ path, plan: file }: AsRead, desired: readonly Spec[], now: readonly Event[]): void {
  const changed = file.hosts_files.filter((one) => digestOfFile(one.path) !== one.sha256).map((one) => `${one.path}: it was changed`);
  const moved = [...changed, ...whatMoved(file.plan, now)];
  // Not what was written has another meaning, but what a command says in the place of a value.
  if (moved.length === 0 && digestOfWanted(desired) !== file.wanted_sha256)
    moved.push(`${file.hosts_files.map((one) => one.path).join(', ')}: a value that a command tells, or a path, is another one`);
  if (moved.length === 0) return;
  throw new ObError([`${showPath(path)} is out of date, and nothing was done:`, ...moved.map((line) => `    ${line}`)].join('\n'), {
    hint: PLAN_ANEW,
  });
}

export function digestOfWanted(desired: readonly Spec[]): string {
  return digestOf(desired);
}

function digestOfFile(path: string): string {
  return createHash('sha256').update(readFileSync(path)).digest('hex');
}

function digestOf(value: unknown): string {
  return createHash('sha256').update(JSON.stringify(value)).digest('hex');
}
