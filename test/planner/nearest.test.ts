import assert from 'node:assert/strict';
import test from 'node:test';
import { nearest } from '../../src/planner/hosts/shape.ts';

const NAMES = ['client', 'db', 'web'];

for (const [word, meant] of [
  ['wbe', 'web'],
  ['ewb', 'web'],
  ['bd', 'db'],
  ['cleint', 'client'],
  ['weeb', 'web'],
  ['cli', 'client'],
])
  test(`"${word}" is a slip of "${meant}"`, () => assert.equal(nearest(word ?? '', NAMES), `; did you mean "${meant}"?`));

for (const word of ['mail', 'dbs1', 'wood', 'c'])
  test(`"${word}" is like none of them, and told what there is`, () => assert.equal(nearest(word, NAMES), '; known are client, db, web'));
