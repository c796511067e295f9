import assert from 'node:assert/strict';
import test from 'node:test';
import { noLive } from '../machine.ts';
import { assertSame } from '../snapshot.ts';
import { type Change, checkChanges } from './fields.ts';
import { createRig, PID1, textOf } from './rig.ts';

const HOSTS = `scope: demo
subhosts:
  web:
    base: /mnt/web
    lower: /
    start: [/bin/true]
    ram_size: 50M
  client:
    base: /mnt/client
    start: none
    ram_size: 1M
`;

/** Another tree with the machine's programs in it, and files that tell the folders from one another. */
const PREPARE = `
  mkdir /mnt/tree /mnt/other /mnt/other/root
  mount --bind / /mnt/tree
  echo other >/mnt/other/root/upper-is`;

const STARTED = `${PID1}; tr '\\0' ' ' </proc/$(pid1 web)/cmdline | cut -d' ' -f7-`;
const RUN_SIZE = `${PID1}; grep ' /run ' /proc/$(pid1 web)/mountinfo | grep -o 'size=.*k' || echo none`;
const layer = (name: string): string => `grep -c ' ${name} ' /proc/mounts || true`;
const option = (name: string): string =>
  `${PID1}; for at in self $(pid1 web); do grep 'ob:demo/web[^ ]* rw,' /proc/$at/mountinfo | grep overlay | grep -o '${name}=[^,]*'; done`;
const SUBHOSTS = `cd /sys/fs/cgroup/ob/demo; echo */; cd /run/netns; echo *; grep -o 'ob:demo/[a-z]*' /proc/mounts | sort | paste -sd' '`;

