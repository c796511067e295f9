import type { KeyNode, MapNode, Report } from '../hosts/node.ts';
import { createProblems, type Locate, type Problems } from '../hosts/problems.ts';
import { quote, showPath } from '../hosts/show.ts';
import { type Comments, readConf, type Source } from './conf.ts';
import { KNOWN, type Known } from './known.ts';

/** Conf files as one hosts file: the nodes that YAML would give, with lines numbered on from file to file. */
export interface Confs {
  readonly node: MapNode;
  readonly comments: Comments;
  /** Whatever was passed over or has lost something: `file:line: message`. */
  readonly warnings: readonly string[];
  /** The same of what will mean something else in a file that is written anew. */
  readonly importWarnings: readonly string[];
  readonly problems: Problems;
}

/** Reads what overlay-boot(8) 1.6.4 says of these files. Pure. */
export function parseConfs(sources: readonly Source[], known: Known = KNOWN): Confs {
  const firstLines = firstLinesOf(sources);
  const locate: Locate = (line) => {
    const index = firstLines.findLastIndex((first) => first <= line);
    return { path: sources[index]?.path ?? '', line: line - (firstLines[index] ?? 1) + 1 };
  };
  const problems = createProblems(locate);
  const warnings = createProblems(locate);
  const importWarnings = createProblems(locate);
  const comments: Comments = new Map();
  const desk = { known, comments, warn: warnings.report, warnOfImport: importWarnings.report, report: problems.report };
  const entries = sources.flatMap((source, index) => readConf(source, firstLines[index] ?? 1, desk) ?? []);
  return {
    node: toHosts(withoutTwins(entries, problems.report)),
    comments,
    warnings: linesOf(warnings),
    importWarnings: linesOf(importWarnings),
    problems,
  };
}

function linesOf(warnings: Problems): string[] {
  return warnings.sorted().map(({ path, line, message }) => `${showPath(path)}:${line}: ${message}`);
}

function firstLinesOf(sources: readonly Source[]): number[] {
  let next = 1;
  return sources.map(({ text }) => {
    const first = next;
    next += text.split('\n').length;
    return first;
  });
}

type Entries = MapNode['entries'];

/** YAML refuses a key that is there twice; here the two stand in two files. */
function withoutTwins(entries: Entries, report: Report): Entries {
  const names = new Map<string, KeyNode>();
  return entries.filter(({ key }) => {
    const before = names.get(key.text);
    if (before) report(key, `subhost ${quote(key.text)} is there already`, before);
    else names.set(key.text, key);
    return !before;
  });
}

function toHosts(subhosts: Entries): MapNode {
  const spot = { line: 1, column: 1 };
  return { kind: 'map', ...spot, entries: [{ key: { ...spot, text: 'subhosts' }, value: { kind: 'map', ...spot, entries: subhosts } }] };
}
