import type { Command } from './command.ts';
import { boot } from './commands/boot.ts';
import { createCompletion } from './commands/completion.ts';
import { confirm } from './commands/confirm.ts';
import { cron } from './commands/cron.ts';
import { diff } from './commands/diff.ts';
import { enter } from './commands/enter.ts';
import { events } from './commands/events.ts';
import { exec } from './commands/exec.ts';
import { explain } from './commands/explain.ts';
import { hold } from './commands/hold.ts';
import { importConfs } from './commands/import.ts';
import { list } from './commands/list.ts';
import { logs } from './commands/logs.ts';
import { release } from './commands/release.ts';
import { reset } from './commands/reset.ts';
import { schema } from './commands/schema.ts';
import { share } from './commands/share.ts';
import { unstall } from './commands/unstall.ts';
import { validate } from './commands/validate.ts';
import { watch } from './commands/watch.ts';
import { OPTIONS } from './options.ts';
import { SHORT } from './short-commands.ts';

const completion = createCompletion(() => ({ commands: COMMANDS, options: OPTIONS }));

export const COMMANDS: readonly Command[] = [
  ...SHORT,
  explain,
  diff,
  reset,
  list,
  hold,
  release,
  unstall,
  exec,
  enter,
  logs,
  events,
  share,
  validate,
  importConfs,
  schema,
  boot,
  cron,
  watch,
  confirm,
  completion,
];
