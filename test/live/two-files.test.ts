import assert from 'node:assert/strict';
import test from 'node:test';
import { noLive } from '../machine.ts';
import { assertSame } from '../snapshot.ts';
import { createRig, type Rig, textOf } from './rig.ts';
import { startWatching } from './watching.ts';

/** Both have a cable in the administrator's bridge, beside one in a bridge of their own. */
function hosts(scope: string, bridge: string, names: readonly string[]): string {
  const subhosts = names.map(
    (name) => `\n  ${name}: { base: /mnt/${name}, cables: [{ bridge: ${bridge} }, { bridge: br0 }], start: none }`,
  );
  return `scope: ${scope}\nbridges: { ${bridge}: {} }\nsubhosts:${subhosts.join('') || ' {}'}\n`;
}

const BOTH = hosts('demo', 'ob0', ['web', 'client']);

/** All that the other file's subhost is and is known by: were it touched, some of it would be new. */
function identityOf({ machine }: Rig): Promise<string> {
  return machine.sh(`cat /sys/fs/cgroup/ob/other/mail/cgroup.procs; stat -c '%i' /run/netns/mail
    ip -o link show | grep -E 'mail|ob1' | cut -d: -f1,2; ip -n mail -o link show | cut -d: -f1,2
    grep ob:other/mail /proc/self/mountinfo`);
}

test('two files on one machine: each run keeps its own, and never touches those of the other', { skip: noLive }, async (t) => {
  const rig = await createRig(t);
  const { machine } = rig;
  await machine.sh('ip link add br0 address 02:00:00:00:00:b0 up type bridge');
  rig.hosts(BOTH);
  machine.write('/mnt/other.yaml', hosts('other', 'ob1', ['mail']));
  const nothing = await rig.snapshot();
  const watching = [await startWatching(t, rig), await startWatching(t, rig, 'other.yaml')] as const;
  const [own, other] = watching;
  for (const name of ['web', 'client']) await own.line(`${name} is made`, ({ address }) => address === `process/${name}`);
  await other.line('mail is made', ({ address }) => address === 'process/mail');
  const mail = await identityOf(rig);

  await t.test('what drifts is repaired by the run of its own file', async () => {
    await machine.sh('ip link set web0 down; ip link set mail0 down');
    await own.line('web0 is up', ({ address, action }) => address === 'veth/web0' && action === 'update');
    await other.line('mail0 is up', ({ address, action }) => address === 'veth/mail0' && action === 'update');
    for (const file of ['hosts.yaml', 'other.yaml'])
      assert.deepEqual(await machine.ob('apply', '--quiet', '--lock-timeout', '60', file), { code: 0, stdout: '', stderr: '' });
  });

  await t.test('who leaves one file is removed, and nobody else', async () => {
    const client = rig.pid1('client');
    rig.hosts(hosts('demo', 'ob0', ['client']));
    await own.line('web is removed', ({ address, action }) => address === 'process/web' && action === 'remove');
    assert.deepEqual([rig.pid1('client'), await identityOf(rig)], [client, mail]);
  });

  await t.test('a file that is emptied removes nothing without the order to, and then all of its own', async () => {
    rig.hosts(hosts('demo', 'ob0', []));
    await own.line('that all would be removed', ({ type, message = '' }) => type === 'error' && /all would be removed/.test(message));
    const client = rig.pid1('client');
    const refused = await machine.ob('apply', '--quiet', '--lock-timeout', '60');
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, /-> --allow-empty if that is what you want/);
    assert.equal(rig.pid1('client'), client);
    const ran = await machine.ob('apply', '--allow-empty', '--lock-timeout', '60');
    assert.equal(ran.code, 0, textOf(ran));
    assert.equal(await machine.sh('cd /sys/fs/cgroup/ob; echo */'), 'other/');
  });

  for (const one of watching) one.signal('SIGTERM');
  for (const { ended } of watching) assert.deepEqual(await ended, { code: 0, stderr: '' });
  const said = (of: typeof own): string[] => of.lines().flatMap(({ address }) => address ?? []);
  assert.deepEqual([said(own).filter((one) => /mail|ob1/.test(one)), said(other).filter((one) => !/mail|ob1/.test(one))], [[], []]);
  assert.equal(await identityOf(rig), mail, 'what is of the other file was touched');
  for (const file of ['hosts.yaml', 'other.yaml']) assert.equal((await machine.ob('destroy', file)).code, 0);
  assertSame(await rig.snapshot(), nothing, 'something is left');
});

test('a link that has lost its alias is that of its own file, whoever looks', { skip: noLive }, async (t) => {
  const rig = await createRig(t);
  const { machine } = rig;
  await machine.sh('ip link add br0 address 02:00:00:00:00:b0 up type bridge');
  rig.hosts(BOTH);
  machine.write('/mnt/other.yaml', hosts('other', 'ob1', ['mail']).replace('bridges: {', 'bridges: { ob2: {},'));
  for (const file of ['hosts.yaml', 'other.yaml']) await rig.apply(file);
  await machine.sh('for link in mail0 ob1 ob2; do ip link set $link alias uplink; done');
  await rig.settled();
  const planned = await machine.ob('plan', 'other.yaml');
  assert.match(planned.stdout, /^Plan: 3 to update; \d+ unchanged\.$/m);
  const ran = await machine.ob('destroy', 'hosts.yaml');
  assert.equal(ran.code, 0, textOf(ran));
  const left = async (): Promise<string> => machine.sh("ip -br link show group 28514 | tr '@' ' ' | cut -d' ' -f1 | sort | xargs");
  assert.equal(await left(), 'mail0 mail1 ob1 ob2');
  assert.equal((await machine.ob('destroy', 'other.yaml')).code, 0);
  assert.equal(await left(), '');
});
