import { getSystemErrorName } from 'node:util';
import { ObError } from './error.ts';
import { failure } from './ran.ts';
import { run } from './run.ts';

/** `KEY error STEP ERRNO DETAIL`, the reaper's way to say what failed; `KEY` is a mark, a name or a PID. */
const ERROR_LINE = /^(\S+) error (\S+) (\d+) ?(.*)$/;

const WORDS: Readonly<Record<string, string>> = {
  ELOOP: "it is a symbolic link: the subhost's root must not lead elsewhere",
  ENOENT: 'No such file or directory',
  EEXIST: 'File exists',
  EBUSY: 'Device or resource busy',
  EPERM: 'Operation not permitted',
  EACCES: 'Permission denied',
  EINVAL: 'Invalid argument',
  ENOSPC: 'No space left on device',
  ENOMEM: 'Cannot allocate memory',
  ENOTDIR: 'Not a directory',
  // Node has no name for this one.
  'errno 8': 'Exec format error',
  EROFS: 'Read-only file system',
  EAGAIN: 'Resource temporarily unavailable',
  ENODEV: 'No such device',
  ENOSYS: 'the kernel is too old for this (5.10 or newer is needed)',
};

/** The error in a line of the reaper's, with its key; undefined if the line is no error. */
export function parseReaperError(line: string): { key: string; error: ObError } | undefined {
  const match = ERROR_LINE.exec(line);
  if (!match?.[1]) return undefined;
  const [, key, step, errno, detail] = match;
  const code = nameOfErrno(Number(errno));
  const where = detail ? ` ${detail}` : '';
  return { key, error: new ObError(`${step}${where}: ${WORDS[code] ?? code}`) };
}

export function parseReaperErrors(output: string): Map<string, ObError> {
  const errors = output.split('\n').flatMap((line) => parseReaperError(line) ?? []);
  return new Map(errors.map(({ key, error }) => [key, error]));
}

/** Runs a mode that says `KEY ok`, or an error, of each of many objects; gives the errors by key. */
export async function runForEach(
  reaper: string,
  mode: string,
  words: readonly string[],
  keys: readonly string[],
): Promise<Map<string, ObError>> {
  if (keys.length === 0) return new Map();
  const ran = await run(reaper, [mode, ...words]);
  const fine = new Set(ran.output.split('\n').flatMap((line) => (line.endsWith(' ok') ? [line.slice(0, -3)] : [])));
  const errors = parseReaperErrors(ran.output);
  const bad = keys.filter((key) => !fine.has(key));
  return new Map(bad.map((key) => [key, errors.get(key) ?? failure(ran, `nothing was said of ${key}`)]));
}

function nameOfErrno(errno: number): string {
  try {
    const name = getSystemErrorName(-errno);
    return name.startsWith('Unknown') ? `errno ${errno}` : name;
  } catch {
    return `errno ${errno}`;
  }
}
