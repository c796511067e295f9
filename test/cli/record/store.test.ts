import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { createMachine, noLive, type TestMachine } from '../../machine.ts';

const STORE = fileURLToPath(new URL('../../../src/cli/record/store.ts', import.meta.url));
const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const WEB = `{ scope: 'demo', name: 'web' }`;

/** Runs a piece of a program that knows the store, in a machine of its own; gives what it printed. */
async function withStore(machine: TestMachine, program: string): Promise<string> {
  const text = `import * as store from ${JSON.stringify(STORE)};\nconst web = ${WEB};\n${program}`;
  const ran = await machine.run(process.execPath, ['--import', 'tsx', '--input-type=module', '--eval', text], { cwd: ROOT });
  return `${ran.stdout}${ran.stderr}`.trim();
}

test('a record is kept until it is dropped, and then nothing is left', { skip: noLive }, async (t) => {
  const machine = await createMachine(t);
  await withStore(machine, `store.writeRecord(web, 'hold', { why: 'work' }); store.writeRecord(web, 'trouble', 1);`);
  const read = `console.log(JSON.stringify([store.readRecord(web, 'hold'), store.readRecord(web, 'stop') ?? 'none', store.listRecorded('demo')]));`;
  assert.equal(await withStore(machine, read), '[{"why":"work"},"none",["web"]]');
  await withStore(machine, `store.dropRecord(web, 'hold');`);
  assert.equal(await withStore(machine, read), '[null,"none",["web"]]');
  await withStore(machine, `store.dropRecords(web); store.dropRecords(web);`);
  assert.equal(await machine.sh('find /run/ob -mindepth 1'), '');
});

test('half a record is none', { skip: noLive }, async (t) => {
  const machine = await createMachine(t);
  await withStore(machine, `store.writeRecord(web, 'hold', {});`);
  machine.write('/run/ob/record/demo/web/hold.json', '{"why": ');
  assert.equal(await withStore(machine, `console.log(store.readRecord(web, 'hold'))`), 'undefined');
});

test('where others may write nothing is kept', { skip: noLive }, async (t) => {
  const machine = await createMachine(t);
  await machine.sh('mkdir -m 777 /run/ob');
  assert.match(await withStore(machine, `store.writeRecord(web, 'hold', {});`), /\/run\/ob was not made by ob, or others may write to it/);
});
