import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Ajv } from 'ajv';
import { parseAllDocuments } from 'yaml';
import { hostsFileSchema } from '../../src/planner/hosts/format.ts';
import { parseHostsFile } from '../../src/planner/hosts/read.ts';
import { ob } from '../cli/helpers.ts';
import { keysOf } from './arbitrary.ts';
import { casesOf, FACTS, PATH } from './hosts-facts.ts';

const ajv = new Ajv({ strict: true, strictRequired: false, allErrors: true });
const validate = ajv.compile(hostsFileSchema);

/** The value that an editor sees; undefined where this is no YAML, or not one document: then no schema is asked. */
function readValue(text: string): unknown {
  const documents = parseAllDocuments(text, { logLevel: 'silent' });
  const [first] = documents;
  return documents.length === 1 && first?.errors.length === 0 ? first.toJS() : undefined;
}

function accepts(value: unknown): boolean {
  return validate(value);
}

test('every good hosts file fits the schema', () => {
  const texts = [...casesOf('good')].map(([name, folder]): [string, string] => [name, `${folder}/hosts.yaml`]);
  for (const [name, path] of [...texts, ['fixtures', fileURLToPath(new URL('../../fixtures/hosts.yaml', import.meta.url))] as const])
    assert(accepts(readValue(readFileSync(path, 'utf8'))), `${name}: ${ajv.errorsText(validate.errors)}`);
});

/** What needs more than one value, or the machine: only `ob validate` sees it. */
const BEYOND_A_SCHEMA: ReadonlySet<string> = new Set([
  'aliases',
  'defaults-that-several-would-have',
  'directives',
  'diskfiles-of-several',
  'directories-of-the-machine',
  'duplicate-addresses',
  'duplicate-macs',
  'files-in-the-way',
  'layers-inside-one-another',
  'link-names-that-are-equal',
  'link-names-through-defaults',
  'nested-folders',
  'paths-that-become-wrong-through-a-link',
  'problems-of-defaults-come-once',
  'relative-paths-out-of-base',
  'relative-paths-that-lead-nowhere',
  'same-folders',
  'several-default-routes',
  'start-script-that-is-not-there',
  'unknown-bridges',
  'start-on-another-filesystem',
  'work-on-another-filesystem',
]);

test('a bad hosts file does not fit the schema, but for what a schema cannot see', () => {
  const bad = [...casesOf('bad')].map(([name, folder]) => ({ name, value: readValue(readFileSync(`${folder}/hosts.yaml`, 'utf8')) }));
  const unseen = bad.filter(({ value }) => value !== undefined && accepts(value)).map(({ name }) => name);
  assert.deepEqual(
    unseen,
    unseen.filter((name) => BEYOND_A_SCHEMA.has(name)),
  );
  assert.deepEqual(
    [...BEYOND_A_SCHEMA].filter((name) => !unseen.includes(name)),
    [],
    'seen, or no case any more',
  );
});

test('a subhost needs a base, unless the defaults have one', () => {
  assert.equal(accepts({ subhosts: { web: {} } }), false);
  assert.equal(accepts({ defaults: { base: '/srv' }, subhosts: { web: {} } }), true);
  assert.equal(accepts({ defaults: { ram_size: '1M' }, subhosts: { web: { base: 'x' }, db: {} } }), false);
});

test('every key tells an editor what it is, with examples and a default that are right', () => {
  const keys = keysOf(hostsFileSchema);
  assert(keys.length >= 20, String(keys.length));
  for (const [path, key] of keys) {
    assert.match(key.title ?? '', /^[A-Z"].{3,60}$/, path);
    assert.match(key.description ?? '', /^[A-Z"].*\.$/, path);
    assert(key.examples !== undefined || key.default !== undefined, path);
    const { title: _title, ...schema } = key;
    const isRight = ajv.compile(schema);
    const values = [...(key.examples ?? []), ...('default' in key ? [key.default] : [])];
    for (const value of values) assert(isRight(value), `${path}: ${JSON.stringify(value)}: ${ajv.errorsText(isRight.errors)}`);
  }
});

test('the defaults in the schema are those that ob has', () => {
  const subhost = new Map(keysOf(hostsFileSchema)).get('.defaults')?.properties ?? {};
  const written = Object.fromEntries(Object.entries(subhost).flatMap(([name, key]) => ('default' in key ? [[name, key.default]] : [])));
  assert(Object.keys(written).length >= 7, JSON.stringify(written));
  const read = (web: object): unknown => {
    const { subhosts, ...file } = parseHostsFile(JSON.stringify({ subhosts: { web: { base: '/srv/web', ...web } } }), PATH, FACTS);
    // A service that nobody named may be missing.
    return { ...file, subhosts: subhosts.map(({ start, ...rest }) => ({ ...rest, start: start.map(({ name }) => name) })) };
  };
  assert.deepEqual(read(written), read({}));
});

test('ob schema prints it', async () => {
  const { code, stdout, stderr } = await ob(['schema']);
  assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
  assert.deepEqual(JSON.parse(stdout), hostsFileSchema);
});
