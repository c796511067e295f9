import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { ExitCode, hasCode, ObError } from '../../resources/error.ts';

const MAX_BYTES = 256 * 1024;

/** The text of a file that a person wrote. Whatever is no such file is refused with exit code 65. */
export function readText(path: string): string {
  const refuse = (what: string): ObError => new ObError(`${showPath(path)}: ${what}`, { exitCode: ExitCode.badFile });
  let bytes: Buffer;
  try {
    bytes = readRegular(path, refuse);
  } catch (error) {
    if (hasCode(error, 'ENOENT')) throw refuse('there is no such file');
    if (hasCode(error, 'EACCES', 'ELOOP', 'ENOTDIR', 'ENXIO', 'ENAMETOOLONG'))
      throw refuse(`it cannot be read (${(error as NodeJS.ErrnoException).code})`);
    throw error;
  }
  if (bytes.length > MAX_BYTES) throw refuse(`it has more than ${MAX_BYTES / 1024} KiB`);
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw refuse('it is no UTF-8 text');
  }
}

/** A path in a message: one line, whatever the file is called. */
export function showPath(path: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
  return /[\u0000-\u001f\u007f-\u009f]/.test(path) ? JSON.stringify(path) : path;
}

/** Never waits: a FIFO or a device under the name would hold a run from cron for ever. */
function readRegular(path: string, refuse: (what: string) => ObError): Buffer {
  const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    if (!fstatSync(fd).isFile()) throw refuse('it is no regular file');
    const buffer = Buffer.alloc(MAX_BYTES + 1);
    let length = 0;
    for (let got = -1; got !== 0 && length < buffer.length; length += got) got = readSync(fd, buffer, length, buffer.length - length, null);
    return buffer.subarray(0, length);
  } finally {
    closeSync(fd);
  }
}
