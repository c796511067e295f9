import type { OptionName } from './command.ts';
import { DEFAULT_PARALLEL } from './words.ts';

/** Of what yargs can be told of an option, what ours have. */
export interface OptionRule {
  readonly alias?: string;
  readonly boolean?: true;
  readonly number?: true;
  readonly string?: true;
  readonly array?: true;
  readonly default?: number;
  readonly describe: string;
  readonly requiresArg?: true;
}

/** All that any command can be told. */
export const OPTIONS: Readonly<Record<OptionName, OptionRule>> = {
  limit: { string: true, array: true, describe: 'Only these subhosts: NAME,... (also repeated)', requiresArg: true },
  json: { boolean: true, describe: 'Print JSON, for programs' },
  parallel: { alias: 'j', number: true, default: DEFAULT_PARALLEL, describe: 'How many things go on at a time', requiresArg: true },
  lockTimeout: { number: true, default: 0, describe: 'Seconds to wait for another run to end', requiresArg: true },
  allowEmpty: { boolean: true, describe: 'Let a file without subhosts remove all that are there' },
  detailedExitcode: { boolean: true, describe: 'Exit 2 if there is something to do' },
  scope: { string: true, describe: 'Take the scope from here, not from a file', requiresArg: true },
  file: { string: true, array: true, describe: 'The hosts file; of overlay-boot also several', requiresArg: true },
  quiet: { alias: 'q', boolean: true, describe: 'Say nothing when all is well, else a line for each change' },
  every: { string: true, describe: 'How often: 1m to 30m, 1h to 12h, 1d', requiresArg: true },
  follow: { alias: 'f', boolean: true, describe: 'Go on with what is added, until Ctrl-C' },
  boot: { boolean: true, describe: 'Of the present boot alone, from inside' },
  confirm: { string: true, describe: 'Take it back unless ob confirm comes within this time: 120s, 5m', requiresArg: true },
  rollbackOnFailure: { boolean: true, describe: 'If a step fails, go back to the former state' },
  watchdog: { boolean: true, describe: 'Wait, and take back what nobody confirms: apply --confirm starts it' },
  out: { alias: 'o', string: true, describe: 'Keep the plan in this file, for ob apply', requiresArg: true },
  restart: { boolean: true, describe: 'Stop it first if it runs, and start it afterwards' },
  adopt: { boolean: true, describe: 'Take over what overlay-boot runs; restart nothing of it' },
  running: { boolean: true, describe: 'What overlay-boot runs here, as the kernel shows it' },
  format: { alias: 'o', string: true, describe: 'wide: more columns; json: for programs', requiresArg: true },
  for: { string: true, describe: 'For so long: 30m, 2h, 3d; else until it is released', requiresArg: true },
  held: { boolean: true, describe: 'Also what is held (ob hold): the machine is shut down' },
  why: { string: true, describe: 'What is said to whoever comes by', requiresArg: true },
  detectOnly: { boolean: true, describe: 'Tell what differs, change nothing' },
};