const CHANGES: readonly Change[] = [
  {
    what: 'a start entry is added',
    edits: [['[/bin/true]', '[/bin/true, /bin/echo]']],
    see: STARTED,
    before: '000:/bin/true',
    after: '000:/bin/true 000:/bin/echo',
  },
  {
    what: 'a start entry is another one',
    edits: [['[/bin/true]', '[/bin/echo]']],
    see: STARTED,
    before: '000:/bin/true',
    after: '000:/bin/echo',
  },
  {
    what: 'nothing is started any more',
    edits: [['[/bin/true]', '[]']],
    see: STARTED,
    before: '000:/bin/true',
    after: '',
  },
  {
    what: '/run has another size',
    edits: [['50M', '20M']],
    see: RUN_SIZE,
    before: 'size=51200k',
    after: 'size=20480k',
  },
  {
    what: '/run is no longer in memory',
    edits: [['50M', 'none']],
    see: RUN_SIZE,
    before: 'size=51200k',
    after: 'none',
  },
  {
    what: 'lower is another tree',
    edits: [['lower: /\n', 'lower: /mnt/tree\n']],
    see: `{ ${option('lowerdir')}; } | sed 's,/run/ob/hide/machine[^:]*,HIDE,'`,
    before: 'lowerdir=HIDE:/\nlowerdir=HIDE:/',
    after: 'lowerdir=/mnt/tree\nlowerdir=/mnt/tree',
  },
  {
    what: 'more is hidden of lower',
    edits: [['lower: /\n', 'lower: /\n    hide: [/etc/passwd]\n']],
    see: 'ls /mnt/web/live/etc | grep -c "^passwd$" || true',
    before: '1',
    after: '0',
  },
  {
    what: 'upper is another folder',
    edits: [['base: /mnt/web\n', 'base: /mnt/web\n    upper: /mnt/other/root\n']],
    see: `${option('upperdir')}; cat /proc/$(pid1 web)/root/upper-is 2>/dev/null || echo mine`,
    before: 'upperdir=/mnt/web/root\nupperdir=/mnt/web/root\nmine',
    after: 'upperdir=/mnt/other/root\nupperdir=/mnt/other/root\nother',
  },
  {
    what: 'work is another folder',
    edits: [['base: /mnt/web\n', 'base: /mnt/web\n    work: elsewhere\n']],
    see: option('workdir'),
    before: 'workdir=/mnt/web/work\nworkdir=/mnt/web/work',
    after: 'workdir=/mnt/web/elsewhere\nworkdir=/mnt/web/elsewhere',
  },
  {
    what: 'live is another folder',
    edits: [['base: /mnt/web\n', 'base: /mnt/web\n    live: /mnt/seen\n']],
    see: `${layer('/mnt/web/live')}; ${layer('/mnt/seen')}`,
    before: '1\n0',
    after: '0\n1',
  },
  {
    what: 'base is another folder',
    edits: [['base: /mnt/web\n', 'base: /mnt/other\n']],
    see: `${option('upperdir')}; ${layer('/mnt/web/live')}; ${layer('/mnt/other/live')}`,
    before: 'upperdir=/mnt/web/root\nupperdir=/mnt/web/root\n1\n0',
    after: 'upperdir=/mnt/other/root\nupperdir=/mnt/other/root\n0\n1',
  },
  {
    what: 'a subhost is added',
    edits: [['  client:\n', '  third: { base: /mnt/third, start: none }\n  client:\n']],
    see: SUBHOSTS,
    before: 'client/ web/\nclient web\nob:demo/client ob:demo/web',
    after: 'client/ third/ web/\nclient third web\nob:demo/client ob:demo/third ob:demo/web',
  },
  {
    what: 'a subhost is removed',
    edits: [['  client:\n    base: /mnt/client\n    start: none\n    ram_size: 1M\n', '']],
    see: SUBHOSTS,
    before: 'client/ web/\nclient web\nob:demo/client ob:demo/web',
    after: 'web/\nweb\nob:demo/web',
  },
  {
    what: 'a subhost gets another name, and keeps its folders',
    edits: [['  client:\n', '  guest:\n']],
    see: SUBHOSTS,
    before: 'client/ web/\nclient web\nob:demo/client ob:demo/web',
    after: 'guest/ web/\nguest web\nob:demo/guest ob:demo/web',
  },
  {
    what: 'two subhosts swap their folders',
    edits: [
      ['base: /mnt/web', 'base: /mnt/x'],
      ['base: /mnt/client', 'base: /mnt/web'],
      ['base: /mnt/x', 'base: /mnt/client'],
    ],
    see: option('upperdir'),
    before: 'upperdir=/mnt/web/root\nupperdir=/mnt/web/root',
    after: 'upperdir=/mnt/client/root\nupperdir=/mnt/client/root',
  },
];

test('a change of a subhost is planned, made and taken back', { skip: noLive }, (t) =>
  checkChanges(t, { plans: 'subhosts.txt', hosts: HOSTS, prepare: PREPARE, changes: CHANGES }),
);

test('another scope is another world', { skip: noLive }, async (t) => {
  const rig = await createRig(t);
  rig.hosts(HOSTS);
  await rig.apply();
  const before = await rig.snapshot({ folders: ['/mnt/web', '/mnt/client'] });
  const others = (text: string): string => text.replace('scope: demo', 'scope: other');

  rig.hosts(others(HOSTS));
  const ran = await rig.machine.ob('apply');
  assert.equal(ran.code, 1, textOf(ran));
  assert.match(ran.stdout, /in the way: network namespace web exists and belongs to ob:demo\/web/);
  assertSame(await rig.snapshot({ folders: ['/mnt/web', '/mnt/client'] }), before, 'the same names in another scope');

  rig.hosts(others(HOSTS).replace(/(web|client)/g, '$1x'));
  await rig.apply();
  await rig.settled();
  assert.equal((await rig.machine.ob('destroy')).code, 0);
  assertSame(await rig.snapshot({ folders: ['/mnt/web', '/mnt/client'] }), before, 'other names in another scope');

  rig.hosts(HOSTS);
  await rig.settled();
});
