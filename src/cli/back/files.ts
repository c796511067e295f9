import { readFileSync } from 'node:fs';
import { type Check, isObject, isText, listOf, withFields } from '../../resources/checks.ts';
import { hasCode } from '../../resources/error.ts';
import { isMoment, isOfThisBoot, type Stamp } from '../record/clock.ts';
import { dropWhole, RUN_FOLDER, writeWhole } from '../run-folder.ts';

/** As far as anybody can tell who has not read it from YAML. */
export const isHostsFile = withFields({
  scope: isText,
  bridges: listOf(isObject),
  subhosts: listOf(withFields({ name: isText, cables: listOf(isObject) })),
});

const FOLDER = `${RUN_FOLDER}/back`;

/** What is needed to go back; undefined: there is none that is as CHECKS say, or it is of another boot. */
export function readBack<T extends Stamp>(name: string, checks: Readonly<Record<string, Check>>): T | undefined {
  try {
    const value: unknown = JSON.parse(readFileSync(`${FOLDER}/${name}.json`, 'utf8'));
    const isGood = withFields({ ...checks, boot: isText, at: isMoment })(value);
    return isGood && isOfThisBoot(value as T) ? (value as T) : undefined;
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ENOTDIR') || error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** Needs the lock. */
export function writeBack<T extends Stamp>(name: string, value: T): void {
  writeWhole(`${FOLDER}/${name}.json`, JSON.stringify(value));
}

export function dropBack(name: string): void {
  dropWhole(`${FOLDER}/${name}.json`);
}
