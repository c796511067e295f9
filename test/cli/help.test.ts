import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import { linesOf, ob } from './helpers.ts';

const COMMANDS = readdirSync(fileURLToPath(new URL('../../src/cli/commands', import.meta.url))).map((file) => file.replace(/\.ts$/, ''));

async function helpOf(...words: string[]): Promise<string> {
  const ran = await ob(words);
  assert.deepEqual([ran.code, ran.stderr], [0, '']);
  return ran.stdout;
}

function refuseWide(help: string): void {
  for (const line of help.split('\n')) assert.ok(line.length <= 80, `wider than 80 columns: ${line}`);
}

/** The examples of a help text: their left column, with what was wrapped. */
function examplesIn(help: string): string[] {
  const part = help.slice(help.indexOf('\nExamples:\n') + '\nExamples:\n'.length).split('\n\n')[0] ?? '';
  return linesOf(part).flatMap((line) => /^ {2}(ob .*?)(?: {2,}|$)/.exec(line)?.[1] ?? []);
}

test('ob alone, --help, -h and help say the same: what it is for, every command, examples', async () => {
  const help = await helpOf();
  for (const words of [['--help'], ['-h'], ['help']]) assert.equal(await helpOf(...words), help);
  assert.match(help, /^ob COMMAND\n/);
  for (const command of COMMANDS) assert.match(help, new RegExp(`^  ob ${command}\\b`, 'm'));
  assert.ok(examplesIn(help).length >= 3, help);
  refuseWide(help);
});

for (const command of COMMANDS)
  test(`ob ${command} --help has examples of that command and fits a terminal of 80 columns`, async () => {
    const help = await helpOf(command, '--help');
    assert.equal(await helpOf(command, '-h'), help);
    assert.equal(await helpOf('help', command), help);
    const examples = examplesIn(help);
    assert.ok(examples.length > 0, help);
    for (const example of examples) assert.match(example, new RegExp(`^ob ${command}\\b`));
    refuseWide(help);
  });

test('help is in English, whatever the locale', async () => {
  const ran = await ob(['--help'], { env: { LANG: 'de_DE.UTF-8', LC_ALL: 'de_DE.UTF-8' } });
  assert.deepEqual([ran.code, ran.stdout], [0, await helpOf()]);
});

test('--version and -V print the version of package.json, nothing else', async () => {
  const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { version: string };
  for (const word of ['--version', '-V']) assert.deepEqual(await ob([word]), { code: 0, stdout: `${version}\n`, stderr: '' });
});
