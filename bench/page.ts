import { judge } from './bars.ts';
import { type Results, type Row, UNITS } from './results.ts';
import { barTable, rowTable } from './table.ts';

const TITLES: Readonly<Record<Row, string>> = {
  apply: 'Apply on an empty machine',
  destroy: 'Destroy, until no link is left',
  'apply-moments': 'How far an apply has come',
  'destroy-moments': 'How far a destroy has come',
  plan: 'Plan with nothing to do',
  'quiet-cpu': '`apply --quiet` with nothing to do',
  resident: 'Resident memory per subhost',
  memory: 'Memory per subhost with page tables and kernel stacks',
  'node-left': 'Node processes that stay',
  'first-byte': 'Start to first byte',
};

/** Puts the numbers into the page, between `<!-- bench -->` and `<!-- /bench -->`. */
export function fillPage(page: string, results: Results): string {
  const [head, tail] = [page.indexOf('<!-- bench -->'), page.indexOf('<!-- /bench -->')];
  if (head < 0 || tail < head) throw new Error('the page has no place for the numbers: <!-- bench --> and <!-- /bench -->');
  return `${page.slice(0, head)}<!-- bench -->\n\n${numbers(results)}\n\n${page.slice(tail)}`;
}

function numbers({ date, machine, command, versions, samples }: Results): string {
  const programs = Object.entries(versions).flatMap(([name, version]) => (version ? `${name} ${version}` : []));
  const about = `Measured on ${date} by \`${command}\`, on ${machine}; ${programs.join(', ')}.`;
  const tables = (Object.keys(TITLES) as Row[]).flatMap((row) => {
    const text = rowTable(samples, row);
    return text ? `### ${TITLES[row]} (${UNITS[row]})\n\n${text}` : [];
  });
  return [about, '![Time to bring up N subhosts](performance.svg)', barTable(judge(samples)), ...tables].join('\n\n');
}
