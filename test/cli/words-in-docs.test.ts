import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import { COMMANDS } from '../../src/cli/all-commands.ts';
import { parse } from '../../src/cli/main.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const PAGES = ['README.md', 'SECURITY.md', ...readdirSync(`${ROOT}docs`).flatMap((name) => (name.endsWith('.md') ? [`docs/${name}`] : []))];

/** Command lines of `ob` that a page tells its reader to give: in blocks of a shell, and in the text. Of a sketch, with […], none. */
function commandsOf(page: string): string[] {
  const text = readFileSync(ROOT + page, 'utf8');
  const blocks = [...text.matchAll(/^```(?:sh|console)\n([\s\S]*?)^```$/gm)].flatMap(([, block = '']) => block.split('\n'));
  const spans = [...text.replaceAll(/^```[\s\S]*?^```$/gm, '').matchAll(/`([^`]+)`/g)].map(([, span = '']) => span.replaceAll('\n', ' '));
  const lines = [...blocks, ...spans]
    .flatMap((line) => line.replace(/ +# .*$/, '').split(/ *(?:&&|[|;>()]|<\()+ */))
    .map((line) => line.replace(/^\$ /, '').replace(/^npx /, '').replaceAll('SCOPE', 'demo'))
    .filter((line) => /^ob [a-z]/.test(line) && !/\.\.\.|…|[[\]]/.test(line));
  return [...new Set(lines)];
}

/** As a shell would, of what the pages have: double quotes and nothing else. */
function wordsOf(line: string): string[] {
  return [...line.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? '').slice(1);
}

/** A bare name need not be all that there is to say, but has to be that of a command. */
async function check(line: string): Promise<void> {
  const words = wordsOf(line);
  const wrong = await parse(words, COMMANDS).then(
    () => '',
    ({ message }) => message,
  );
  if (words.length > 1 || !/ wants /.test(wrong)) assert.equal(wrong, '', line);
}

for (const page of PAGES)
  test(`every command of ${page} is one`, async () => {
    for (const line of commandsOf(page)) await check(line);
  });

const MOST_COLUMNS = 130;

test('no line of text in a page is too long to read; tables, output and what a program writes there are as they are', () => {
  for (const page of PAGES) {
    const text = readFileSync(ROOT + page, 'utf8').replaceAll(/^```[\s\S]*?^```$/gm, '');
    const long = text.split('\n').filter((line) => line.length > MOST_COLUMNS && !/^(\||!\[|Made on|Measured on)/.test(line));
    assert.deepEqual(long, [], page);
  }
});
