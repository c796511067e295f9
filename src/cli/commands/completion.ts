import { ExitCode } from '../../resources/error.ts';
import type { Command, OptionName } from '../command.ts';
import { bashScript } from '../install/bash.ts';
import { listNames } from '../install/names.ts';
import { toEntries } from '../install/words-table.ts';
import { zshScript } from '../install/zsh.ts';
import type { OptionRule } from '../options.ts';
import { findHostsFiles } from '../session.ts';

/** All commands and options; asked for late, since this command is one of them. */
type Known = () => { readonly commands: readonly Command[]; readonly options: Readonly<Record<OptionName, OptionRule>> };

export function createCompletion(known: Known): Command {
  return {
    name: 'completion',
    positionals: '<bash|zsh|names>',
    actions: ['bash', 'zsh', 'names'],
    summary: 'Print a script that lets a shell complete commands, options and names',
    options: ['file'],
    examples: [
      ['ob completion bash >/etc/bash_completion.d/ob', 'For all users; in ~/.bashrc for one: source <(ob completion bash)'],
      ['ob completion zsh >/usr/local/share/zsh/site-functions/_ob', 'For all users; in ~/.zshrc for one: source <(ob completion zsh)'],
      ['ob completion names', 'The subhosts of a hosts file: what these scripts ask'],
    ],
    needsRoot: false,

    async run({ action, files }, { stdout }) {
      if (action === 'names')
        stdout.write(
          namesIn(files)
            .map((name) => `${name}\n`)
            .join(''),
        );
      else {
        const { commands, options } = known();
        const entries = toEntries(commands, options);
        stdout.write(action === 'zsh' ? zshScript(entries) : bashScript(entries));
      }
      return ExitCode.ok;
    },
  };
}

/** Never an error: whoever presses TAB has asked for none. */
function namesIn(files: readonly string[]): string[] {
  try {
    return findHostsFiles(files).flatMap(listNames);
  } catch {
    return [];
  }
}
