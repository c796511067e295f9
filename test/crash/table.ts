import { readFileSync, writeFileSync } from 'node:fs';
import { cpus, release, totalmem } from 'node:os';
import { fileURLToPath } from 'node:url';

/** How the points of one level in one scenario have come out. */
export interface Row {
  /** Whose runs were crashed. */
  readonly who: string;
  readonly level: string;
  readonly scenario: string;
  tried: number;
  converged: number;
  clean: number;
}

const HEAD = ['', 'level', 'scenario', 'points tried', 'converged', 'zero residue'];

/** What the command `npm run test:crash` prints, as Markdown. */
export function tableOf(rows: readonly Row[]): string {
  const all = [...new Set(rows.map(({ who }) => who))].flatMap((who) => {
    const own = rows.filter((row) => row.who === who);
    const sum = (pick: (row: Row) => number): number => own.reduce((total, row) => total + pick(row), 0);
    const total = [
      `**${who}**`,
      '**all**',
      '',
      `**${sum((row) => row.tried)}**`,
      `**${sum((row) => row.converged)}**`,
      `**${sum((row) => row.clean)}**`,
    ];
    const cells = own.map((row) => [who, row.level, row.scenario, row.tried, row.converged, row.clean]);
    return own.length > 1 ? [...cells, total] : cells;
  });
  return [HEAD, HEAD.map(() => '---'), ...all].map((line) => `| ${line.join(' | ')} |`).join('\n');
}

const PAGE = fileURLToPath(new URL('../../docs/reliability.md', import.meta.url));

/** Puts the table into docs/reliability.md, between `<!-- crash -->` and `<!-- /crash -->`. */
export function fillPage(rows: readonly Row[], about: string): void {
  const page = readFileSync(PAGE, 'utf8');
  const [head, tail] = [page.indexOf('<!-- crash -->'), page.indexOf('<!-- /crash -->')];
  if (head < 0 || tail < head) throw new Error('the page has no place for the table: <!-- crash --> and <!-- /crash -->');
  const cpu = cpus();
  const machine = `${cpu.length} x ${cpu[0]?.model.trim()}, ${Math.round(totalmem() / 2 ** 30)} GB, kernel ${release()}, node ${process.version}`;
  const text = `Made on ${new Date().toISOString().slice(0, 10)} by \`SAVE=1 npm run test:crash\`, on ${machine}; ${about}.`;
  writeFileSync(PAGE, `${page.slice(0, head)}<!-- crash -->\n\n${text}\n\n${tableOf(rows)}\n\n${page.slice(tail)}`);
}
