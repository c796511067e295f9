import assert from 'node:assert/strict';
import test from 'node:test';
import { createMachine, noLive, rootOnly, type TestMachine } from '../machine.ts';
import { lacking } from './etc.ts';
import { HOSTS, linesOf, ob } from './helpers.ts';
import { openShell, putOb, type Shell } from './shell.ts';

const FILES = ['a.yaml', 'b.yml', 'c.conf', 'd.txt', 'sub/e.yaml'];

/** A machine in which web runs and client is only in the file; a subhost of another scope runs too. */
async function prepare(machine: TestMachine): Promise<void> {
  await putOb(machine);
  machine.write('/mnt/hosts.yaml', HOSTS);
  machine.write(
    '/mnt/more.yaml',
    'scope: more\nsubhosts:\n  other: { base: /var/lib/ob/other, start: none }\n  gone: { base: /var/lib/ob/gone, start: none }\n',
  );
  for (const words of [
    ['apply', '--limit', 'web'],
    ['apply', 'more.yaml', '--limit', 'other'],
  ])
    assert.equal((await machine.ob(...words)).code, 0);
  await machine.sh(`cd /mnt && mkdir sub && touch ${FILES.join(' ')}`);
}

/** What bash is offered for the last word of each line, sorted; with one bash, whose other options are the worst. */
async function offers(machine: TestMachine, lines: readonly string[], uid = 0): Promise<string[][]> {
  // As readline does it: `=` is a word of its own.
  const asks = lines.map((line) => {
    const words = line
      .split(' ')
      .flatMap((word) => (/=/.test(word) ? [word.replace(/=.*/, ''), '=', ...word.split('=').slice(1).filter(Boolean)] : [word]));
    return `COMP_WORDS=(${words.map((word) => `'${word}'`).join(' ')}); COMP_CWORD=${words.length - 1}; ask`;
  });
  const script = `shopt -s failglob nullglob; source /mnt/ob.bash
    ask() { _ob /mnt/bin/ob "\${COMP_WORDS[COMP_CWORD]}" || echo failed; printf '%s\\n' "\${COMPREPLY[@]}" =====; }
    ${asks.join('\n')}`;
  const ran = await machine.run('bash', ['--norc', '-c', script], { cwd: '/mnt', uid, env: { PATH: '/usr/bin:/bin' } });
  assert.equal(ran.stderr, '', 'it makes a noise');
  const answers = ran.stdout.split('=====\n').slice(0, -1);
  return answers.map((answer) => [...new Set(linesOf(answer))].sort());
}

const OFFERS: readonly (readonly [line: string, offers: readonly string[]])[] = [
  ['ob pl', ['plan']],
  ['ob val', ['validate']],
  ['ob frob', []],
  ['ob --v', ['--version']],
  ['ob apply --l', ['--limit', '--lock-timeout']],
  ['ob plan --lo', []],
  ['ob apply --json --q', ['--quiet']],
  ['ob exec --', ['--help', '--scope']],
  ['ob status -o ', ['json', 'wide']],
  ['ob reset c', ['client']],
  ['ob reset web --r', ['--restart']],
  ['ob status --format=w', ['wide']],
  ['ob plan -o d', ['d.txt']],
  ['ob apply --limit ', ['client', 'web']],
  ['ob apply --limit c', ['client']],
  ['ob apply --limit=', ['client', 'web']],
  ['ob apply --limit=w', ['web']],
  ['ob apply --limit web,', ['web,client']],
  ['ob apply --limit web,c', ['web,client']],
  ['ob apply more.yaml --limit ', ['gone', 'other']],
  ['ob plan lost.yaml --limit ', []],
  ['ob apply -j ', []],
  ['ob apply ', ['a.yaml', 'b.yml', 'bin', 'c.conf', 'hosts.yaml', 'more.yaml', 'sub']],
  ['ob apply su', ['sub']],
  ['ob apply sub/', ['sub/e.yaml']],
  ['ob apply d', []],
  ['ob exec ', ['other', 'web']],
  ['ob enter w', ['web']],
  ['ob exec --scope ', ['demo', 'more']],
  ['ob exec web ', []],
  ['ob exec web -- /mnt/bin/o', ['/mnt/bin/ob']],
  ['ob exec web -- cat d', ['d.txt']],
  ['ob destroy c', ['c.conf', 'client']],
  ['ob destroy web c', ['client']],
  ['ob destroy more.yaml g', ['gone']],
  ['ob boot ', ['install', 'remove']],
  ['ob boot install ', []],
  ['ob boot install --file ', ['a.yaml', 'b.yml', 'bin', 'c.conf', 'hosts.yaml', 'more.yaml', 'sub']],
  ['ob cron install --every 1', ['15m', '1d', '1h', '1m']],
  ['ob completion z', ['zsh']],
];

