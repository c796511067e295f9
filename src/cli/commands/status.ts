import { ExitCode } from '../../resources/error.ts';
import { createLook } from '../../resources/machine.ts';
import { listOwners } from '../../resources/scopes.ts';
import type { Args, Command } from '../command.ts';
import { printable } from '../printable.ts';
import { desiredOf, findHostsFiles, limitOf, namesOf, planFor, REAPER, readFiles, sayUnknownScope } from '../session.ts';
import { isWell, type Status, statusOf } from '../status.ts';
import { table } from '../table.ts';

export const status: Command = {
  name: 'status',
  positionals: '[file..]',
  summary: 'Show every subhost of a hosts file, or of a scope',
  options: ['json', 'scope'],
  examples: [
    ['ob status', 'A table; exit 1 if not all is well'],
    ['ob status --json', 'A list of {name, scope, state, pid1, uptime_s, cables, services}'],
    ['ob status --scope demo', 'From the marks alone, without a file'],
  ],
  needsRoot: true,

  async run(args, { stdout, output }) {
    const all = await readStatus(args);
    const rows = all.map((one) => [
      one.name,
      one.scope,
      one.state,
      String(one.pid1 ?? '-'),
      age(one.uptime_s),
      part(one.cables, 'up'),
      part(one.services, 'started'),
    ]);
    if (args.json) stdout.write(`${JSON.stringify(all, null, 2)}\n`);
    else {
      const [head = '', ...lines] = table(['NAME', 'SCOPE', 'STATE', 'PID1', 'UPTIME', 'CABLES', 'SERVICES'], rows);
      stdout.write(`${output.paint('bold', head)}\n`);
      for (const [index, line] of lines.entries()) stdout.write(`${output.paint(isWell(all[index]) ? 'green' : 'red', line)}\n`);
      for (const one of all) for (const note of one.notes) stdout.write(`${printable(`${one.name}: ${note}`)}\n`);
    }
    return all.every(isWell) ? ExitCode.ok : ExitCode.failed;
  },
};

async function readStatus(args: Args): Promise<Status[]> {
  if (args.scope) return statusOfScope(args.scope);
  const file = await readFiles(findHostsFiles(args.files));
  const limit = limitOf([], args.files, namesOf(file));
  const { plan, world } = await planFor(file.scope, desiredOf(file), { limit });
  return statusOf(file.scope, plan, world).filter(({ name }) => !limit || limit.has(name));
}

/** Without a file nothing is wanted: what is there is shown as it is. */
async function statusOfScope(scope: string): Promise<Status[]> {
  sayUnknownScope(scope, await listOwners(createLook(REAPER)));
  const { plan, world } = await planFor(scope, []);
  return statusOf(scope, { ...plan, changes: [] }, world);
}

function age(seconds: number | null): string {
  if (seconds === null) return '-';
  if (seconds < 120) return `${seconds}s`;
  if (seconds < 7200) return `${Math.floor(seconds / 60)}m`;
  return seconds < 172_800 ? `${Math.floor(seconds / 3600)}h` : `${Math.floor(seconds / 86_400)}d`;
}

/** `1/2`: so many of them are as they should be. */
function part(list: readonly { readonly state: string }[], good: string): string {
  const counted = list.filter((one) => one.state !== 'skipped');
  return `${counted.filter((one) => one.state === good).length}/${counted.length}`;
}
