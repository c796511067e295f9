import type { Command } from './command.ts';
import { apply } from './commands/apply.ts';
import { destroy } from './commands/destroy.ts';
import { plan } from './commands/plan.ts';
import { restart } from './commands/restart.ts';
import { start } from './commands/start.ts';
import { status } from './commands/status.ts';
import { stop } from './commands/stop.ts';

/**
 * Those that are asked for every minute, or waited for: they are started from a snapshot of their own, which has nothing else in
 * it. reaper/early.c knows their names as well.
 */
export const SHORT: readonly Command[] = [plan, apply, destroy, status, start, stop, restart];
