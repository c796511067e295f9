import assert from 'node:assert/strict';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import { kinds } from '../../src/resources/index.ts';
import { noImages } from '../live/images.ts';
import { noVlan } from '../live/vlans.ts';
import { createMachine, noLive } from '../machine.ts';
import { BENCHES, PREPARE } from './contract/benches.ts';

const INSIDE = fileURLToPath(new URL('contract/inside.ts', import.meta.url));
const TSX = import.meta.resolve('tsx');

/** Why a kind is left out here. */
const NEEDS: Readonly<Record<string, string | undefined>> = { disk: noImages, vlan: noVlan };

/** The least number of rules that a kind is judged by; a suite that came to an early end proves nothing. */
const RULES = 9;

for (const { name } of kinds)
  test(`the kind ${name} keeps the contract on the real kernel`, { skip: NEEDS[name] ?? noLive }, async (t) => {
    const machine = await createMachine(t);
    await machine.sh(BENCHES[name]?.prepare ?? PREPARE);
    const ran = await machine.run(process.execPath, ['--import', TSX, INSIDE, name]);
    const verdicts = ran.stdout
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line) as { rule: string; error?: string });
    for (const { rule, error } of verdicts) await t.test(rule, () => assert.equal(error, undefined, error));
    assert.deepEqual([ran.code, ran.stderr], [0, '']);
    assert.ok(verdicts.length >= RULES, `only ${verdicts.length} rules were proved`);
  });
