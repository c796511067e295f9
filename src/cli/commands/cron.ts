import { existsSync } from 'node:fs';
import { hostname } from 'node:os';
import { ExitCode, ObError } from '../../resources/error.ts';
import { readIfThere } from '../../resources/linux/proc.ts';
import { findProgram, needProgram } from '../../resources/programs.ts';
import type { Args, Command } from '../command.ts';
import { CRON_FOLDER, type CronJob, cronName, cronService, cronTable, cronTimer } from '../install/cron-files.ts';
import { parseEvery } from '../install/every.ts';
import { findInitSystem, isSystemdRunning, reloadSystemd, systemctl } from '../install/init-system.ts';
import { listAll, listOutdated, removeAll, writeAll } from '../install/install.ts';
import { nameOf } from '../install/own-file.ts';
import { findInstalled, readJob } from '../install/target.ts';

export const cron: Command = {
  name: 'cron',
  positionals: '<install|remove>',
  actions: ['install', 'remove'],
  summary: 'Let cron or a systemd timer repair what drifts, silent when all is well',
  options: ['file', 'scope', 'every', 'detectOnly'],
  examples: [
    ['ob cron install', 'Every minute: ob apply --quiet'],
    ['ob cron install --every 10m --file demo.yaml', 'Less often; another file'],
    ['ob cron install --detect-only', 'Every hour: tell what differs, change nothing'],
    ['ob cron remove', 'Subhosts stay as they are'],
  ],
  needsRoot: true,

  async run(args, { stdout }) {
    const say = (line: string): void => void stdout.write(`${line}\n`);
    if (args.action === 'install') await install(await readCronJob(args), say);
    else {
      const found = await findInstalled(args, 'cron', listAll('cron'));
      if (found.length === 0) say('Nothing to remove: nothing is installed for that.');
      await removeAll(found, say);
    }
    return ExitCode.ok;
  },
};

async function readCronJob(args: Args): Promise<CronJob> {
  // What differs is told at every run for as long as it does: once an hour is a reminder, once a minute is none.
  const every = parseEvery(args.every ?? (args.detectOnly ? '1h' : '1m'));
  const machineId = readIfThere('/etc/machine-id')?.trim() || hostname();
  return { ...(await readJob(args)), every, detectOnly: args.detectOnly, machineId, sleep: needProgram('sleep') };
}

async function install(job: CronJob, say: (line: string) => void): Promise<void> {
  const isTimer = findInitSystem() === 'systemd';
  if (!isTimer) needCron(job);
  const files = isTimer ? [cronService(job), cronTimer(job)] : [cronTable(job)];
  writeAll(files, say);
  await removeAll(listOutdated('cron', files, job), say);
  const what = `ob ${job.detectOnly ? 'plan' : 'apply'} --quiet ${nameOf(job.hostsFiles)}`;
  if (isTimer) {
    await startTimer(`${cronName(job.scope)}.timer`);
    say(`By systemd: ${what}; what it says: journalctl -u ${cronName(job.scope)}`);
  } else say(`By cron: ${what}; what it says is mailed to root`);
}

async function startTimer(name: string): Promise<void> {
  await reloadSystemd();
  await systemctl('enable', name);
  // Restarted: a timer that runs already keeps its old times otherwise.
  if (isSystemdRunning()) await systemctl('restart', name);
}

function needCron({ program, hostsFiles }: CronJob): void {
  if (!existsSync(CRON_FOLDER) || !(findProgram('cron') ?? findProgram('crond')))
    throw new ObError(`this machine has neither systemd nor a cron that reads ${CRON_FOLDER}`, {
      hint: `apt-get install cron, or let something else run: ${program} apply --quiet ${nameOf(hostsFiles)}`,
    });
  if (!findProgram('sendmail'))
    process.stderr.write('ob: warning: this machine sends no mail (no sendmail), so that cron throws away what ob says\n');
}
