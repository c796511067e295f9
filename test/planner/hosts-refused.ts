import assert from 'node:assert/strict';
import type { Facts } from '../../src/planner/hosts/facts.ts';
import { parseHostsFile } from '../../src/planner/hosts/read.ts';
import { ExitCode, ObError } from '../../src/resources/error.ts';
import { FACTS, PATH } from './hosts-facts.ts';

/** What is said of a hosts file that must be refused, with the right exit code. */
export function refused(text: string, facts: Facts = FACTS): string {
  return refusal(() => parseHostsFile(text, PATH, facts));
}

export function refusal(read: () => unknown): string {
  try {
    read();
  } catch (error) {
    assert(error instanceof ObError, error instanceof Error ? error.stack : String(error));
    assert.equal(error.exitCode, ExitCode.badFile);
    return error.message;
  }
  return assert.fail('it was taken for a good one');
}
