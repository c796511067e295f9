import { writeSync } from 'node:fs';
import type { Fault } from '../planner/apply.ts';
import type { Step } from '../planner/order.ts';
import { ExitCode, ObError } from '../resources/error.ts';

const FORM = /^(?<step>(?:converge|remove) .+):(?<when>before|after):(?<what>KILL|EIO|HANG)$/;

/**
 * The failpoint that a test of crashes has put into the environment of this run, `OB_FAULT=STEP:before|after:KILL|EIO|HANG`
 * (docs/develop.md). Nobody gets at anything with it: who may set the environment of a run as root may kill that run too.
 * Throws where no step of the plan is meant, so that a test never takes a misspelt failpoint for one that was survived.
 */
export function readFault(steps: readonly Step[], text = process.env['OB_FAULT']): Fault | undefined {
  if (text === undefined) return undefined;
  const { step: id, when: moment, what } = FORM.exec(text)?.groups ?? {};
  if (!steps.some((step) => step.id === id))
    throw new ObError(`OB_FAULT: "${text}" is no failpoint of this plan`, { exitCode: ExitCode.usage });
  return (step, when) => {
    if (step !== id || when !== moment) return undefined;
    // Written before anything else happens: what is left of the run may say nothing any more.
    writeSync(2, `ob: failpoint ${text}\n`);
    if (what === 'EIO') return new ObError(`EIO: failpoint ${moment} ${step}`);
    // A stopped process stands for one that hangs: it keeps the lock, and what it has started goes on.
    process.kill(process.pid, what === 'KILL' ? 'SIGKILL' : 'SIGSTOP');
    return undefined;
  };
}
