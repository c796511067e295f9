import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { parseBatchErrors } from '../../src/resources/linux/ip-batch.ts';
import { createMachine, noLive, type TestMachine } from '../machine.ts';
import { seen } from './seen.ts';

test('each error goes to its line, with what ip said before', () => {
  const { failed, last } = parseBatchErrors(seen('ip-batch-errors.txt'));
  assert.deepEqual(Object.fromEntries(failed), {
    1: 'RTNETLINK answers: File exists',
    2: 'Cannot find device "nope"',
    4: 'Error: ipv4: Address already assigned.',
    5: 'Object "frobnicate" is unknown, try "ip help".',
  });
  assert.equal(last, 'Error: argument "nope" is wrong: Device does not exist');
});

test('several words are put together, none is said too', () => {
  const { failed } = parseBatchErrors('one\n two \n\nCommand failed -:3\nCommand failed -:9\n');
  assert.deepEqual(Object.fromEntries(failed), { 2: 'one: two', 8: 'failed without a word' });
});

test('no words are no error', () => {
  const { failed, last } = parseBatchErrors('');
  assert.equal(failed.size, 0);
  assert.equal(last, '');
});

const BATCH = fileURLToPath(new URL('../../src/resources/linux/ip-batch.ts', import.meta.url));
const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** Runs `OBJECT: words` lines with runIpBatch in a machine; gives the errors by object. */
async function runIn(machine: TestMachine, lines: readonly string[], netns?: string): Promise<Record<string, string>> {
  const batch = lines.map((line) => ({ address: line.split(': ')[0], words: line.split(': ')[1]?.split(' ') }));
  const script = `
    import { runIpBatch } from ${JSON.stringify(BATCH)};
    const errors = await runIpBatch(${JSON.stringify(batch)}, ${JSON.stringify(netns)});
    console.log(JSON.stringify(Object.fromEntries([...errors].map(([address, error]) => [address, error.message]))));`;
  const ran = await machine.run(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script], { cwd: ROOT });
  assert.equal(ran.code, 0, ran.stderr);
  return JSON.parse(ran.stdout);
}

test('a mistake at one object is its own: all others are dealt with', { skip: noLive }, async (t) => {
  const machine = await createMachine(t);
  const errors = await runIn(machine, [
    'a: link add dev a type bridge',
    'b: link add dev a type bridge',
    'b: link set dev a up',
    // This one ends ip at once.
    'c: link add dev c master nowhere type veth peer name c1',
    'c: link set dev c up',
    'd: link add dev d type bridge',
    'd: frobnicate',
    'e: link add dev e type bridge',
    'f: address add 10.0.0.500/24 dev e',
    'g: link add dev g type bridge',
  ]);
  assert.deepEqual(errors, {
    b: 'RTNETLINK answers: File exists; ran: ip link add dev a type bridge',
    c: 'Error: argument "nowhere" is wrong: Device does not exist; ran: ip link add dev c master nowhere type veth peer name c1',
    d: 'Object "frobnicate" is unknown, try "ip help".; ran: ip frobnicate',
    f: 'Error: any valid prefix is expected rather than "10.0.0.500/24".; ran: ip address add 10.0.0.500/24 dev e',
  });
  assert.equal(await machine.sh('echo $(ip -oneline link show | cut -d: -f2)'), 'lo a d e g');

  const gone = await runIn(machine, ['a: link set dev lo up', 'b: link set dev lo up'], 'gone');
  const words = 'Cannot open network namespace "gone": No such file or directory; ran: ip -n gone link set dev lo up';
  assert.deepEqual(gone, { a: words, b: words });
  assert.deepEqual(await runIn(machine, []), {});
});
