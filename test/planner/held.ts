import type { ApplyOptions, Outcome } from '../../src/planner/apply.ts';
import { apply } from '../../src/planner/apply.ts';
import type { Step } from '../../src/planner/order.ts';
import { order } from '../../src/planner/order.ts';
import type { Address, Kind, Result, Task } from '../../src/resources/kind.ts';
import type { Machine } from '../../src/resources/machine.ts';
import { changesOf, shortOf } from './graph.ts';

/** A run in the hands of a test: every call of a kind lasts until the test ends it. */
export interface Run {
  /** Every call so far, e.g. `+a+b` for one that makes a and b. */
  readonly calls: readonly string[];
  /** Every task that a kind was given. */
  readonly tasks: readonly Task[];
  /** What each call may do at a time. */
  readonly widths: readonly number[];
  readonly turns: readonly Machine['turn'][];
  /** By which each call can tell of one object before it ends. */
  readonly earlies: readonly Machine['early'][];
  /** Calls that have not ended. */
  running(): string[];
  /** Ends a call: all well, or with an error for those named. Returns when all that can begin then has begun. */
  end(call: string, errors?: Readonly<Record<string, Error>>): Promise<void>;
  /** Ends a call with these results, whatever they are. */
  give(call: string, results: readonly Result[]): Promise<void>;
  /** Ends a call by throwing. */
  break(call: string, error: unknown): Promise<void>;
  /** Ends everything that runs, and then runs, until nothing does. */
  finish(): Promise<void>;
  readonly outcomes: Promise<Outcome[]>;
  readonly ended: readonly Outcome[];
}

interface Held {
  readonly addresses: readonly Address[];
  readonly resolve: (results: Result[]) => void;
  readonly reject: (error: unknown) => void;
}

/** Kinds that a graph may name. */
export const KINDS = ['thing', 'net', 'root', 'task'];

/** Starts the steps of a graph; see `changesOf`. */
export async function start(graph: string, options: Partial<ApplyOptions> = {}): Promise<Run> {
  return startSteps(order(changesOf(graph)), options);
}

async function startSteps(steps: readonly Step[], options: Partial<ApplyOptions>): Promise<Run> {
  const held = new Map<string, Held>();
  const calls: string[] = [];
  const given: Task[] = [];
  const widths: number[] = [];
  const turns: Machine['turn'][] = [];
  const earlies: Machine['early'][] = [];
  const ended: Outcome[] = [];
  const hold = (sign: string, addresses: readonly Address[]): Promise<Result[]> => {
    const call = addresses.map((address) => shortOf(`${sign === '+' ? 'converge' : 'remove'} ${address}`)).join('');
    calls.push(call);
    return new Promise((resolve, reject) => held.set(call, { addresses, resolve, reject }));
  };
  const kinds = KINDS.map(
    (name): Kind => ({
      name,
      rules: {},
      takesLong: ({ address }) => address.endsWith('slow'),
      desired: () => [],
      preflight: () => {},
      list: async () => ({ live: [], blockers: [] }),
      converge(_machine, tasks) {
        given.push(...tasks);
        return hold(
          '+',
          tasks.map(({ spec }) => spec.address),
        );
      },
      remove: (_machine, live) =>
        hold(
          '-',
          live.map(({ address }) => address),
        ),
    }),
  );
  const outcomes = apply(steps, {
    kinds,
    machine({ width, turn, early }) {
      widths.push(width);
      turns.push(turn);
      earlies.push(early);
      return {} as Machine;
    },
    parallel: 16,
    fewest: 1,
    ...options,
    onEnd(outcome) {
      ended.push(outcome);
      options.onEnd?.(outcome);
    },
  });
  // Told by whoever awaits it; until then it must not count as unhandled.
  outcomes.catch(() => {});

  const take = (call: string): Held => {
    const found = held.get(call);
    held.delete(call);
    if (!found) throw new Error(`${call} does not run, but ${[...held.keys()].join(' ') || 'nothing'}`);
    return found;
  };
  const run: Run = {
    calls,
    widths,
    turns,
    earlies,
    tasks: given,
    running: () => [...held.keys()],
    async end(call, errors = {}) {
      const { addresses, resolve } = take(call);
      resolve(addresses.map((address) => toResult(address, errors[address.replace('thing/', '')])));
      await allBegun();
    },
    async give(call, results) {
      take(call).resolve([...results]);
      await allBegun();
    },
    async break(call, error) {
      take(call).reject(error);
      await allBegun();
    },
    async finish() {
      while (held.size > 0) for (const call of [...held.keys()]) await run.end(call);
    },
    outcomes,
    ended,
  };
  await allBegun();
  return run;
}

function toResult(address: Address, error: Error | undefined): Result {
  return error ? { address, error: error as NonNullable<Result['error']> } : { address };
}

/** Nothing between two calls but promises that are settled already: they are all done before the event loop turns. */
function allBegun(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** `+a done, +b failed: no, +c skipped: +b` */
export function textOfOutcomes(outcomes: readonly Outcome[]): string {
  return outcomes
    .map((outcome) => {
      const name = `${shortOf(outcome.step.id)} ${outcome.result}`;
      if (outcome.result === 'failed') return `${name}: ${outcome.error.message.split('\n')[0]}`;
      return outcome.result === 'skipped' ? `${name}: ${shortOf(outcome.because)}` : name;
    })
    .join(', ');
}
