import assert from 'node:assert/strict';
import test from 'node:test';
import { parseConfinement } from '../../src/resources/confinement.ts';
import type { MountNamespace } from '../../src/resources/linux/holders.ts';
import { parseInsides } from '../../src/resources/linux/inside.ts';
import { parseMountinfo } from '../../src/resources/linux/mountinfo.ts';
import { parseInits } from '../../src/resources/live-init.ts';
import { createMachine, noLive, REAPER } from '../machine.ts';

const HOSTS = `scope: demo
subhosts:
  web: { base: /mnt/web, start: [/bin/true, "/bin/false"] }
  worker: { base: /mnt/worker, start: none }
`;

test('the reaper tells of each PID 1 what /proc tells', { skip: noLive }, async (t) => {
  const machine = await createMachine(t);
  machine.write('/mnt/hosts.yaml', HOSTS);
  await machine.ob('apply', 'hosts.yaml');
  const look = await machine.run(REAPER, ['look', '/', '/sys/fs/cgroup/ob', 'demo/gone', 'demo/web', 'demo/worker']);
  const inits = parseInits(look.stdout.split('\n'));
  assert.deepEqual([...inits.keys()], ['ob:demo/web', 'ob:demo/worker']);
  for (const name of ['web', 'worker']) {
    const init = inits.get(`ob:demo/${name}`);
    const of = (path: string): Promise<string> => machine.sh(`cat /proc/${init?.pid}/${path}`);
    assert.equal(init?.cgroup, `/ob/demo/${name}`);
    assert.equal(init.hostname, name);
    assert.equal(String(init.ticks), (await of('stat')).split(' ')[21]);
    assert.equal(`net:[${init.netns}]`, await machine.sh(`readlink /proc/${init.pid}/ns/net`));
    assert.deepEqual(init.mounts, parseMountinfo(await of('mountinfo')));
    assert.deepEqual(init.confinement, parseConfinement(await of('status')));
    const listed = await machine.sh(`cd /proc/${init.pid}/root/dev && find . -mindepth 1 -maxdepth 1 '(' -type c -o -type l ')'`);
    assert.deepEqual([...(init.devices ?? [])].sort(), listed.replaceAll('./', '').split('\n').sort());
  }
  assert.deepEqual(
    inits.get('ob:demo/web')?.entries.map(({ name, state }) => [name, state]),
    [
      ['/bin/true', '000'],
      ['/bin/false', '001'],
    ],
  );

  await t.test('or less of it, for who takes it away', async () => {
    const told = await machine.run(REAPER, ['glance', 'web', '/', '/sys/fs/cgroup/ob', 'demo/gone', 'demo/web', 'demo/worker']);
    const lines = told.stdout.split('\n');
    const { links = [], routes } = parseInsides(lines.slice(0, 2)).get('web') ?? {};
    assert.deepEqual([links.map(({ name, alias, addresses }) => [name, alias, addresses]), routes], [[['lo', 'ob:demo/web', []]], []]);
    const plain = (map: ReturnType<typeof parseInits>) =>
      [...map].map(([mark, { devices, hostname, ...init }]) => [mark, { ...init, mounts: [], uptimeSeconds: 0 }]);
    const brief = parseInits(lines.slice(2));
    for (const init of brief.values()) assert.deepEqual([init.mounts, init.devices, init.hostname], [[], undefined, undefined]);
    assert.deepEqual(plain(brief), plain(inits));
  });
});

const WRITTEN = {
  pid: 40,
  arguments: ['/.reaper', 'ob:demo/web', '0', '90000', '10000', 'runs:00'],
  status: 'Uid:\t0\t0\t0\t0\nNSpid:\t40\t1\n',
  stat: '40 (.reaper) S 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 1 0 77 0\n',
  netns: 'net:[4026532281]',
  first: 0,
  mounts: [],
};

test('what only calls itself the PID 1 of a subhost is none', () => {
  const read = (change: Partial<typeof WRITTEN>, owner = 'demo/web'): string[] => [
    ...parseInits([owner, JSON.stringify({ ...WRITTEN, ...change }), '']).keys(),
  ];
  assert.deepEqual(read({}), ['ob:demo/web']);
  assert.deepEqual(read({ arguments: ['/.reaper', 'ob:demo/other', ...WRITTEN.arguments.slice(2)] }), []);
  assert.deepEqual(read({}, 'demo/other'), []);
  assert.deepEqual(read({ arguments: ['/.reaper'] }), []);
  assert.deepEqual(read({ status: WRITTEN.status.replace('40\t1', '40\t7\t1') }), [], 'deeper');
  assert.deepEqual(read({ status: WRITTEN.status.replace('0\t', '1000\t') }), [], 'of another user');
  assert.deepEqual(read({ stat: '' }), [], 'ended');
  assert.throws(() => parseInits(['demo/web', '{"pid":40,"argum']), /not its own/);
});

test('the mount namespace of what only calls itself a PID 1 is one of all that there are', () => {
  const mounts = [86, '0:44', '/ / rw - overlay mine rw,upperdir=/u'];
  const read = (change: object): Map<number, MountNamespace> => {
    const namespaces = new Map<number, MountNamespace>();
    parseInits(['demo/other', JSON.stringify({ ...WRITTEN, mounts, mountns: 7, ...change }), ''], [], namespaces);
    return namespaces;
  };
  assert.deepEqual(
    [...read({})].map(([pid, { number, mounts }]) => [pid, number, mounts?.map(({ device }) => device)]),
    [[40, 7, ['0:44']]],
  );
  assert.equal(read({ mounts: [] }).get(40)?.mounts, undefined, 'in brief none is told, and there is one in each');
  assert.deepEqual([...read({ mountns: undefined })], []);
});
