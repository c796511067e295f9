import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

/** What a run of `ob` has come to, and when: milliseconds since it was started. */
export interface Moment {
  readonly what: string;
  readonly ms: number;
}

/** What is told when the last object of a kind is done, in the order in which an apply comes to them. */
const DONE: Readonly<Record<string, string>> = {
  netns: 'the last network namespace',
  mount: 'the last root',
  veth: 'the last cable',
  process: 'the last PID 1',
};

/**
 * Where the time of a run goes, as seen from outside: what it says with `--json` comes line by line. Each kind's steps for all
 * subhosts go on beside those of other kinds, so only the last of each tells. Undefined: it failed.
 */
export async function momentsOf(argv: readonly string[]): Promise<Moment[] | undefined> {
  const [program = '', ...args] = argv;
  const moments = new Map<string, number>();
  const began = performance.now();
  const see = (what: string | undefined): void => void (what && moments.set(what, performance.now() - began));
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = new Promise<number | null>((settle) => child.once('close', settle));
  for await (const line of createInterface({ input: child.stdout })) {
    const { type, address = '' } = JSON.parse(line) as { type: string; address?: string };
    if (type === 'planned') see('planned: started, file and machine read');
    if (type === 'done') see(DONE[address.slice(0, address.indexOf('/'))]);
    if (type === 'recap') see('looked at again, and nothing is left to do');
  }
  if ((await ended) !== 0) return undefined;
  see('ended');
  return [...moments].map(([what, ms]) => ({ what, ms })).sort((a, b) => a.ms - b.ms);
}
