import { dirname, resolve as resolvePath } from 'node:path';
import type { HostsFile } from '../../resources/hosts.ts';
import { onceFor } from '../../resources/once.ts';
import { check } from './check.ts';
import { evaluate } from './evaluate.ts';
import type { Facts } from './facts.ts';
import { readText } from './file.ts';
import { hostsFileShape } from './format.ts';
import type { Node, Report } from './node.ts';
import { parseYaml } from './parse.ts';
import { createProblems, type Problems } from './problems.ts';
import { resolve } from './resolve.ts';

/**
 * Reads and checks a hosts file. Every problem is found in one go; the error has a line `file:line:column: message`
 * for each and exit code 65. What needs no facts is done at once, so that the machine can be asked for these meanwhile.
 */
export function openHostsFile(path: string, parse: Parse = parseYaml): (facts: Facts) => HostsFile {
  return open(readText(path), path, parse);
}

/** The same for a text; PATH is where it is said to stand. Pure but for the facts. */
export function parseHostsFile(text: string, path: string, facts: Facts): HostsFile {
  return open(text, path, parseYaml)(facts);
}

/** As parseYaml does. */
export type Parse = (text: string, report: Report) => Node | undefined;

function open(text: string, path: string, parse: Parse): (facts: Facts) => HostsFile {
  const problems = createProblems((line) => ({ path, line }));
  const node = parse(text, problems.report);
  return (facts) => toHostsFile(node, dirname(resolvePath(path)), facts, problems);
}

/** What nodes say, whatever language they were written in; throws if there is any problem. FOLDER: where relative paths begin. */
export function toHostsFile(written: Node | undefined, folder: string, facts: Facts, problems: Problems): HostsFile {
  const fullPath = onceFor((path: string) => resolvePath(path));
  const fileOf = (line: number): string => fullPath(problems.pathOf(line));
  // In a file that is wrong already no command is run.
  const node = written && problems.size === 0 ? evaluate(written, { facts, report: problems.report, fileOf }) : written;
  const report = problems.reportMore();
  const raw = node && hostsFileShape.read(node, report);
  const file = raw && resolve(raw, { folder, fileOf }, facts);
  const isCut = node?.kind === 'map' && node.isCut === true;
  if (file && !isCut) check(raw, file, facts, report);
  if (!file || problems.size > 0) throw problems.toError();
  return file;
}
