import { ExitCode } from '../../resources/error.ts';
import { adoptRunning } from '../adopt.ts';
import type { Command } from '../command.ts';
import { findPlanFile } from '../plan-file.ts';
import { reconcile } from '../reconcile.ts';
import { findHostsFiles, lookAhead, readFiles, readNames } from '../session.ts';
import { withTurn } from '../turn.ts';

export const apply: Command = {
  name: 'apply',
  positionals: '[file..]',
  summary: 'Make this machine what the hosts file says',
  options: ['limit', 'json', 'quiet', 'parallel', 'lockTimeout', 'allowEmpty', 'adopt', 'confirm', 'rollbackOnFailure'],
  examples: [
    ['ob apply', 'What ./hosts.yaml or /etc/ob/hosts.yaml says'],
    ['ob apply demo.yaml --limit web,client', 'Only these two, and what they need'],
    ['ob apply -j 1 --lock-timeout 60', 'One thing at a time; wait for another run to end'],
    ['ob apply --confirm 2m', 'Take it back in two minutes, unless ob confirm comes'],
    ['ob apply /root/ob.plan', 'What ob plan -o /root/ob.plan showed, or nothing'],
    ['ob apply --adopt web.conf', 'Take over the running subhost of overlay-boot that the file describes'],
  ],
  needsRoot: true,
  changes: true,
  tellsEvents: true,

  async run(given, context) {
    const { args, asRead } = findPlanFile(given) ?? { args: given };
    const paths = findHostsFiles(args.files);
    const act = async (): Promise<number> => {
      const look = lookAhead();
      const file = await readFiles(paths, context.output.warn, look);
      if (!args.adopt) return reconcile(paths, file, args, context, { asRead, look });
      const { adopted, others, exitCode } = await adoptRunning(file, args, context);
      if (adopted.size === 0) return reconcile(paths, file, args, context);
      // What was taken over goes on as it is; the rest of the file is a run of its own.
      const code = others.length > 0 ? await reconcile(paths, file, { ...args, limit: others }, context) : ExitCode.ok;
      return exitCode || code;
    };
    return withTurn(args, context, act, () => readNames(paths, () => {}));
  },
};
