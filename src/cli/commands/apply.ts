import type { Command } from '../command.ts';
import { withLock } from '../lock.ts';
import { reconcile } from '../reconcile.ts';
import { findHostsFiles, readFiles } from '../session.ts';

export const apply: Command = {
  name: 'apply',
  positionals: '[file..]',
  summary: 'Make this machine what the hosts file says',
  options: ['limit', 'json', 'quiet', 'parallel', 'lockTimeout', 'allowEmpty'],
  examples: [
    ['ob apply', 'What ./hosts.yaml or /etc/ob/hosts.yaml says'],
    ['ob apply demo.yaml --limit web,client', 'Only these two, and what they need'],
    ['ob apply -j 1 --lock-timeout 60', 'One thing at a time; wait for another run to end'],
  ],
  needsRoot: true,
  changes: true,
  tellsEvents: true,

  async run(args, context) {
    const paths = findHostsFiles(args.files);
    const early = await readFiles(paths, context.output.warn);
    return withLock(args.lockTimeout, context, async (hasWaited) => {
      const file = hasWaited ? await readFiles(paths, context.output.warn) : early;
      return reconcile(paths, file, args, context);
    });
  },
};
