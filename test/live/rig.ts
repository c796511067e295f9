import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { createMachine, type Ran, type TestMachine } from '../machine.ts';
import { type Selection, snapshot } from '../snapshot.ts';

/** A disposable machine with one hosts file, /mnt/hosts.yaml, in the hands of a test. */
export interface Rig {
  readonly machine: TestMachine;
  hosts(text: string): void;
  /** Must succeed; gives what it printed. */
  apply(...words: string[]): Promise<string>;
  /** The whole text of a plan that must show something to do. */
  plan(): Promise<string>;
  /** There must be nothing to do. */
  settled(): Promise<void>;
  status(): Promise<Status[]>;
  /** PID 1 of a subhost, as the machine sees it. */
  pid1(name: string): Promise<number>;
  /** A shell script as root in all namespaces of a subhost; must succeed. */
  inside(name: string, script: string): Promise<string>;
  snapshot(selection?: Selection): Promise<string[]>;
}

export interface Status {
  readonly name: string;
  readonly state: string;
  readonly pid1: number | null;
  readonly cables: readonly { readonly name: string; readonly state: string; readonly bridge: string | null }[];
  readonly services: readonly { readonly name: string; readonly state: string }[];
  readonly notes: readonly string[];
}

export async function createRig(t: TestContext): Promise<Rig> {
  const machine = await createMachine(t);
  const rig: Rig = {
    machine,
    hosts: (text) => machine.write('/mnt/hosts.yaml', text),
    apply: async (...words) => succeeded(await machine.ob('apply', ...words)),
    async plan() {
      const ran = await machine.ob('plan', '--detailed-exitcode');
      assert.deepEqual([ran.code, ran.stderr], [2, ''], textOf(ran));
      return ran.stdout;
    },
    async settled() {
      const ran = await machine.ob('plan', '--detailed-exitcode');
      assert.match(ran.stdout, /^Nothing to do: \d+ resources are as wanted\.\n$/);
      assert.equal(ran.code, 0);
    },
    status: async () => JSON.parse((await machine.ob('status', '--json')).stdout),
    async pid1(name) {
      const pid = (await rig.status()).find((one) => one.name === name)?.pid1;
      assert.ok(pid, `${name} has no PID 1`);
      return pid;
    },
    inside: async (name, script) =>
      succeeded(await machine.run('nsenter', ['-t', String(await rig.pid1(name)), '-a', 'sh', '-c', script])).trimEnd(),
    snapshot: (selection) => snapshot({ root: `/proc/${machine.pid}/root`, run: machine.run }, selection),
  };
  return rig;
}

function succeeded(ran: Ran): string {
  assert.equal(ran.code, 0, textOf(ran));
  return ran.stdout;
}

export function textOf(ran: Ran): string {
  return `exit ${ran.code}\n${ran.stdout}${ran.stderr}`;
}
