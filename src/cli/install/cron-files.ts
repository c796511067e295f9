import { createHash } from 'node:crypto';
import { bootName, type Job, UNIT_FOLDER } from './boot-files.ts';
import type { Every } from './every.ts';
import { headOf, type OwnFile } from './own-file.ts';
import { escapeForCron, quoteForShell, quoteForUnit, toExec } from './quote.ts';

export const CRON_FOLDER = '/etc/cron.d';

export interface CronJob extends Job {
  readonly every: Every;
  /** Only tells what differs, and changes nothing. */
  readonly detectOnly: boolean;
  /** What this machine is told apart from others by. */
  readonly machineId: string;
  /** Absolute name of sleep(1). */
  readonly sleep: string;
}

export function cronName(scope: string): string {
  return `ob-cron-${scope}`;
}

function wordsOf({ program, hostsFiles, detectOnly }: CronJob): string[] {
  const verb = detectOnly ? ['plan', '--quiet', '--detailed-exitcode'] : ['apply', '--quiet'];
  return [program, ...verb, ...hostsFiles];
}

const MAX_SPLAY_SECONDS = 300;

/** Machines that were made alike must not all do the same thing at the same second. */
function maxSplay({ every }: CronJob): number {
  return Math.min(every.seconds / 2, MAX_SPLAY_SECONDS);
}

/** At random from machine to machine, and always the same on one: written twice, the file stays as it is. */
function splayOf(job: CronJob): number {
  const digest = createHash('sha256').update(`${job.machineId}/${job.scope}`).digest();
  return digest.readUInt32BE(0) % maxSplay(job);
}

export function cronTable(job: CronJob): OwnFile {
  const command = `${quoteForShell(job.sleep)} ${splayOf(job)}; OB_NODE=${quoteForShell(job.node)} exec ${wordsOf(job).map(quoteForShell).join(' ')}`;
  const text = `${headOf('cron', job.scope, job.hostsFiles)}# Silent when all is well; whatever it says is mailed to:
MAILTO=root
SHELL=/bin/sh
${job.every.cron} root ${escapeForCron(command)}
`;
  return { path: `${CRON_FOLDER}/${cronName(job.scope)}`, text, mode: 0o644 };
}

export function cronTimer(job: CronJob): OwnFile {
  const text = `${headOf('cron', job.scope, job.hostsFiles)}
[Unit]
Description=When to look after the subhosts of scope ${job.scope}

[Timer]
OnCalendar=${job.every.calendar}
RandomizedDelaySec=${maxSplay(job)}
FixedRandomDelay=yes
AccuracySec=1s

[Install]
WantedBy=timers.target
`;
  return { path: `${UNIT_FOLDER}/${cronName(job.scope)}.timer`, text, mode: 0o644 };
}

export function cronService(job: CronJob): OwnFile {
  const text = `${headOf('cron', job.scope, job.hostsFiles)}
[Unit]
Description=Look after the subhosts of scope ${job.scope}
After=network.target local-fs.target remote-fs.target ${bootName(job.scope)}.service
RequiresMountsFor=${[...job.hostsFiles, job.program].map(quoteForUnit).join(' ')}

[Service]
Type=oneshot
Environment=${quoteForUnit(`OB_NODE=${job.node}`)}
ExecStart=${toExec(wordsOf(job))}
# Another run was under way: that one sees to it.
SuccessExitStatus=75
# What ob runs is let finish when ob is told to end.
KillMode=mixed
`;
  return { path: `${UNIT_FOLDER}/${cronName(job.scope)}.service`, text, mode: 0o644 };
}
