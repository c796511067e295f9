import { ExitCode } from '../../resources/error.ts';
import { type Difference, listDifferences } from '../../resources/upper.ts';
import type { Command } from '../command.ts';
import { findLayers } from '../layers.ts';
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
    const { upper, lower } = findLayers(file, subhost, newLook());
    const found = await listDifferences(REAPER, upper, lower);
    if (args.json) stdout.write(`${JSON.stringify(found, null, 2)}\n`);
    else for (const line of [...found.map(toLine), summaryOf(found), ...hintOf(name, found)]) stdout.write(`${printable(line)}\n`);
    return ExitCode.ok;
  },
};

const SIGN: Readonly<Record<Difference['what'], string>> = { added: 'A', changed: 'C', deleted: 'D', replaced: 'R' };

function toLine({ path, what, files, hidesNewer }: Difference): string {
  const count = files === undefined ? '' : `  ${files} ${files === 1 ? 'file' : 'files'}`;
  return `${SIGN[what]}  ${path}${count}${hidesNewer ? '  hides a newer one' : ''}`;
}

function hintOf(name: string, found: readonly Difference[]): string[] {
  const [first] = found.filter(({ hidesNewer }) => hidesNewer);
  return first ? [`    -> ob reset ${name} ${first.path} shows what is below, and keeps this one`] : [];
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
