import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { hasCode } from '../../resources/error.ts';
import type { Owner } from '../../resources/marks.ts';
import { RUN_FOLDER, removeEmpty, writeWhole } from '../run-folder.ts';

// What the kernel cannot tell: who asked for a subhost to be left alone, what failed before. It only ever says more about
// what is seen, or keeps ob's hands off: without records a plan is the same, as the kernel alone says what exists.
// They end with the subhost, or with the machine's boot.

const FOLDER = `${RUN_FOLDER}/record`;

/** Each kind of record has one file of its own, and one module of this folder that knows what is in it. */
export type RecordName = 'hold' | 'stop' | 'trouble' | 'repair';

/** What a record holds, as JSON has it; undefined: there is none, or none that can be read. */
export function readRecord(owner: Owner, name: RecordName): unknown {
  try {
    return JSON.parse(readFileSync(fileOf(owner, name), 'utf8'));
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ENOTDIR') || error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** Needs the lock. */
export function writeRecord(owner: Owner, name: RecordName, value: unknown): void {
  writeWhole(fileOf(owner, name), JSON.stringify(value));
}

export function dropRecord(owner: Owner, name: RecordName): void {
  // With what a kill has left half written.
  const files = [fileOf(owner, name), `${fileOf(owner, name)}.new`].filter((file) => existsSync(file));
  for (const file of files) rmSync(file, { force: true });
  if (files.length > 0) removeEmpty(foldersOf(owner));
}

/** All that is known of a subhost, which is no more. */
export function dropRecords(owner: Owner): void {
  rmSync(recordsOf(owner), { recursive: true, force: true });
  removeEmpty(foldersOf(owner));
}

/** Units of a scope of which there is any record: see unit.ts. */
export function listRecorded(scope: string): string[] {
  try {
    return readdirSync(`${FOLDER}/${scope}`)
      .sort()
      .map((folder) => folder.replace(':', '/'));
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return [];
    throw error;
  }
}

/** The same of all scopes. */
export function listAllRecorded(): Owner[] {
  try {
    return readdirSync(FOLDER).flatMap((scope) => listRecorded(scope).map((name) => ({ scope, name })));
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return [];
    throw error;
  }
}

/** From the inmost on. */
function foldersOf(owner: Owner): string[] {
  return [recordsOf(owner), `${FOLDER}/${owner.scope}`, FOLDER];
}

/** Where the records of a subhost are. */
export function recordsOf({ scope, name }: Owner): string {
  // No name has a colon.
  return `${FOLDER}/${scope}/${name.replace('/', ':')}`;
}

function fileOf(owner: Owner, name: RecordName): string {
  return `${recordsOf(owner)}/${name}.json`;
}
