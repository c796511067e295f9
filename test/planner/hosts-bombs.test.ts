import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { PATH } from './hosts-facts.ts';

const CHILD = fileURLToPath(new URL('hosts-child.ts', import.meta.url));
/** All of these are read within seconds; what grows with the square of its text would take minutes. */
const LIMIT_MS = 60_000;
const SIZE = 256 * 1024;

function fill(text: string, size = SIZE): string {
  return text.repeat(Math.ceil(size / text.length)).slice(0, size);
}

function count(number: number, make: (index: number) => string): string {
  return Array.from({ length: number }, (_, index) => make(index)).join('');
}

const DEEP = 'nested deeper than 16 levels';

/** Text, and how what is said of it begins. */
const BOMBS: Readonly<Record<string, readonly [text: string, said: string]>> = {
  '20,000 brackets': ['['.repeat(20_000), `1:17: ${DEEP}`],
  '256 KiB of braces': [fill('{a: '), `1:65: ${DEEP}`],
  'brackets behind a text over two lines': [`a: ["x\n  ", ${'['.repeat(100_000)}`, `2:20: ${DEEP}`],
  'brackets behind a # in quotes': [`a: ['x #', ${'['.repeat(100_000)}`, `1:26: ${DEEP}`],
  'brackets with closing ones in quotes': [`a: ${'[ "]", '.repeat(20_000)}`, `1:109: ${DEEP}`],
  '100,000 dashes': ['- '.repeat(100_000), `1:33: ${DEEP}`],
  '700 levels of indentation': [count(700, (level) => `${' '.repeat(level)}k:\n`), `17:17: ${DEEP}`],
  'an alias of itself in a list': [`a: &a [${fill('*a, ')}`, '1:4: anchor "&a"'],
  '64 KiB of closing brackets': [fill(']', SIZE / 4), '1:1: this ] closes nothing'],
  '50,000 block texts': [`a:\n${fill('- |\n')}`, '1:1: unknown key "a"'],
  '30,000 keys': [count(30_000, (index) => `k${index}:\n`), '1:1: unknown key "k0"'],
  '20,000 times one key': [`subhosts: {}\n${'subhosts: {}\n'.repeat(20_000)}`, '2:1: the key "subhosts" is there already, in line 1'],
  '40,000 wrong escapes': [`a: [${'"\\q", '.repeat(40_000)}]`, '1:1: unknown key "a"'],
  'a text of 5 MB': [`subhosts: ${'x'.repeat(5_000_000)}`, '1:11: keys and values are wanted here, not a string'],
  'a key of 5 MB': [`? ${'x'.repeat(5_000_000)}\n: 1\nsubhosts: {}\n`, '1:3: unknown key "xxx'],
  '100,000 subhosts': [`subhosts:\n${count(100_000, (index) => `  s${index}: {}\n`)}`, '2:3: the key "base" is missing'],
  '10,000 subhosts in one base': [
    `subhosts:\n${count(10_000, (index) => `  s${index}: { base: ./x }\n`)}`,
    '3:15: live of s1, /srv/x/live, is also live of s0, in line 2',
  ],
  '6,000 bridges and as many that are unknown': [
    `bridges:\n${count(6000, (index) => `  own${index}: {}\n`)}subhosts:\n  web:\n    base: ./web\n    cables:\n${count(6000, (index) => `      - oxn${index}=\n`)}`,
    '6006:9: unknown bridge "oxn0"',
  ],
};

for (const [name, [text, said]] of Object.entries(BOMBS))
  test(`refused in time: ${name}`, async () => {
    const { code, stdout, stderr } = await readInChild(text);
    assert.equal(code, 65, stderr);
    assert.equal(stdout.slice(0, PATH.length + 1 + said.length), `${PATH}:${said}`);
  });

function readInChild(text: string): Promise<{ code: unknown; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    const child = execFile(process.execPath, ['--import', 'tsx', CHILD], { timeout: LIMIT_MS }, (error, stdout, stderr) =>
      resolve({ code: error ? (error.code ?? error.signal) : 0, stdout, stderr }),
    );
    child.stdin?.end(text);
  });
}
