import assert from 'node:assert/strict';
import test from 'node:test';
import { createMachine, noLive, type Ran } from '../machine.ts';
import { coverEtc } from './etc.ts';
import { HOSTS, linesOf, OB } from './helpers.ts';

function addressesIn({ stdout }: Ran): string[] {
  return linesOf(stdout).flatMap((line) => /^\S+ +(\w+\/\w+)/.exec(line)?.[1] ?? []);
}

test('the hosts file is ./hosts.yaml, else /etc/ob/hosts.yaml, else there is an error that says so', { skip: noLive }, async (t) => {
  const machine = await createMachine(t);
  await coverEtc(machine, 'sysvinit');
  await machine.sh('mkdir /mnt/here /etc/ob');
  const validate = (): Promise<Ran> => machine.run(OB, ['validate'], { cwd: '/mnt/here' });

  const none = await validate();
  assert.deepEqual([none.code, none.stdout], [65, '']);
  assert.equal(
    none.stderr,
    'ob: no hosts file: neither ./hosts.yaml nor /etc/ob/hosts.yaml is there\n    -> name it: ob COMMAND FILE; fixtures/hosts.yaml is one to begin with\n',
  );

  machine.write('/etc/ob/hosts.yaml', HOSTS);
  assert.match((await validate()).stdout, /^\/etc\/ob\/hosts.yaml: fine: 2 subhosts/);
  machine.write('/mnt/here/hosts.yaml', 'subhosts: {}\n');
  assert.match((await validate()).stdout, /^hosts.yaml: fine: 0 subhosts/);
  await machine.sh('rm /mnt/here/hosts.yaml && ln -s gone /mnt/here/hosts.yaml');
  const broken = await validate();
  assert.equal(broken.code, 65);
  assert.match(broken.stderr, /^ob: hosts\.yaml: /, 'another file was taken for it');
});

test('every exit code means what the page on apply says', { skip: noLive }, async (t) => {
  const machine = await createMachine(t);
  machine.write('/mnt/hosts.yaml', HOSTS);
  const codeOf = async (...words: string[]): Promise<number | null> => (await machine.ob(...words)).code;

  assert.equal(await codeOf('plan'), 0);
  assert.equal(await codeOf('plan', '--detailed-exitcode'), 2);
  assert.equal(await codeOf('status'), 1, 'absent is not well');
  assert.equal(await codeOf('apply'), 0);
  assert.equal(await codeOf('plan', '--detailed-exitcode'), 0);
  assert.equal(await codeOf('apply'), 0);
  assert.equal(await codeOf('status'), 0);

  machine.write('/mnt/hosts.yaml', HOSTS.replace('10.77.0.3', '10.77.0.333'));
  for (const command of ['plan', 'apply', 'status', 'validate']) assert.equal(await codeOf(command), 65, command);

  // A link that is not ours in the place of one of ours, and a start command that fails.
  machine.write('/mnt/hosts.yaml', HOSTS.replace('  web:', '  other: { base: /var/lib/ob/other, cables: [{}] }\n  web:'));
  await machine.sh('ip link add other0 type bridge');
  for (const words of [['plan'], ['plan', '--detailed-exitcode'], ['apply']]) assert.equal(await codeOf(...words), 1, words.join(' '));
  machine.write('/mnt/hosts.yaml', HOSTS.replace('  web:', '  other: { base: /var/lib/ob/other, start: [nonsense] }\n  web:'));
  assert.equal(await codeOf('apply'), 1);
  assert.equal(await codeOf('destroy'), 0);
});

test('a file without subhosts removes all of its scope only when told so', { skip: noLive }, async (t) => {
  const machine = await createMachine(t);
  machine.write('/mnt/hosts.yaml', HOSTS);
  assert.equal((await machine.ob('apply')).code, 0);
  machine.write('/mnt/hosts.yaml', 'scope: demo\nsubhosts: {}\n');
  const refused = await machine.ob('apply');
  assert.deepEqual([refused.code, refused.stdout], [1, '']);
  assert.match(
    refused.stderr,
    /^ob: hosts.yaml names no subhost, and 9 resources of scope "demo" are there: all would be removed\n {4}-> --allow-empty/,
  );
  const planned = await machine.ob('plan', '--detailed-exitcode');
  assert.equal(planned.stderr, refused.stderr.replace('ob: ', 'ob: note: apply refuses this: '));
  assert.deepEqual([planned.code, planned.stdout.split('\n').at(-2)], [2, 'Plan: 9 to remove; 0 unchanged.']);
  assert.equal((await machine.ob('status', '--scope', 'demo')).code, 0);
  assert.equal((await machine.ob('apply', '--allow-empty')).code, 0);
  assert.equal((await machine.ob('apply')).stdout, 'Nothing to do: nothing is there.\n');
  assert.equal((await machine.ob('plan')).stderr, '');
});

test('--limit takes the named subhosts and what they need; it may be repeated', { skip: noLive }, async (t) => {
  const machine = await createMachine(t);
  machine.write('/mnt/hosts.yaml', `${HOSTS}  third: { base: /var/lib/ob/third }\n`);
  const own = (name: string): string[] =>
    ['netns', 'veth', 'mount', 'process'].map((kind) => `${kind}/${name}${kind === 'veth' ? '0' : ''}`);

  assert.deepEqual(addressesIn(await machine.ob('plan', '--limit', 'web')), ['bridge/ob0', ...own('web')]);
  const both = ['bridge/ob0', ...own('client'), ...own('web')];
  assert.deepEqual(addressesIn(await machine.ob('plan', '--limit', 'web,client')), both);
  assert.deepEqual(addressesIn(await machine.ob('plan', '--limit', 'web', '--limit=client')), both);
  assert.equal((await machine.ob('apply', '--limit', 'web', '--limit', 'client')).code, 0);
  assert.equal(await machine.sh('ls /var/lib/ob'), 'client\nweb');

  for (const command of ['plan', 'apply']) {
    const ran = await machine.ob(command, '--limit', 'web,cleint');
    assert.deepEqual([ran.code, ran.stdout], [64, '']);
    assert.match(ran.stderr, /^ob: there is no subhost "cleint"; did you mean "client"\?\n$/);
  }
});