test('bash is offered commands, options, files, and the names that fit', { skip: noLive }, async (t) => {
  const machine = await createMachine(t);
  await prepare(machine);
  await machine.sh('/mnt/bin/ob completion bash >/mnt/ob.bash');
  const lines = OFFERS.map(([line]) => line);
  const found = await offers(machine, lines);
  assert.deepEqual(
    lines.map((line, index) => [line, found[index]]),
    OFFERS.map(([line, expected]) => [line, [...expected].sort()]),
  );

  await t.test('to everybody, not to root alone', { skip: rootOnly }, async () => {
    assert.deepEqual(await offers(machine, lines, 65534), found);
  });

  await t.test('what has ended is offered no more, and a file with problems still has names', async () => {
    await machine.sh('echo 1 >/sys/fs/cgroup/ob/demo/web/cgroup.kill; mkdir -p /sys/fs/cgroup/ob/demo/empty');
    machine.write('/mnt/hosts.yaml', `${HOSTS.replace('10.77.0.3', '10.77.0.333')}  "$(touch /mnt/bad)": { base: x }\nnonsense: [1\n`);
    await machine.sh('until grep -q "populated 0" /sys/fs/cgroup/ob/demo/web/cgroup.events; do sleep 0.01; done');
    assert.deepEqual(await offers(machine, ['ob exec ', 'ob plan --limit ']), [['other'], ['client', 'web']]);
    assert.equal(await machine.sh('ls /mnt/bad 2>/dev/null || true'), '', 'a name in a file was run');
  });

  await t.test('where nothing is, and ob itself has gone, nothing is offered, without a word', async () => {
    assert.equal((await machine.ob('destroy', '--scope', 'demo')).code, 0);
    assert.equal((await machine.ob('destroy', '--scope', 'more')).code, 0);
    await machine.sh('rm /mnt/bin/ob /mnt/hosts.yaml');
    const asked = ['ob exec ', 'ob apply --limit ', 'ob exec --scope ', 'ob destroy w'];
    assert.deepEqual(await offers(machine, asked), [[], [], [], []]);
  });
});

test('names complete where the cgroup v2 tree is mounted beside that of v1, too', { skip: noLive }, async (t) => {
  const machine = await createMachine(t);
  await machine.sh(`umount /sys/fs/cgroup && mount -t tmpfs tmpfs /sys/fs/cgroup && mkdir /sys/fs/cgroup/unified
    mount -t cgroup2 cgroup2 /sys/fs/cgroup/unified`);
  await prepare(machine);
  await machine.sh('/mnt/bin/ob completion bash >/mnt/ob.bash');
  assert.deepEqual(await offers(machine, ['ob exec ', 'ob exec --scope ']), [
    ['other', 'web'],
    ['demo', 'more'],
  ]);
});

const TAB = '\t';

/** What is typed at a shell, and what `ob` is then called with. */
const TYPED: readonly (readonly [keys: string, words: string])[] = [
  [`ob vali${TAB}`, '<validate>'],
  [`ob appl${TAB}--lim${TAB}cl${TAB}`, '<apply><--limit><client>'],
  [`ob apply --lim${TAB}web,c${TAB}`, '<apply><--limit><web,client>'],
  [`ob exec w${TAB}-- cat d.t${TAB}`, '<exec><web><--><cat><d.txt>'],
  [`ob plan su${TAB}${TAB}`, '<plan><sub/e.yaml>'],
  [`ob exec --scope mo${TAB}oth${TAB}-- true`, '<exec><--scope><more><other><--><true>'],
  [`ob plan --limit=cl${TAB}`, '<plan><--limit=client>'],
  [`ob plan more.yaml --limit go${TAB}`, '<plan><more.yaml><--limit><gone>'],
  [`ob boot ins${TAB}--file a${TAB}`, '<boot><install><--file><a.yaml>'],
];

async function typeAll(shell: Shell): Promise<void> {
  for (const [keys, words] of TYPED) assert.equal(await shell.type(keys), words, shell.shown().slice(-800));
}

test('a person who presses TAB in bash gets it', { skip: noLive ?? lacking('/usr/bin/script') }, async (t) => {
  const machine = await createMachine(t);
  await prepare(machine);
  machine.write('/mnt/rc', 'source <(ob completion bash)\nPS1="READY>"\n');
  const shell = await openShell(t, machine, 'bash --noprofile --rcfile /mnt/rc -i');
  await typeAll(shell);
  assert.doesNotMatch(shell.shown(), /bash: |command not found/);
});

for (const [how, rc] of [
  ['lying in $fpath', 'fpath=(/mnt/fpath $fpath); autoload -Uz compinit; compinit -u -d /mnt/dump'],
  ['sourced', 'autoload -Uz compinit; compinit -u -d /mnt/dump; source <(ob completion zsh)'],
] as const)
  test(`a person who presses TAB in zsh gets it, from a script ${how}`, {
    skip: noLive ?? lacking('/usr/bin/script', '/usr/bin/zsh'),
  }, async (t) => {
    const machine = await createMachine(t);
    await prepare(machine);
    await machine.sh('mkdir /mnt/fpath && /mnt/bin/ob completion zsh >/mnt/fpath/_ob');
    machine.write('/mnt/.zshrc', `${rc}\nPS1='READY>'\nunsetopt beep\n`);
    const shell = await openShell(t, machine, 'zsh -d -i', { ZDOTDIR: '/mnt' });
    await typeAll(shell);
    assert.doesNotMatch(shell.shown(), /_ob:|command not found|no matches/);
  });

test('completion names is silent where there is no file, or none that can be read', async () => {
  for (const words of [
    ['names'],
    ['names', '--file', '/dev/null'],
    ['names', '--file', '/lost.yaml'],
    ['names', '--file', '/proc/self/mem'],
  ])
    assert.deepEqual(await ob(['completion', ...words], { cwd: '/proc' }), { code: 0, stdout: '', stderr: '' });
});

test('the words that completion does not know are told', async () => {
  const ran = await ob(['completion', 'powershell']);
  assert.deepEqual([ran.code, ran.stdout], [64, '']);
  assert.equal(ran.stderr, 'ob: completion knows no "powershell"; known are bash, zsh, names\n    -> ob completion --help\n');
});
