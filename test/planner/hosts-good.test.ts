import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { parseHostsFile } from '../../src/planner/hosts/read.ts';
import { golden } from '../golden.ts';
import { casesOf, FACTS, PATH } from './hosts-facts.ts';

for (const [name, folder] of casesOf('good'))
  test(`good file: ${name}`, () => {
    const text = readFileSync(`${folder}/hosts.yaml`, 'utf8');
    golden(`${folder}/hosts.json`, `${JSON.stringify(parseHostsFile(text, PATH, FACTS), null, 2)}\n`);
  });
