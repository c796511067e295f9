import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import { createMachine, noLive, type TestMachine } from '../machine.ts';

const OB = `node ${new URL('../../dist/ob.js', import.meta.url).pathname}`;

async function createSubhosts(t: test.TestContext): Promise<TestMachine> {
  const machine = await createMachine(t);
  machine.write('/mnt/hosts.yaml', 'subhosts: { web: { base: web, start: none }, db: { base: db, start: none } }\n');
  const ran = await machine.ob('apply');
  assert.equal(ran.code, 0, ran.stderr);
  return machine;
}

test('exec gives the streams and the exit code of its command', { skip: noLive }, async (t) => {
  const machine = await createSubhosts(t);
  const ran = await machine.ob('exec', 'web', '--', 'sh', '-c', 'hostname; echo oh >&2; exit 9', '--version');
  assert.deepEqual(ran, { code: 9, stdout: 'web\n', stderr: 'oh\n' });
  assert.equal(await machine.sh(`cd /mnt; echo given | ${OB} exec db -- cat | tr a-z A-Z`), 'GIVEN');
  // As cron has it: no terminal, no HOME, no PATH.
  assert.equal(await machine.sh(`env -i $(command -v node) ${OB.slice(5)} exec db -- hostname </dev/null`), 'db');
});

test('what cannot be run inside is told in one line', { skip: noLive }, async (t) => {
  const machine = await createSubhosts(t);
  const cases = [
    [['web', '--', 'no-such'], 127, 'ob: cannot run no-such in web: exec no-such: No such file or directory\n'],
    [['web', '--', '/etc'], 126, 'ob: cannot run /etc in web: exec /etc: Permission denied\n'],
    [['web'], 64, 'ob: which command?\n    -> ob exec web -- COMMAND; a shell: ob enter web\n'],
    [
      ['wed', '--', 'true'],
      1,
      'ob: no subhost "wed" is running; did you mean "web"?\n    -> ob status; ob apply starts what has stopped\n',
    ],
  ] as const;
  for (const [words, code, stderr] of cases) assert.deepEqual(await machine.ob('exec', ...words), { code, stdout: '', stderr });
});

test('a name that two scopes have wants the scope', { skip: noLive }, async (t) => {
  const machine = await createSubhosts(t);
  machine.write('/mnt/other.yaml', 'scope: other\nsubhosts: { api: { base: api, start: none } }\n');
  await machine.ob('apply', 'other.yaml');
  assert.equal((await machine.ob('exec', 'api', '--scope', 'other', '--', 'hostname')).stdout, 'api\n');
  assert.equal((await machine.ob('exec', 'api', '--scope', 'default', '--', 'hostname')).code, 1);
});

test('enter opens a shell on a terminal of its own', { skip: noLive }, async (t) => {
  const machine = await createSubhosts(t);
  const ran = await machine.run('script', ['-qec', `${OB} enter web`, '/dev/null'], { input: 'hostname; tty; exit 5\n' });
  assert.equal(ran.code, 5, ran.stdout);
  assert.match(ran.stdout, /web\r\n\/dev\/pts\/0\r\n/);
});

test('a signal to ob is one to the command', { skip: noLive }, async (t) => {
  const machine = await createSubhosts(t);
  const running = machine.start('sh', [
    '-c',
    `exec ${OB} exec web -- sh -c 'trap "exit 7" TERM; echo ready; while :; do sleep 0.05; done'`,
  ]);
  await new Promise((resolve) => running.stdout?.once('data', resolve));
  const pid = await machine.sh(`for p in /proc/[0-9]*; do tr '\\0' ' ' <$p/cmdline | grep -q '^node .* exec web' && basename $p; done; :`);
  const ended = new Promise((resolve) => running.once('close', resolve));
  await machine.sh(`kill -TERM ${pid.trim()}`);
  assert.equal(await ended, 7);
});

test('the README of the reaper modes is the usage line', () => {
  const source = readFileSync(new URL('../../reaper/main.c', import.meta.url), 'utf8');
  const names = [...source.matchAll(/\{"([a-z-]+)", \w+\}/g)].map(([, name]) => name);
  assert.ok(source.includes(`"${names.join('|')} WORD..."`), names.join('|'));
});
