/** Commands of other programs that make and keep such things, and what they are here. */
const COMMANDS: Readonly<Record<string, string>> = {
  up: 'apply',
  down: 'destroy',
  rm: 'destroy',
  remove: 'destroy',
  delete: 'destroy',
  ls: 'list',
  ps: 'status',
  attach: 'enter',
  console: 'enter',
  login: 'enter',
  shell: 'enter',
  run: 'exec',
  check: 'validate',
  version: '--version',
};

/** Theirs for a run that changes nothing. */
const DRY = ['--check', '--diff', '--dry-run', '-n'];

/** What is called WORD elsewhere, in a few words behind "there is no". Undefined: nothing that we know of. */
export function synonymOf(word: string): string | undefined {
  if (DRY.includes(word)) return '; ob plan shows what apply would do';
  return Object.hasOwn(COMMANDS, word) ? `; that is ob ${COMMANDS[word]}` : undefined;
}
