import assert from 'node:assert/strict';
import test from 'node:test';
import { ob } from './helpers.ts';

/** Wrong words: what is said of them, and where help is to be found. */
const WRONG: readonly (readonly [words: string, says: string, hint: string])[] = [
  ['aply', 'there is no command "aply"; did you mean "apply"?', 'ob --help'],
  ['frobnicate', 'there is no command "frobnicate"; known are plan, apply, destroy,', 'ob --help'],
  ['up', 'there is no command "up"; that is ob apply', 'ob --help'],
  ['run', 'there is no command "run"; that is ob exec', 'ob --help'],
  ['constructor', 'there is no command "constructor"; known are plan, apply,', 'ob --help'],
  ['apply --check', 'there is no option --check; ob plan shows what apply would do', 'ob apply --help'],
  ['apply -n', 'there is no option -n; ob plan shows what apply would do', 'ob apply --help'],
  ['apply --yes', 'there is no option --yes; known are --limit,', 'ob apply --help'],
  ['--json', 'no command is given', 'ob --help'],
  ['apply --jsn', 'there is no option --jsn; did you mean "--json"?', 'ob apply --help'],
  ['apply --lock-timeuot 3', 'there is no option --lock-timeuot; did you mean "--lock-timeout"?', 'ob apply --help'],
  ['apply --lock-timeuot=3', 'there is no option --lock-timeuot; did you mean "--lock-timeout"?', 'ob apply --help'],
  ['plan --allow-empty', 'there is no option --allow-empty; known are --limit,', 'ob plan --help'],
  ['apply -x', 'there is no option -x; known are --limit,', 'ob apply --help'],
  ['apply -jx', 'there is no option -x', 'ob apply --help'],
  ['plan --limit.web x', 'there is no option --limit.web', 'ob plan --help'],
  ['apply a.yaml b.yaml', 'too many arguments: b.yaml', 'ob apply --help'],
  ['apply -- a.yaml b.yaml', 'too many arguments: b.yaml', 'ob apply --help'],
  ['exec web hostname', 'the command to run comes after --', 'ob exec web -- hostname'],
  ['exec web ls -la /srv', 'the command to run comes after --', 'ob exec web -- ls -la /srv'],
  ['exec --scpoe demo web', 'there is no option --scpoe; did you mean "--scope"?', 'ob exec --help'],
  ['schema hosts.yaml', 'too many arguments: hosts.yaml', 'ob schema --help'],
  ['apply -j', '-j wants a value', 'ob apply --help'],
  ['plan --limit', '--limit wants a value', 'ob plan --help'],
  ['apply --lock-timeout', '--lock-timeout wants a value', 'ob apply --help'],
  ['apply -j 0', '--parallel (-j) wants a whole number, 1 or more', 'ob apply --help'],
  ['apply -j x', '--parallel (-j) wants a whole number, 1 or more', 'ob apply --help'],
  ['apply -j -4', '--parallel (-j) wants a whole number, 1 or more', 'ob apply --help'],
  ['destroy --parallel 1.5', '--parallel (-j) wants a whole number, 1 or more', 'ob destroy --help'],
  ['apply --lock-timeout -1', '--lock-timeout wants seconds, 0 to 1000000', 'ob apply --help'],
  ['apply --lock-timeout soon', '--lock-timeout wants seconds, 0 to 1000000', 'ob apply --help'],
  ['apply --lock-timeout 1e9', '--lock-timeout wants seconds, 0 to 1000000', 'ob apply --help'],
  ['destroy --scope ../up', '"../up" is no scope: 1 to 32 characters', 'ob destroy --help'],
  ['destroy a.yaml --scope demo', 'a hosts file and --scope: only one of them', 'ob destroy --help'],
  ['apply web.conf --adopt --confirm 2m', '--adopt cannot be taken back: give it alone,', 'ob apply --help'],
  ['apply web.conf --rollback-on-failure --adopt', '--adopt cannot be taken back: give it alone,', 'ob apply --help'],
  ['status a.yaml --scope demo', 'a hosts file and --scope: only one of them', 'ob status --help'],
];

for (const [words, says, hint] of WRONG)
  test(`ob ${words}: exit 64, one line and where to read on, nothing on stdout`, async () => {
    const ran = await ob(words.split(' '));
    const [line = '', ...rest] = ran.stderr.split('\n');
    assert.ok(line.startsWith(`ob: ${says}`), ran.stderr);
    assert.deepEqual(rest, [`    -> ${hint}`, '']);
    assert.deepEqual([ran.code, ran.stdout], [64, '']);
  });

test('what an unset variable of the shell leaves empty does not come to mean all', async () => {
  for (const words of [
    ['apply', '--limit', ''],
    ['apply', '--limit', 'web,'],
    ['plan', '--limit='],
    ['destroy', ''],
    ['plan', ''],
  ]) {
    const ran = await ob(words);
    assert.deepEqual([ran.code, ran.stdout], [64, ''], `${words}: ${ran.stderr}`);
    assert.match(ran.stderr, /^ob: (--limit wants|an argument is empty)/);
  }
});

test('a control character in a word is shown, not obeyed', async () => {
  const ran = await ob(['a\u001b[2Jb\u0007']);
  assert.match(ran.stderr, /^ob: there is no command "a\\x1b\[2Jb\\x07"; known are plan,/);
});
