import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createMachine, type Ran, type Span, type TestMachine } from '../machine.ts';
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
  /** PID 1 of a subhost of the scope demo, as the machine sees it. */
  pid1(name: string): number;
  /** A shell script as root in all namespaces of a subhost; must succeed. */
  inside(name: string, script: string): Promise<string>;
  /** What these subhosts see themselves: their network, mounts and processes, without numbers that mean nothing. */
  seen(...names: string[]): Promise<Record<string, string>>;
  snapshot(selection?: Selection): Promise<string[]>;
}

/** `pid1 NAME` in a shell script: PID 1 of a subhost of the scope demo. */
export const PID1 = `pid1() { for p in $(cat /sys/fs/cgroup/ob/demo/$1/cgroup.procs); do [ "$(cat /proc/$p/comm)" != .reaper ] || echo $p; done; }`;

const SEEN = `
  hostname
  ip -br address show scope global | tr -s ' ' | sed 's/@[^ ]*//; s/UNKNOWN/UP/' | sort
  ip route show default; ip -6 route show default | sort
  cut -d' ' -f4- /proc/self/mountinfo | sed 's/ - / /; s,^/null//deleted ,/null ,' | cut -d' ' -f1-5 | sed 's/@[0-9a-f-]*$//' | sort
  for p in /proc/[0-9]*; do tr '\\0' ' ' <$p/cmdline | cut -c-40; echo; done | grep -E '^(dummy|sleep|/.reaper)' | sort
  touch /root-is-writable`;

interface Status {
  readonly name: string;
  readonly state: string;
  readonly pid1: number | null;
  readonly memory_from: string | null;
  readonly memory_limit_bytes: number | null;
  readonly pids: number | null;
  readonly pids_limit: number | null;
  readonly oom_kills: number | null;
  readonly cables: readonly { readonly name: string; readonly state: string; readonly bridge: string | null }[];
  readonly services: readonly { readonly name: string; readonly state: string }[];
  readonly notes: readonly string[];
}

/** LIMITS: see createMachine. */
export async function createRig(t: Span, options: { readonly limits?: boolean } = {}): Promise<Rig> {
  const machine = await createMachine(t, options);
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
    pid1(name) {
      const pid = findPid1(machine, name);
      assert.ok(pid, `${name} has no PID 1`);
      return pid;
    },
    inside: async (name, script) =>
      succeeded(await machine.run('nsenter', ['-t', String(rig.pid1(name)), '-a', 'sh', '-c', script])).trimEnd(),
    async seen(...names) {
      const seen = names.map(async (name) => [name, await rig.inside(name, SEEN)]);
      return Object.fromEntries(await Promise.all(seen));
    },
    snapshot: (selection) => snapshot({ root: `/proc/${machine.pid}/root`, run: machine.run }, selection),
  };
  return rig;
}

/** Read from outside, where a process has its PIDs of all namespaces that it is in: ours, the machine's, its own. */
function findPid1(machine: TestMachine, name: string): number | undefined {
  const members = machine.read(`/sys/fs/cgroup/ob/demo/${name}/cgroup.procs`).split('\n').filter(Boolean);
  const pid = members.find((member) => readFileSync(`/proc/${member}/comm`, 'utf8') === '.reaper\n');
  const chain = pid && /^NSpid:\s*(.*)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return chain ? Number(chain.split('\t').at(-2)) : undefined;
}

function succeeded(ran: Ran): string {
  assert.equal(ran.code, 0, textOf(ran));
  return ran.stdout;
}

export function textOf(ran: Ran): string {
  return `exit ${ran.code}\n${ran.stdout}${ran.stderr}`;
}
