import assert from 'node:assert/strict';
import { dirname } from 'node:path';
import test, { type TestContext } from 'node:test';
import { createMachine, noLive, type Ran, type TestMachine } from '../machine.ts';
import { until } from '../reaper/rig.ts';
import { lacking } from './etc.ts';
import { HOSTS, holdApply, initsOf, isThere, letGo, linesOf, OB, type Started, startHeld, watch } from './helpers.ts';
import { createTerminal, visible } from './terminal.ts';

const NOBODY = 65534;
const AGAIN = 'ob: this needs root: running it again through sudo\n';
const noSudo = noLive ?? lacking('/usr/bin/sudo');

/** A machine on which nobody may run `ob`, at a place that nobody can read, and may become root by sudo. */
async function createUserMachine(t: TestContext): Promise<TestMachine & { asNobody: (...words: string[]) => Promise<Ran> }> {
  const machine = await createMachine(t);
  await machine.sh(`cp -r ${dirname(OB)} /mnt/dist && chmod -R a+rX /mnt/dist && mount -t tmpfs -o mode=755 tmpfs /etc/sudoers.d`);
  // The snapshot is good for one folder only; what is in it does not mind.
  await machine.sh("[ ! -e /mnt/dist/ob.node ] || sed -i '1s| .*| /mnt/dist|' /mnt/dist/ob.node");
  machine.write('/etc/sudoers.d/nobody', 'nobody ALL=(root) NOPASSWD: ALL\n');
  machine.write('/mnt/hosts.yaml', HOSTS);
  const asNobody = (...words: string[]): Promise<Ran> => machine.run('/mnt/dist/ob', words, { cwd: '/mnt', uid: NOBODY });
  return { ...machine, asNobody };
}

test('without root it runs itself again through sudo; words, output and exit codes go through', { skip: noSudo }, async (t) => {
  const machine = await createUserMachine(t);
  const { asNobody } = machine;
  const plan = await asNobody('plan', '--detailed-exitcode', '--limit', 'web');
  assert.deepEqual([plan.code, plan.stderr], [2, AGAIN]);
  assert.match(plan.stdout, /^\+ {3}bridge\/ob0 .*\nPlan: 5 to create; 0 unchanged\.\n$/s);
  const json = await asNobody('plan', '--json');
  assert.deepEqual([json.code, json.stderr], [0, AGAIN]);
  assert.equal(JSON.parse(linesOf(json.stdout)[0] ?? '').type, 'version');

  assert.equal((await asNobody('apply')).code, 0);
  assert.deepEqual(await initsOf(machine), ['ob:demo/client', 'ob:demo/web']);
  assert.equal((await asNobody('status')).code, 0);
  const bad = await asNobody('apply', 'nowhere.yaml');
  assert.deepEqual([bad.code, bad.stderr], [65, `${AGAIN}ob: nowhere.yaml: there is no such file\n`]);
  assert.deepEqual(await asNobody('aply'), {
    code: 64,
    stdout: '',
    stderr: 'ob: there is no command "aply"; did you mean "apply"?\n    -> ob --help\n',
  });
  assert.equal((await asNobody('destroy')).code, 0);
});

test('signals to the one that was called reach the one that is root', { skip: noSudo }, async (t) => {
  const machine = await createUserMachine(t);
  const start = (): Started => watch(machine.start('/mnt/dist/ob', ['apply'], { cwd: '/mnt', uid: NOBODY }));
  const held = await startHeld(machine, start);
  const called = await machine.sh(`pgrep -u nobody -f "[o]b(.js)? apply"`);
  assert.notEqual(Number(called), held.pid);
  await machine.sh(`kill -s TERM ${called}`);
  await until('it says so', () => held.said().includes('interrupted'));
  await letGo(machine);
  const { code, stdout } = await held.ended;
  assert.equal(code, 130);
  assert.match(stdout, /^made {5}process\/web( .*)?$/m);
});

test('Ctrl-C goes through sudo as well, and so does NO_COLOR', { skip: noSudo }, async (t) => {
  const machine = await createUserMachine(t);
  const terminal = await createTerminal(machine);
  const start = (): Started =>
    terminal.start('apply', { env: { NO_COLOR: '1' }, ob: `setpriv --reuid=${NOBODY} --clear-groups /mnt/dist/ob` });
  const held = await startHeld(machine, start);
  terminal.type('\u0003');
  await until('it says so', () => held.said().includes('interrupted'));
  await letGo(machine);
  const { code, stdout } = await held.ended;
  assert.equal(code, 130);
  assert.match(visible(stdout), /made {5}process\/web/);
  assert.doesNotMatch(visible(stdout), /\^\[\[\d+m/);
});

test('exit 75 goes through sudo, and the lock names the run that is root', { skip: noSudo }, async (t) => {
  const machine = await createUserMachine(t);
  const held = await holdApply(machine);
  const ran = await machine.asNobody('apply');
  assert.equal(ran.code, 75);
  assert.ok(ran.stderr.startsWith(`${AGAIN}ob: another run is under way: process ${held.pid} (ob apply)\n`), ran.stderr);
  await letGo(machine);
  await held.ended;
});

test('where sudo refuses, or is not there, that is said and nothing is done', { skip: noSudo }, async (t) => {
  const machine = await createUserMachine(t);
  await machine.sh('rm /etc/sudoers.d/nobody');
  const refused = await machine.asNobody('apply');
  assert.deepEqual([refused.code, refused.stdout], [1, '']);
  assert.match(refused.stderr, /^ob: this needs root: running it again through sudo\nsudo: /);

  await machine.sh('mount --bind /dev/null /usr/bin/sudo');
  const line = 'ob: this needs root, and there is no sudo on this machine\n    -> run it as root: su -c "ob ..."\n';
  for (const command of ['plan', 'apply', 'destroy', 'status']) {
    assert.deepEqual(await machine.asNobody(command), { code: 1, stdout: '', stderr: line });
  }
  const [, error] = linesOf((await machine.asNobody('apply', '--json')).stdout);
  assert.equal(JSON.parse(error ?? '').type, 'error');
  assert.equal(isThere(machine, '/var/lib/ob'), false);
});

test('validate, schema and help need no root', { skip: noSudo }, async (t) => {
  const machine = await createUserMachine(t);
  for (const words of [['validate'], ['validate', '/mnt/hosts.yaml'], ['schema'], ['--help'], ['apply', '--help'], ['--version']]) {
    const ran = await machine.asNobody(...words);
    assert.deepEqual([ran.code, ran.stderr], [0, ''], words.join(' '));
    assert.notEqual(ran.stdout, '');
  }
});
