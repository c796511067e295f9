import type { Condition } from './conditions.ts';
import type { Explanation } from './explain.ts';
import { printable } from './printable.ts';
import type { Paint } from './style.ts';
import { wrap } from './wrap.ts';

/** Of a section, which is set in. */
const INNER = 78;

/** At most 80 columns wide, but for words of others. */
export function explanationLines({ well, summary, wrong, failed, log, next, parts }: Explanation, paint: Paint): string[] {
  const [first = '', ...more] = wrap(printable(`${summary}.`));
  return [
    ...[first, ...more].map((line) => paint(well ? 'green' : 'red', line)),
    ...section(
      well ? 'What to know' : 'What is wrong',
      wrong
        .filter((one) => (well ? one.type === 'LowerChanged' : !isTold(one, wrong)))
        .flatMap(({ type, reason, message, since }) =>
          wrap(printable(`${type.padEnd(8)} ${reason}: ${message}${since ? `, since ${since}` : ''}`), ' '.repeat(9), INNER),
        ),
      paint,
    ),
    ...section('What failed last', failed ? failedLines(failed) : [], paint),
    ...section(
      'Its log says last',
      log.map((line) => `| ${printable(line)}`),
      paint,
    ),
    ...section(
      'What to do',
      next.flatMap(({ command, why }) => [command, ...wrap(printable(`    ${why}`), '    ', INNER)]),
      paint,
    ),
    ...section(
      'What it is made of',
      Object.entries(well ? parts : {}).flatMap(([name, text]) => wrap(printable(`${name.padEnd(10)}${text}`), ' '.repeat(10), INNER)),
      paint,
    ),
  ];
}

/** `Ready` says what another condition says too. */
function isTold({ type, reason }: Condition, wrong: readonly Condition[]): boolean {
  return type === 'Ready' && wrong.some((one) => one.type !== type && one.reason === reason);
}

function section(title: string, lines: readonly string[], paint: Paint): string[] {
  return lines.length === 0 ? [] : ['', paint('bold', title), ...lines.map((line) => `  ${line}`)];
}

function failedLines({ step, command, words, failures, since }: NonNullable<Explanation['failed']>): string[] {
  const times = failures === 1 ? 'once' : `${failures} times in a row`;
  return [
    `${step} (${times}${since ? `, since ${since}` : ''})`,
    ...(command ? [`ran: ${printable(command)}`] : []),
    ...words.split('\n').flatMap((line) => wrap(printable(line), '  ', INNER)),
  ];
}
