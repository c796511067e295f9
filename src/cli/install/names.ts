import { basename } from 'node:path';
import { isConf } from '../../planner/conf/read.ts';
import { readText } from '../../planner/hosts/file.ts';
import { parseYaml } from '../../planner/hosts/parse.ts';

/** A subhost's name as the file must have it; nothing else may reach a shell that completes a word. */
const NAME = /^[a-z][a-z0-9-]{0,11}$/;

/** Names of subhosts in a hosts file, also in one that has problems. Throws only if it cannot be read. */
export function listNames(path: string): string[] {
  const text = readText(path);
  const names = isConf(path) ? [namedIn(text) ?? basename(path, '.conf')] : keysOf(text);
  return names.filter((name) => NAME.test(name));
}

function namedIn(conf: string): string | undefined {
  return /^\s*NAME=["']?([^"'\s]*)/m.exec(conf)?.[1];
}

function keysOf(text: string): string[] {
  const root = parseYaml(text, () => {});
  const subhosts = root?.kind === 'map' ? root.entries.find(({ key }) => key.text === 'subhosts')?.value : undefined;
  return subhosts?.kind === 'map' ? subhosts.entries.map(({ key }) => key.text) : [];
}
