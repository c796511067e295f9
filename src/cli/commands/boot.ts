import { ExitCode, ObError } from '../../resources/error.ts';
import type { Command } from '../command.ts';
import { bootName, bootScript, bootUnit, type Job } from '../install/boot-files.ts';
import { findInitSystem, isSystemdRunning, linkScript, reloadSystemd, systemctl } from '../install/init-system.ts';
import { listAll, listOutdated, removeAll, writeAll } from '../install/install.ts';
import { nameOf } from '../install/own-file.ts';
import { findInstalled, readJob } from '../install/target.ts';

export const boot: Command = {
  name: 'boot',
  positionals: '<install|remove>',
  actions: ['install', 'remove'],
  summary: 'Bring subhosts up when this machine boots, and down in order at its shutdown',
  options: ['file', 'scope'],
  examples: [
    ['ob boot install', 'For ./hosts.yaml or /etc/ob/hosts.yaml'],
    ['ob boot install --file demo.yaml', 'One more; each scope has its own'],
    ['ob boot remove --scope demo', 'Also when its file is gone'],
  ],
  needsRoot: true,

  async run(args, { stdout }) {
    const say = (line: string): void => void stdout.write(`${line}\n`);
    if (args.action === 'install') await install(await readJob(args), say);
    else {
      const found = await findInstalled(args, 'boot', listAll('boot'));
      if (found.length === 0) say('Nothing to remove: nothing is installed for that.');
      await removeAll(found, say);
    }
    return ExitCode.ok;
  },
};

async function install(job: Job, say: (line: string) => void): Promise<void> {
  const init = findInitSystem();
  if (!init)
    throw new ObError('this machine has neither systemd nor System V init scripts', {
      hint: `let whatever boots it run: ${job.program} apply ${nameOf(job.hostsFiles)}`,
    });
  const file = init === 'systemd' ? bootUnit(job) : bootScript(job);
  writeAll([file], say);
  await removeAll(listOutdated('boot', [file], job), say);
  const name = bootName(job.scope);
  if (init === 'sysvinit') await linkScript(name);
  else {
    await reloadSystemd();
    await systemctl('enable', `${name}.service`);
  }
  say(`At boot: ob apply ${nameOf(job.hostsFiles)}; at shutdown: ob destroy --scope ${job.scope}`);
  // systemd stops at shutdown only what it has started.
  if (isSystemdRunning()) say(`Begin now: systemctl start ${name}`);
}
