import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { importConfFiles, readConfFiles } from '../../src/planner/conf/read.ts';
import type { Facts } from '../../src/planner/hosts/facts.ts';
import { parseHostsFile } from '../../src/planner/hosts/read.ts';
import { messageOf } from '../../src/resources/error.ts';
import type { HostsFile } from '../../src/resources/hosts.ts';
import { golden } from '../golden.ts';

const CONFS = fileURLToPath(new URL('../../fixtures/conf', import.meta.url));
/** Where the files are said to be. */
const SAID = '/opt/subhost';

/** A machine that has every directory. */
const ANY: Facts = { realPath: (path) => path, deviceOf: () => 1, whatIs: () => 'directory', bridges: undefined };

function listCases(): string[] {
  return readdirSync(CONFS, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name)
    .sort();
}

function confsOf(name: string): string[] {
  return readdirSync(`${CONFS}/${name}`)
    .filter((file) => file.endsWith('.conf'))
    .sort()
    .map((file) => `${CONFS}/${name}/${file}`);
}

const said = (text: string): string => text.replaceAll(CONFS, SAID);

/** It is known which file they are from, and commands are told. */
function withoutFile({ subhosts, files: _, ...rest }: HostsFile): object {
  return { ...rest, subhosts: subhosts.map(({ hooks, ...one }) => (hooks ? { ...one, hooks: { ...hooks, config: 'FILE' } } : one)) };
}

for (const name of listCases()) {
  const confs = confsOf(name);
  const expected = `${CONFS}/${name}/${name.startsWith('refused') ? 'error.txt' : 'hosts.yaml'}`;

  test(`import: ${name}`, () => {
    const warnings: string[] = [];
    const warn = (line: string): void => void warnings.push(line);
    if (expected.endsWith('error.txt'))
      assert.throws(
        () => importConfFiles(confs, warn),
        (error) => {
          golden(expected, `${said(messageOf(error))}\n`);
          return true;
        },
      );
    else golden(expected, said(importConfFiles(confs, warn)));
    golden(`${CONFS}/${name}/warnings.txt`, said(warnings.map((line) => `${line}\n`).join('')));
  });

  if (!expected.endsWith('error.txt'))
    test(`the imported file says what the conf files say: ${name}`, () => {
      const fromYaml = parseHostsFile(readFileSync(expected, 'utf8').replaceAll(SAID, CONFS), '/elsewhere/hosts.yaml', ANY);
      assert.deepEqual(withoutFile(readConfFiles(confs, ANY, () => {})), withoutFile(fromYaml));
    });
}

test('no case has both a hosts file and an error', () => {
  for (const name of listCases())
    assert.notEqual(existsSync(`${CONFS}/${name}/hosts.yaml`), existsSync(`${CONFS}/${name}/error.txt`), name);
});
