import { isUtf8 } from 'node:buffer';
import { closeSync, constants, fstatSync, lstatSync, openSync, readSync } from 'node:fs';
import { ExitCode, hasCode, ObError } from '../../resources/error.ts';
import { showPath } from './show.ts';

const MAX_BYTES = 256 * 1024;
const LINE_FEED = 0x0a;

/** The text of a file that a person wrote. Whatever is no such file is refused with exit code 65. */
export function readText(path: string): string {
  const bytes = readBytes(path);
  const wrong = wrongBytes(bytes);
  if (wrong) throw refuse(path, `:${placeOf(bytes, wrong.at)}: ${wrong.what}`);
  return new TextDecoder('utf-8').decode(bytes);
}

function refuse(path: string, what: string, hint?: string): ObError {
  return new ObError(`${showPath(path)}${what}`, { exitCode: ExitCode.badFile, ...(hint ? { hint } : {}) });
}

/** Of a bare word it can be that a subhost was meant. */
function hintFor(path: string): string | undefined {
  return /^[a-z][a-z0-9-]*$/.test(path) ? 'a hosts file is named here, not a subhost: ob COMMAND --help' : undefined;
}

function readBytes(path: string): Buffer {
  try {
    return readRegular(path);
  } catch (error) {
    if (error instanceof ObError) throw error;
    if (hasCode(error, 'ENOENT'))
      throw isLink(path) ? refuse(path, ': a symbolic link that leads nowhere') : refuse(path, ': there is no such file', hintFor(path));
    if (error instanceof Error && 'syscall' in error) throw refuse(path, `: it cannot be read (${(error as NodeJS.ErrnoException).code})`);
    throw error;
  }
}

function isLink(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() ?? false;
}

/** Never waits: a FIFO or a device under the name would hold a run from cron for ever. */
function readRegular(path: string): Buffer {
  const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const stat = fstatSync(fd);
    if (!stat.isFile()) throw refuse(path, stat.isDirectory() ? ': it is a directory' : ': it is no regular file', hintFor(path));
    const buffer = Buffer.alloc(MAX_BYTES + 1);
    let length = 0;
    const begin = stateOf(fd);
    for (let got = -1; got !== 0 && length < buffer.length; length += got) got = readSync(fd, buffer, length, buffer.length - length, null);
    // Half of what somebody is just writing may well make sense.
    if (stateOf(fd) !== begin) throw refuse(path, ': it was changed while it was read: run this again');
    return buffer.subarray(0, length);
  } finally {
    closeSync(fd);
  }
}

function stateOf(fd: number): string {
  const { size, mtimeNs, ctimeNs } = fstatSync(fd, { bigint: true });
  return `${size} ${mtimeNs} ${ctimeNs}`;
}

/** Why these are not the bytes of such a text, and from where on. */
function wrongBytes(bytes: Buffer): { readonly at: number; readonly what: string } | undefined {
  if (bytes.length > MAX_BYTES) return { at: MAX_BYTES, what: `the file has more than ${MAX_BYTES / 1024} KiB` };
  if (isUtf8(bytes)) return undefined;
  const mark = bytes.length < 2 ? 0 : bytes.readUInt16BE(0);
  if (mark === 0xfffe || mark === 0xfeff) return { at: 0, what: 'this is UTF-16: save the file as UTF-8' };
  return { at: firstBad(bytes), what: 'this is no UTF-8: save the file as UTF-8' };
}

/** Of bytes that are no UTF-8, the first that is none. */
function firstBad(bytes: Buffer): number {
  for (let start = 0; start < bytes.length; ) {
    const feed = bytes.indexOf(LINE_FEED, start);
    const end = feed < 0 ? bytes.length : feed + 1;
    const line = bytes.subarray(start, end);
    // What decodes to the same bytes up to there is good; the first sequence that does not has become U+FFFD.
    if (!isUtf8(line)) return start + commonLength(line, Buffer.from(line.toString('utf8')));
    start = end;
  }
  return 0;
}

function commonLength(a: Buffer, b: Buffer): number {
  const different = a.findIndex((byte, index) => byte !== b[index]);
  return different < 0 ? a.length : different;
}

/** `line:column` of a byte, with columns counted as everywhere, in characters of JavaScript's. */
function placeOf(bytes: Buffer, at: number): string {
  const before = bytes.subarray(0, at);
  const lineStart = before.lastIndexOf(LINE_FEED) + 1;
  const line = before.reduce((count, byte) => count + (byte === LINE_FEED ? 1 : 0), 1);
  return `${line}:${before.subarray(lineStart).toString('utf8').length + 1}`;
}
