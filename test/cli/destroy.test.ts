import assert from 'node:assert/strict';
import test, { type TestContext } from 'node:test';
import { createMachine, noLive, type Ran, type TestMachine } from '../machine.ts';
import { HOSTS, initsOf, OB } from './helpers.ts';

/** Another scope beside the file's, with a subhost of its own. */
const OTHER = `scope: other
defaults: { start: none }
subhosts: { mail: { base: /var/lib/ob/mail } }
`;

async function machineWithBoth(t: TestContext): Promise<TestMachine> {
  const machine = await createMachine(t);
  machine.write('/mnt/hosts.yaml', HOSTS);
  machine.write('/mnt/other.yaml', OTHER);
  for (const file of ['hosts.yaml', 'other.yaml']) assert.equal((await machine.ob('apply', file)).code, 0);
  return machine;
}

function assertRefused(ran: Ran, code: number, stderr: string): void {
  assert.deepEqual([ran.code, ran.stdout, ran.stderr], [code, '', stderr]);
}

test('destroy NAME takes that subhost, FILE NAME... those of that file, and again is no failure', { skip: noLive }, async (t) => {
  const machine = await machineWithBoth(t);
  for (const again of [false, true]) {
    const ran = await machine.ob('destroy', 'web');
    assert.deepEqual([ran.code, ran.stderr], [0, '']);
    assert.match(ran.stdout, again ? /^Nothing to do: nothing is there\.\n$/ : /^Plan: 4 to remove; 0 unchanged\.$/m);
    assert.deepEqual(await initsOf(machine), ['ob:demo/client', 'ob:other/mail']);
  }
  assert.match(await machine.sh('ip -br link show ob0'), /^ob0/, 'a bridge is shared');
  assert.ok((await machine.sh('ls /var/lib/ob/web')).includes('root'), 'upper stays');

  assert.equal((await machine.ob('destroy', './other.yaml', 'mail')).code, 0);
  assert.deepEqual(await initsOf(machine), ['ob:demo/client']);
  assert.equal((await machine.ob('apply')).code, 0);
  assert.equal((await machine.ob('destroy', 'hosts.yaml', 'client', 'web')).code, 0);
  assert.deepEqual(await initsOf(machine), []);
  for (let times = 0; times < 2; times++) assert.equal((await machine.ob('destroy')).code, 0);
  assert.equal(await machine.sh('ip -br link | grep -v ^lo || true'), '');
  assert.equal(await machine.sh('ls /run/netns 2>/dev/null || true'), '');
});

test('a name that neither file nor machine knows is refused, before anything is done', { skip: noLive }, async (t) => {
  const machine = await machineWithBoth(t);
  assertRefused(await machine.ob('destroy', 'web', 'cleint'), 64, 'ob: nothing of a subhost "cleint" is there; did you mean "client"?\n');
  assertRefused(await machine.ob('destroy', 'mail'), 64, 'ob: mail belongs to scope "other"\n    -> --scope other\n');
  // What is shared is no subhost, though it carries a mark.
  assertRefused(await machine.ob('destroy', 'ob0'), 64, 'ob: nothing of a subhost "ob0" is there; known are client, web\n');
  assertRefused(await machine.ob('destroy', '--scope', 'demo', 'mail'), 64, 'ob: mail belongs to scope "other"\n    -> --scope other\n');
  await machine.sh('rm /mnt/hosts.yaml');
  assertRefused(await machine.ob('destroy', 'wxb'), 64, 'ob: nothing of a subhost "wxb" is there; did you mean "web"?\n');
  assert.deepEqual(await initsOf(machine), ['ob:demo/client', 'ob:demo/web', 'ob:other/mail']);
});

test('destroy NAME needs no file: it may be broken, gone with its folder, or hide the name in another scope', {
  skip: noLive,
}, async (t) => {
  const machine = await machineWithBoth(t);
  machine.write('/mnt/hosts.yaml', 'subhosts: { web: {');
  assert.equal((await machine.ob('destroy', 'web')).code, 0);
  assert.deepEqual(await initsOf(machine), ['ob:demo/client', 'ob:other/mail']);

  await machine.sh('rm /mnt/hosts.yaml');
  assert.equal((await machine.ob('destroy', 'client')).code, 0);
  assert.deepEqual(await initsOf(machine), ['ob:other/mail']);

  // Standing in a folder that is no more.
  const gone = await machine.run('sh', [
    '-c',
    `mkdir /mnt/gone && cd /mnt/gone && rmdir /mnt/gone && exec ${process.execPath} ${OB}.js destroy mail`,
  ]);
  assert.deepEqual([gone.code, gone.stderr], [0, '']);
  assert.deepEqual(await initsOf(machine), []);
});

