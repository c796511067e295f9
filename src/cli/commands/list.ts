import { findAdopted } from '../../resources/adopted.ts';
import { ExitCode } from '../../resources/error.ts';
import { listSubhosts } from '../../resources/scopes.ts';
import type { Command } from '../command.ts';
import { newLook } from '../session.ts';
import { table } from '../table.ts';

export const list: Command = {
  name: 'list',
  positionals: '',
  summary: 'List every subhost on this machine, of any scope, from the marks',
  options: ['json', 'scope'],
  examples: [
    ['ob list', 'Name, scope, and PID 1 if it runs'],
    ['ob list --json', 'A list of {name, scope, pid1}'],
  ],
  needsRoot: true,

  async run({ json, scope }, { stdout, output }) {
    const look = newLook();
    const owners = (await listSubhosts(look)).filter((owner) => scope === undefined || owner.scope === scope);
    const all = owners
      .sort((a, b) => a.scope.localeCompare(b.scope) || a.name.localeCompare(b.name, 'en', { numeric: true }))
      .map((owner) => ({ ...owner, pid1: (look.init(owner) ?? findAdopted(look, owner))?.pid ?? null }));
    if (json) stdout.write(`${JSON.stringify(all, null, 2)}\n`);
    else {
      const [head = '', ...lines] = table(
        ['NAME', 'SCOPE', 'PID1'],
        all.map(({ name, scope: of, pid1 }) => [name, of, String(pid1 ?? '-')]),
      );
      stdout.write([output.paint('bold', head), ...lines, ''].join('\n'));
    }
    return ExitCode.ok;
  },
};
