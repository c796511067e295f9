import { existsSync } from 'node:fs';
import { ExitCode, ObError } from '../../resources/error.ts';
import type { HostsFile, Subhost } from '../../resources/hosts.ts';
import { optionValue } from '../../resources/linux/mountinfo.ts';
import { markOf } from '../../resources/marks.ts';
import { type Difference, listDifferences } from '../../resources/upper.ts';
import type { Command } from '../command.ts';
import { notThere } from '../owned.ts';
import { printable } from '../printable.ts';
import { findHostsFiles, namesOf, newLook, REAPER, readFiles } from '../session.ts';

export const diff: Command = {
  name: 'diff',
  positionals: '<name>',
  summary: 'Show what a subhost has changed of the tree below it',
  options: ['file', 'json'],
  examples: [
    ['ob diff web', 'What its upper directory adds, changes and deletes'],
    ['ob diff web --json', 'A list of {path, what, files, hidesNewer}'],
  ],
  needsRoot: true,

  async run(args, { stdout }) {
    const file = await readFiles(findHostsFiles(args.files));
    const [name = ''] = args.names;
    const subhost = file.subhosts.find((one) => one.name === name);
    if (!subhost) throw notThere(name, namesOf(file));
    const { upper, lower } = layersOf(file, subhost);
    const found = await listDifferences(REAPER, upper, lower);
    if (args.json) stdout.write(`${JSON.stringify(found, null, 2)}\n`);
    else for (const line of [...found.map(toLine), summaryOf(found)]) stdout.write(`${printable(line)}\n`);
    return ExitCode.ok;
  },
};

/** As they are mounted, since a program may have made the upper one; else as the file has them. */
function layersOf({ scope }: HostsFile, { name, upper, lower, live, hooks }: Subhost): { upper: string; lower: string } {
  if (upper === lower || lower === live)
    throw new ObError(`${name} has no upper directory: its tree is its own`, { exitCode: ExitCode.usage });
  const mark = markOf({ scope, name });
  const root = newLook()
    .mounts()
    .findLast(({ source, type, point }) => source === mark && type === 'overlay' && point === live);
  const mounted = optionValue(root?.options ?? [], 'upperdir');
  if (mounted) return { upper: mounted, lower: optionValue(root?.options ?? [], 'lowerdir') ?? lower };
  if (!hooks?.setup && existsSync(upper)) return { upper, lower };
  throw new ObError(`the upper directory of ${name} is not there`, { hint: `ob start ${name} makes it` });
}

const SIGN: Readonly<Record<Difference['what'], string>> = { added: 'A', changed: 'C', deleted: 'D', replaced: 'R' };

function toLine({ path, what, files, hidesNewer }: Difference): string {
  const count = files === undefined ? '' : `  ${files} ${files === 1 ? 'file' : 'files'}`;
  return `${SIGN[what]}  ${path}${count}${hidesNewer ? '  hides a newer one' : ''}`;
}

function summaryOf(found: readonly Difference[]): string {
  if (found.length === 0) return 'Nothing differs from the tree below.';
  const count = (what: Difference['what']): string[] => {
    const number = found.filter((one) => one.what === what).length;
    return number > 0 ? [`${number} ${what}`] : [];
  };
  const newer = found.filter(({ hidesNewer }) => hidesNewer).length;
  const hides = newer > 0 ? `; ${newer} ${newer === 1 ? 'hides a file' : 'hide files'} that changed below since` : '';
  return `${(['added', 'changed', 'deleted', 'replaced'] as const).flatMap(count).join(', ')}${hides}.`;
}
