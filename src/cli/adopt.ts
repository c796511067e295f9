import { findAdopted, listForeign, takeOver, toTake, whyNot } from '../resources/adopted.ts';
import { ExitCode, toObError } from '../resources/error.ts';
import type { HostsFile, Subhost } from '../resources/hosts.ts';
import type { Foreign } from '../resources/linux/foreign.ts';
import type { Machine } from '../resources/machine.ts';
import type { Args, Context } from './command.ts';
import type { Event } from './events.ts';
import { createMachine, limitOf, namesOf } from './session.ts';

/** What a run with `--adopt` has come to. */
export interface Adoption {
  /** Subhosts that are ob's now and go on as they are until they are started anew. */
  readonly adopted: ReadonlySet<string>;
  /** Subhosts of the run that are none of these. */
  readonly others: readonly string[];
  readonly exitCode: number;
}

/** Takes over what overlay-boot runs of a file's subhosts, and says what needs a restart. Needs the lock. */
export async function adoptRunning(file: HostsFile, args: Args, context: Context): Promise<Adoption> {
  const limit = limitOf(args.limit, args.files, namesOf(file));
  const machine = createMachine(file.scope);
  const wanted = file.subhosts.filter(({ name }) => !limit || limit.has(name));
  const all = listForeign(machine.look);
  const adopted = new Set<string>();
  let exitCode: number = ExitCode.ok;
  for (const subhost of wanted) {
    const { name } = subhost;
    const foreign = all.find((one) => one.name === name && whyNot(subhost, all, machine.look) === undefined);
    if (foreign && !context.signal.aborted) {
      const isTaken = await takeAndTell(machine, subhost, foreign, context);
      if (!isTaken) exitCode = ExitCode.failed;
    } else if (!findAdopted(machine.look, { scope: file.scope, name })) continue;
    adopted.add(name);
    for (const event of dueEvents(subhost, args)) context.output.sink(event);
  }
  const others = wanted.map(({ name }) => name).filter((name) => !adopted.has(name));
  return { adopted, others, exitCode: context.signal.aborted ? ExitCode.interrupted : exitCode };
}

async function takeAndTell(machine: Machine, subhost: Subhost, foreign: Foreign, { output }: Context): Promise<boolean> {
  const address = `process/${subhost.name}`;
  try {
    const taken = await toTake(machine, subhost, foreign);
    if (taken.length > 0) await takeOver(machine, subhost, foreign);
    for (const one of taken) output.sink({ type: 'adopted', subhost: subhost.name, ...one });
    return true;
  } catch (thrown) {
    const { message, hint } = toObError(thrown);
    const step = { verb: 'converge', action: 'update', address, subhost: subhost.name, seconds: 0 } as const;
    output.sink({ type: 'failed', ...step, error: `cannot be taken over: ${message}`, hint: hint ?? 'run this again' });
    return false;
  }
}

/** What of it is still overlay-boot's. */
function dueEvents({ name }: Subhost, { files }: Args): Event[] {
  const hint = ['ob restart', name, ...files.map((file) => `--file ${file}`)].join(' ');
  return [
    { type: 'due', subhost: name, address: `mount/${name}`, why: 'its root is mounted where only its own processes see it' },
    { type: 'due', subhost: name, address: `process/${name}`, why: 'its PID 1 is that of overlay-boot', hint },
  ];
}
