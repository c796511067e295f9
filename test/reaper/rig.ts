import { open } from 'node:fs/promises';
import type { TestContext } from 'node:test';
import { collect, createMachine, type Ran, REAPER, type TestMachine } from '../machine.ts';

/** What a subhost is made of before it is booted. */
export interface Place {
  readonly name: string;
  readonly mark: string;
  readonly upper: string;
  readonly live: string;
  readonly cgroup: string;
}

export interface SpecOptions {
  readonly entries?: readonly string[];
  /** SOURCE, TARGET, rw or ro. */
  readonly shares?: readonly (readonly [string, string, string])[];
  /** The file that PID 1 says its end in. */
  readonly end?: string;
  /** Text of /etc/network/interfaces. */
  readonly interfaces?: string;
  /** Further words between the fixed ones and `start`. */
  readonly groups?: readonly string[];
  readonly live?: string;
  readonly netns?: string;
  readonly cgroup?: string;
  readonly runSize?: string;
  readonly startMs?: number;
  readonly stopMs?: number;
}

/** A subhost that has gone through its start list. */
export interface Up {
  readonly pid: number;
  readonly ticks: string;
  readonly lines: readonly string[];
}

/** `reaper boot` in two phases, in the hands of a test. */
export interface Boot {
  /** The helper itself, as the machine sees it. */
  readonly helper: Promise<number>;
  lines(): readonly string[];
  /** The first line that starts like this, as soon as it is there. Fails if the helper and all it started go silent first. */
  line(start: string): Promise<string>;
  say(text: string): Promise<void>;
  hangUp(): Promise<void>;
  /** The end of the helper and of every process that still could say something. */
  readonly ended: Promise<Ran>;
}

export interface Rig {
  readonly machine: TestMachine;
  /** Makes netns, overlay over the machine's own root, and cgroup. */
  place(name?: string): Promise<Place>;
  reaper(...words: string[]): Promise<Ran>;
  boot(...specs: readonly string[][]): Promise<Boot>;
  /** Boots one, commits, waits for the end of its start list. */
  up(place: Place, options?: SpecOptions): Promise<Up>;
  ticks(pid: number): string;
}

export async function createRig(t: TestContext): Promise<Rig> {
  const machine = await createMachine(t);
  let boots = 0;
  const rig: Rig = {
    machine,
    place: (name = 'web') => makePlace(machine, name),
    reaper: (...words) => machine.run(REAPER, words),
    async boot(...specs) {
      const boot = await startBoot(machine, `/mnt/commit-${++boots}`, specs);
      t.after(() => boot.hangUp());
      return boot;
    },
    async up(place, options) {
      const boot = await rig.boot(toSpec(place, options));
      await boot.line(`${place.mark} ready`);
      await boot.say('0\n');
      await boot.ended;
      await boot.hangUp();
      const pid = await pidOf(boot, place);
      return { pid, ticks: rig.ticks(pid), lines: boot.lines() };
    },
    ticks: (pid) => fieldsOf(machine.read(`/proc/${pid}/stat`))[19] ?? '',
  };
  return rig;
}

export function toSpec(place: Place, options: SpecOptions = {}): string[] {
  const { entries = [], shares = [], startMs = 5000, stopMs = 2000, runSize = '1048576' } = options;
  const { netns = `/run/netns/${place.name}`, live = place.live, cgroup = place.cgroup } = options;
  const fixed = [place.mark, netns, live, cgroup, place.name, runSize, String(startMs), String(stopMs), 'd1ge57'];
  const interfaces = options.interfaces === undefined ? [] : ['interfaces', place.upper, options.interfaces];
  const end = options.end === undefined ? [] : ['end', options.end];
  const { groups = [] } = options;
  return [...fixed, ...groups, ...shares.flatMap((share) => ['share', ...share]), ...interfaces, ...end, 'start', ...entries];
}

/** Two processes tell the PID and that it is ready: either may come first. */
export async function pidOf(boot: Boot, place: Place): Promise<number> {
  const start = `${place.mark} pid `;
  return Number((await boot.line(start)).slice(start.length));
}

/** An executable script; it is a start script if it lies in /etc/init.d. */
export async function script(rig: Rig, place: Place, path: string, text: string): Promise<void> {
  await rig.machine.run('sh', ['-c', 'mkdir -p "$(dirname "$1")"; cat >"$1"; chmod 755 "$1"', 'sh', place.upper + path], {
    input: `#!/bin/sh\n${text}\n`,
  });
}

/** Runs a script inside a subhost, as root of the machine that enters it. */
export function inside(rig: Rig, pid: number, text: string): Promise<string> {
  return rig.machine.sh(`exec nsenter -t ${pid} -a sh -c '${text.replaceAll("'", "'\\''")}'`);
}

export function isAlive(rig: Rig, pid: number): boolean {
  try {
    return fieldsOf(rig.machine.read(`/proc/${pid}/stat`))[0] !== 'Z';
  } catch {
    return false;
  }
}

export async function until(what: string, done: () => boolean, seconds = 20): Promise<void> {
  for (const deadline = Date.now() + seconds * 1000; !done(); ) {
    if (Date.now() > deadline) throw new Error(`not within ${seconds} s: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** Argument list of a process in the machine. */
export function argumentsOf(rig: Rig, pid: number): string[] {
  return rig.machine.read(`/proc/${pid}/cmdline`).split('\0').slice(0, -1);
}

/** From field 3 on: the name before it may hold anything (proc_pid_stat(5)). */
function fieldsOf(stat: string): string[] {
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
}

async function makePlace(machine: TestMachine, name: string): Promise<Place> {
  const base = `/mnt/${name}`;
  const place = { name, mark: `ob:t/${name}`, upper: `${base}/upper`, live: `${base}/live`, cgroup: `/sys/fs/cgroup/ob/t/${name}` };
  await machine.sh(`
    mkdir -p ${place.upper} ${base}/work ${place.live} ${place.cgroup}
    ${REAPER} netns ${name} ${place.mark} 0 >/dev/null
    mount -t overlay -o lowerdir=/,upperdir=${place.upper},workdir=${base}/work ${place.mark} ${place.live}`);
  return place;
}

/** Commits go through a FIFO: the machine closes the stdin of what it starts at once. */
async function startBoot(machine: TestMachine, fifo: string, specs: readonly string[][]): Promise<Boot> {
  await machine.sh(`mkfifo ${fifo}`);
  const words = specs.flatMap((spec, index) => (index > 0 ? ['--', ...spec] : spec));
  const child = machine.start('sh', ['-c', `echo helper $$; exec "$0" boot "$@" <${fifo}`, REAPER, ...words]);
  let said = '';
  child.stdout?.setEncoding('utf8').on('data', (text) => (said += text));
  const state = { over: false, open: true };
  const ended = collect(child).finally(() => (state.over = true));
  // After the listeners: Node throws away what a child has said that ends before anybody listens.
  const stdin = await open(`/proc/${machine.pid}/root${fifo}`, 'w');
  const lines = (): string[] => said.split('\n').slice(0, -1);
  const line: Boot['line'] = async (start) => {
    const find = (): string | undefined => lines().find((one) => one.startsWith(start));
    await until(start, () => state.over || find() !== undefined);
    return find() ?? Promise.reject(new Error(`never said "${start}", but:\n${said}`));
  };
  return {
    helper: line('helper ').then((text) => Number(text.slice('helper '.length))),
    lines,
    line,
    say: async (text) => void (await stdin.write(text)),
    async hangUp() {
      if (!state.open) return;
      state.open = false;
      await stdin.close();
    },
    ended,
  };
}
