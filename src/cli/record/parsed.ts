import { readFileSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Facts } from '../../planner/hosts/facts.ts';
import { readText } from '../../planner/hosts/file.ts';
import type { Node, Report } from '../../planner/hosts/node.ts';
import { parseYaml } from '../../planner/hosts/parse.ts';
import { openHostsFile } from '../../planner/hosts/read.ts';
import type { HostsFile } from '../../resources/hosts.ts';
import { dropWhole, RUN_FOLDER, writeWhole } from '../run-folder.ts';
import { prepareFor } from '../tier.ts';

// Cron has the same file read every minute, and to read YAML takes longer than most of what a plan needs. So a run that ends
// well keeps what the parser made of the text, with the text: where it is the same, byte for byte, and the same build of ob
// asks, nothing else could come out. It goes with the last of what the file says, or with the machine's boot.

const FOLDER = `${RUN_FOLDER}/parsed`;

/** Made anew by every build; where there is none, nothing is kept. */
const BUNDLE = fileURLToPath(new URL('ob.js', import.meta.url));

interface Parsed {
  readonly text: string;
  readonly node: Node;
}

interface Kept extends Parsed, Target {
  readonly build: string;
}

/** Whom a hosts file is about. */
export interface Target {
  readonly scope: string;
  readonly names: readonly string[];
}

/** Files without an error whose text the parser has read in this run, and what it made of that. */
const fresh = new WeakMap<HostsFile, Parsed>();

/** As openHostsFile, but what is kept is not parsed again. */
export function openKeptFile(path: string): (facts: Facts) => HostsFile {
  let parsed: Parsed | undefined;
  const finish = openHostsFile(path, (text: string, report: Report) => {
    prepareFor(text.length);
    const kept = readKept(text)?.node;
    const node = kept ?? parseYaml(text, report);
    if (!kept && node) parsed = { text, node };
    return node;
  });
  return (facts) => {
    const file = finish(facts);
    if (parsed) fresh.set(file, parsed);
    return file;
  };
}

/** Of a file that has been applied. Needs the lock. */
export function keepParsed(file: HostsFile): void {
  const parsed = fresh.get(file);
  const build = buildOf();
  fresh.delete(file);
  if (!parsed || !build || file.subhosts.length === 0) return;
  const kept: Kept = { build, scope: file.scope, names: file.subhosts.map(({ name }) => name), ...parsed };
  writeWhole(fileOf(file.scope), JSON.stringify(kept));
}

/** Undefined: read the file. None of its values is looked at, so nothing of the machine can make them wrong. */
export function keptTarget(path: string): Target | undefined {
  const text = readText(path);
  prepareFor(text.length);
  return readKept(text);
}

/** Of a scope of which nothing is there any more. Needs the lock. */
export function dropParsed(scope: string): void {
  dropWhole(fileOf(scope));
}

/** Undefined: parse it. What is there was written in one step, by root, for root alone: who could change it could run ob as well. */
function readKept(text: string): Kept | undefined {
  try {
    const kept: Kept = JSON.parse(readFileSync(fileOf(scopeIn(text)), 'utf8'));
    return kept.text === text && kept.build === buildOf() ? kept : undefined;
  } catch {
    return undefined;
  }
}

/** Where to look is all that hangs on it. */
function scopeIn(text: string): string {
  return /^scope: *["']?([a-z0-9-]+)/m.exec(text)?.[1] ?? 'default';
}

function buildOf(): string | undefined {
  const bundle = statSync(BUNDLE, { bigint: true, throwIfNoEntry: false });
  return bundle && `${bundle.ino} ${bundle.ctimeNs}`;
}

function fileOf(scope: string): string {
  return `${FOLDER}/${scope}.json`;
}
