import type { World } from '../../planner/live.ts';
import { isEmpty, type Plan, type Selection } from '../../planner/plan.ts';
import { ExitCode, ObError } from '../../resources/error.ts';
import type { HostsFile } from '../../resources/hosts.ts';
import type { Spec } from '../../resources/kind.ts';
import type { Args, Context } from '../command.ts';
import type { ChangeEvent, Sink } from '../events.ts';
import { planEvents } from '../events.ts';
import { digestOfWanted } from '../plan-file.ts';
import { knownBefore, writeApplied } from './applied.ts';
import { goBack } from './go-back.ts';
import { dropTakenBack, type Pending, type WayBack } from './pending.ts';
import { arm, beginTime } from './watchdog.ts';

/** What a run is about, as far as a way back has to know it. */
export interface Run {
  readonly file: HostsFile;
  readonly desired: readonly Spec[];
  /** As it was before the run. */
  readonly world: World;
  readonly selection: Selection;
}

/** What stands around a run, so that one can go back from it. Needs the lock. */
export interface Safety {
  /** For `Wish.begin`. */
  readonly begin: (plan: Plan, sink: Sink) => Promise<void>;
  /** After the run, with its exit code; gives that of the whole. */
  readonly end: (code: number) => Promise<number>;
}

/** Throws where a way back is asked for and none is known. */
export function createSafety(run: Run, args: Args, context: Context): Safety {
  const { file, selection, world } = run;
  const { sink } = context.output;
  const before = knownBefore(file.scope, world);
  const isAsked = args.confirm !== undefined || args.rollbackOnFailure;
  if (isAsked && !before) throw unknownBefore(file.scope);
  let way: WayBack | undefined;
  let pending: Pending | undefined;
  return {
    async begin(plan, tell) {
      if (before && isAsked && !isEmpty(plan)) {
        way = toWayBack(run, before, plan, context);
        if (args.confirm !== undefined) {
          pending = await arm({ ...way, seconds: args.confirm, changes: changesOf(plan) });
          tell({ type: 'armed', seconds: args.confirm });
        }
      }
      writeApplied(before, file, selection.limit);
      dropTakenBack(file.scope);
    },
    async end(code) {
      if (way && code === ExitCode.failed && args.rollbackOnFailure) await goBack(way, 'failed', args, context);
      else if (pending) {
        beginTime(pending);
        sink({ type: 'confirm', seconds: pending.seconds });
      }
      return code;
    },
  };
}

function toWayBack({ desired, selection, file }: Run, before: HostsFile, plan: Plan, { commandLine }: Context): WayBack {
  const made = plan.changes.filter(({ action, subhost }) => action === 'create' && subhost === null);
  return {
    scope: file.scope,
    before,
    limit: selection.limit ? [...selection.limit] : null,
    also: made.map(({ address }) => address),
    leave: [...(selection.leave ?? [])],
    wanted: digestOfWanted(desired),
    by: commandLine,
  };
}

function changesOf(plan: Plan): ChangeEvent[] {
  return planEvents(plan).filter((event): event is ChangeEvent => event.type === 'change');
}

function unknownBefore(scope: string): ObError {
  return new ObError(`there is no way back: it is not known what scope "${scope}" was told to be before`, {
    hint: 'apply the file as it was once without that, then the new one with it',
  });
}
