import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Ajv } from 'ajv';
import fc from 'fast-check';
import { stringify } from 'yaml';
import { hostsFileSchema } from '../../src/planner/hosts/format.ts';
import { parseHostsFile } from '../../src/planner/hosts/read.ts';
import { listDesired } from '../../src/planner/live.ts';
import { makePlan } from '../../src/planner/plan.ts';
import { ExitCode, ObError } from '../../src/resources/error.ts';
import type { HostsFile } from '../../src/resources/hosts.ts';
import { kinds } from '../../src/resources/index.ts';
import { holds } from '../property.ts';
import { fitting, keysIn, keysOf, nearlyFitting, type Schema } from './arbitrary.ts';
import { FACTS, PATH } from './hosts-facts.ts';
import { smallFiles } from './valid-files.ts';

const LIMIT_MS = 20_000;
const ajv = new Ajv({ strict: true, strictRequired: false });
const fitsSchema = ajv.compile(hostsFileSchema);

/** Undefined: it was refused, as a bad file is, with a place for each problem. */
function read(text: string): HostsFile | undefined {
  const begin = performance.now();
  try {
    return parseHostsFile(text, PATH, FACTS);
  } catch (error) {
    assert(error instanceof ObError, error instanceof Error ? error.stack : String(error));
    assert.equal(error.exitCode, ExitCode.badFile, error.message);
    for (const line of error.message.split('\n')) assert.match(line, /^\/srv\/hosts\.yaml:(\d+:\d+: \S| and \d+ more$)/);
    return undefined;
  } finally {
    assert(performance.now() - begin < LIMIT_MS);
  }
}

const writers = { JSON: (value: unknown) => JSON.stringify(value), YAML: (value: unknown) => stringify(value) ?? '' };

for (const [name, write] of Object.entries(writers))
  test(`a file that nearly fits the schema, as ${name}: refused with places, or planned`, (t) =>
    holds(
      t,
      400,
      fc.property(nearlyFitting(hostsFileSchema as Schema), (value) => {
        const text = write(value);
        const file = read(text);
        if (!file) return;
        if (name === 'JSON') assert(fitsSchema(JSON.parse(text)), `taken, though the schema says: ${ajv.errorsText(fitsSchema.errors)}`);
        const plan = makePlan(kinds, listDesired(kinds, file), { live: new Map(), blockers: [] });
        assert(plan.changes.every(({ action }) => action === 'create'));
      }),
    ));

test('a file that fits the schema is refused for what a schema cannot see only', (t) =>
  holds(
    t,
    200,
    fc.property(fitting(hostsFileSchema as Schema), (value) => void read(JSON.stringify(value))),
  ));

test('any bytes of text: refused with places', (t) =>
  holds(
    t,
    1000,
    fc.property(fc.string({ unit: 'binary', maxLength: 200 }), (text) => void read(text)),
  ));

test('every key of the schema is in some file that is taken', () => {
  const seen = new Set(fc.sample(smallFiles(), { seed: 1, numRuns: 2000 }).flatMap((value) => keysIn(value, hostsFileSchema)));
  // What a subhost has from the defaults it may have itself.
  const both = (path: string): string[] => [path, path.replace(/^\.defaults\./, '.subhosts.'), path.replace(/^\.subhosts\./, '.defaults.')];
  const missing = keysOf(hostsFileSchema).filter(([path]) => !both(path).some((one) => seen.has(one)));
  assert.deepEqual(
    missing.map(([path]) => path),
    [],
  );
});
