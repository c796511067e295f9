import { basename } from 'node:path';
import { createProblems, type Locate } from '../hosts/problems.ts';
import { quote, showPath } from '../hosts/show.ts';
import { splitLines, splitWords, type Word } from './lines.ts';

/** overlay-boot's list of the subhosts that are started at boot is known by its name. */
export function isBootList(path: string): boolean {
  return basename(path) === 'subhosts.conf';
}

/** The conf files that such a list names, any number on a line. Pure; throws if one is not named by its full path. */
export function parseBootList(text: string, path: string): { confs: readonly Word[]; warnings: readonly string[] } {
  const locate: Locate = (line) => ({ path, line });
  const problems = createProblems(locate);
  const warnings = createProblems(locate);
  const confs = splitLines(text, 1).flatMap((line) => {
    if (line.kind === 'blank' || line.kind === 'comment') return [];
    if (!line.text.includes('#')) return splitWords({ text: line.text, line: line.line, column: 1 });
    warnings.report(line, 'overlay-boot passes over a line that has a # anywhere: ignored');
    return [];
  });
  for (const word of confs) if (!/^\/[^\0]*$/.test(word.text)) problems.report(word, `${quote(word.text)} is no full path of a conf file`);
  if (problems.size > 0) throw problems.toError();
  return { confs, warnings: warnings.sorted().map(({ line, message }) => `${showPath(path)}:${line}: ${message}`) };
}
