import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { dirname, resolve as resolvePath } from 'node:path';
import { ExitCode, hasCode, ObError } from '../../resources/error.ts';
import type { HostsFile } from '../../resources/hosts.ts';
import { check } from './check.ts';
import type { Facts } from './facts.ts';
import { hostsFileShape } from './format.ts';
import type { Problem, Report, Spot } from './node.ts';
import { parseYaml } from './parse.ts';
import { resolve } from './resolve.ts';

const MAX_BYTES = 256 * 1024;
const MAX_SHOWN = 50;

/**
 * Reads and checks a hosts file. Every problem is found in one go; the error has a line `file:line:column: message`
 * for each and exit code 65.
 */
export function readHostsFile(path: string, facts: Facts): HostsFile {
  return parseHostsFile(readText(path), path, facts);
}

/** The same for a text; PATH is where it is said to stand. Pure but for the facts. */
export function parseHostsFile(text: string, path: string, facts: Facts): HostsFile {
  const problems: Problem[] = [];
  const report: Report = ({ line, column }, message) => void problems.push({ line, column, message });
  const node = parseYaml(text, report);
  // What the parser has refused is no second problem because of what it then looks like.
  const refused = new Set(problems.map(placeOf));
  const reportNew: Report = (spot, message) => (refused.has(placeOf(spot)) ? undefined : report(spot, message));
  const raw = node && hostsFileShape.read(node, reportNew);
  const file = raw && resolve(raw, dirname(resolvePath(path)), facts);
  if (file) check(raw, file, facts, reportNew);
  if (!file || problems.length > 0) throw badFile(path, problems);
  return file;
}

function badFile(path: string, problems: readonly Problem[]): ObError {
  const sorted = [...problems].sort((a, b) => a.line - b.line || a.column - b.column);
  const lines = sorted.map((problem) => `${path}:${placeOf(problem)}: ${problem.message}`);
  const more = lines.length > MAX_SHOWN ? [`${path}: and ${lines.length - MAX_SHOWN} more`] : [];
  return new ObError([...lines.slice(0, MAX_SHOWN), ...more].join('\n'), { exitCode: ExitCode.badFile });
}

function placeOf({ line, column }: Spot): string {
  return `${line}:${column}`;
}

function readText(path: string): string {
  const refuse = (what: string): ObError => new ObError(`${path}: ${what}`, { exitCode: ExitCode.badFile });
  let bytes: Buffer;
  try {
    bytes = readRegular(path, refuse);
  } catch (error) {
    if (hasCode(error, 'ENOENT')) throw refuse('there is no such file');
    if (hasCode(error, 'EACCES', 'ELOOP', 'ENOTDIR', 'ENXIO')) throw refuse(`it cannot be read (${(error as NodeJS.ErrnoException).code})`);
    throw error;
  }
  if (bytes.length > MAX_BYTES) throw refuse(`it has more than ${MAX_BYTES / 1024} KiB`);
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw refuse('it is no UTF-8 text');
  }
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
