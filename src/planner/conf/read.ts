import { resolve as resolvePath } from 'node:path';
import { ExitCode, ObError } from '../../resources/error.ts';
import type { HostsFile } from '../../resources/hosts.ts';
import type { Facts } from '../hosts/facts.ts';
import { readText } from '../hosts/file.ts';
import { hostsFileShape } from '../hosts/format.ts';
import { toHostsFile } from '../hosts/read.ts';
import { showPath } from '../hosts/show.ts';
import { isBootList, parseBootList } from './boot-list.ts';
import type { Source } from './conf.ts';
import { type Confs, parseConfs } from './parse.ts';
import { writeYaml } from './write.ts';

/** Told whatever was passed over or has lost something: `file:line: message`. */
type Warn = (line: string) => void;

/** Is this one of overlay-boot's files? */
export function isConf(path: string): boolean {
  return path.endsWith('.conf');
}

/** Reads conf files, and those that a list for boot names, as one hosts file; checked as a hosts file is. */
export function readConfFiles(paths: readonly string[], facts: Facts, warn: Warn): HostsFile {
  const { node, problems } = parse(collect(paths, warn));
  // All paths are absolute by now: each was meant from its own file.
  return toHostsFile(node, '/', facts, problems);
}

/** Conf files as the text of a hosts file that says the same. Whether it fits this machine, its plan will tell. */
export function importConfFiles(paths: readonly string[], warn: Warn): string {
  const reading = collect(paths, warn);
  const { node, comments, problems, importWarnings } = parse(reading);
  hostsFileShape.read(node, problems.reportMore());
  if (problems.size > 0) throw problems.toError();
  importWarnings.forEach(warn);
  for (const [full, { path }] of reading.sources)
    if (reading.lists.length > 0 && !reading.booted.has(full))
      warn(`${showPath(path)}:1: not in ${reading.lists.map(showPath).join(', ')}: hosts.yaml has no word for what is not started at boot`);
  return writeYaml(node, comments);
}

function collect(paths: readonly string[], warn: Warn): Reading {
  const reading: Reading = { sources: new Map(), lists: paths.filter(isBootList), booted: new Set(), warn, errors: [] };
  for (const path of paths) {
    if (isBootList(path)) readBootList(path, reading);
    else read(path, '', reading);
  }
  if (reading.errors.length === 0 && reading.sources.size === 0)
    reading.errors.push(`${reading.lists.map(showPath).join(', ')}: it names no subhost`);
  if (reading.errors.length > 0) throw new ObError(reading.errors.join('\n'), { exitCode: ExitCode.badFile });
  return reading;
}

function parse({ sources, warn }: Reading): Confs {
  const confs = parseConfs([...sources.values()]);
  confs.warnings.forEach(warn);
  return confs;
}

interface Reading {
  /** By full path: a conf file may be named, and be in the list for boot as well. */
  readonly sources: Map<string, Source>;
  readonly lists: readonly string[];
  /** Full paths of what the lists name. */
  readonly booted: Set<string>;
  readonly warn: Warn;
  readonly errors: string[];
}

function readBootList(path: string, reading: Reading): void {
  try {
    const { confs, warnings } = parseBootList(readText(path), path);
    warnings.forEach(reading.warn);
    for (const { text, line, column } of confs) {
      reading.booted.add(resolvePath(text));
      read(text, `${showPath(path)}:${line}:${column}: `, reading);
    }
  } catch (error) {
    keepError(error, '', reading);
  }
}

/** NAMED: the place where the file is named, to begin a message with. */
function read(path: string, named: string, reading: Reading): void {
  try {
    reading.sources.set(resolvePath(path), { path, text: readText(path) });
  } catch (error) {
    keepError(error, named, reading);
  }
}

/** All bad files are named at once. */
function keepError(error: unknown, named: string, { errors }: Reading): void {
  if (!(error instanceof ObError)) throw error;
  errors.push(`${named}${error.message}`);
}