test('without a name the scope must be certain: a good file, or --scope', { skip: noLive }, async (t) => {
  const machine = await machineWithBoth(t);
  machine.write('/mnt/hosts.yaml', 'subhosts: 7\n');
  const hint = '    -> without a good file, name the scope: --scope demo|other\n';
  assertRefused(await machine.ob('destroy'), 65, `hosts.yaml:1:11: keys and values are wanted here, not a number\n${hint}`);
  assertRefused(await machine.ob('destroy', 'nowhere.yaml'), 65, `ob: nowhere.yaml: there is no such file\n${hint}`);

  const typo = await machine.ob('destroy', '--scope', 'dmo');
  assert.deepEqual([typo.code, typo.stderr], [0, 'ob: nothing of scope "dmo" is there; did you mean "demo"?\n']);
  assert.equal(typo.stdout, 'Nothing to do: nothing is there.\n');
  assert.equal((await initsOf(machine)).length, 3);

  assert.equal((await machine.ob('destroy', '--scope', 'demo')).code, 0);
  assert.deepEqual(await initsOf(machine), ['ob:other/mail']);
  assert.equal((await machine.ob('destroy', '--scope', 'other', 'mail')).code, 0);
  const none = await machine.ob('destroy');
  assert.match(none.stderr, /-> nothing on this machine carries a mark of ob\n$/);
});

test('status shows a scope from its marks alone, with what the page on apply promises', { skip: noLive }, async (t) => {
  const machine = await machineWithBoth(t);
  await machine.sh('rm /mnt/hosts.yaml');
  const ran = await machine.ob('status', '--scope', 'demo', '--json');
  assert.deepEqual([ran.code, ran.stderr], [0, '']);
  const list = JSON.parse(ran.stdout) as Record<string, unknown>[];
  assert.deepEqual(
    list.map((one) => Object.keys(one)),
    Array(2).fill([
      ...['name', 'scope', 'state', 'pid1', 'uptime_s', 'memory_bytes', 'memory_from', 'memory_limit_bytes'],
      ...['pids', 'pids_limit', 'oom_kills'],
      ...['cables', 'services', 'ended', 'conditions', 'notes'],
    ]),
  );
  const [client] = list;
  const { pid1, uptime_s, memory_bytes, pids, pids_limit, conditions, ...rest } = client ?? {};
  // The default, where the machine can keep it.
  assert.ok(pids_limit === null || pids_limit === 2048);
  assert.ok(Number(memory_bytes) > 0 && pids === 2 && Array.isArray(conditions));
  assert.deepEqual(rest, {
    name: 'client',
    scope: 'demo',
    state: 'running',
    memory_from: 'processes',
    memory_limit_bytes: null,
    oom_kills: 0,
    cables: [{ name: 'client0', state: 'up', bridge: 'ob0' }],
    services: [],
    ended: null,
    notes: [],
  });
  assert.match(machine.read(`/proc/${pid1}/cmdline`), /ob:demo\/client/);
  assert.ok(typeof uptime_s === 'number' && uptime_s >= 0 && uptime_s < 60);

  const table = await machine.ob('status', '--scope', 'demo');
  assert.match(
    table.stdout,
    /^NAME +STATE +PID1 +UPTIME +CABLES +SERVICES +MEMORY +PIDS\nclient +running +\d+ +\d+s +1\/1 +0\/0 +\d+[KM] +2\nweb /,
  );
  const unknown = await machine.ob('status', '--scope', 'dmo', '--json');
  assert.deepEqual([unknown.code, unknown.stdout], [0, '[]\n']);
  assert.equal(unknown.stderr, 'ob: nothing of scope "dmo" is there; did you mean "demo"?\n');
});

test('destroy takes away the empty folders that a killed run has left', { skip: noLive }, async (t) => {
  const machine = await createMachine(t);
  machine.write('/mnt/hosts.yaml', HOSTS);
  const folders = ['/run/netns', '/sys/fs/cgroup/ob'];
  const left = (): Promise<string> => machine.sh(`ls -d ${folders.join(' ')} 2>/dev/null || :`);
  await machine.sh('mkdir -p /run/netns /sys/fs/cgroup/ob/demo');
  assert.equal(await left(), folders.join('\n'));
  assert.equal((await machine.ob('destroy')).code, 0);
  assert.equal(await left(), '');
});
