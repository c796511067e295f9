import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { Subhost } from '../../src/resources/hosts.ts';
import { createLimitReader, limitsOf, needControllers, setLimits, showLimits, showSeen } from '../../src/resources/limits.ts';
import { findPlaces, type Places, whyNowhere } from '../../src/resources/linux/controllers.ts';
import { cgroupWord, groupsOf } from '../../src/resources/linux/groups.ts';
import { readLimit, writeLimit } from '../../src/resources/linux/limit-files.ts';
import { parseMounts } from '../../src/resources/linux/mountinfo.ts';
import { readOomKills, readUsage } from '../../src/resources/usage.ts';

const WEB = { scope: 'demo', name: 'web' };

/** A folder with these files: what the kernel said on a machine that has its controllers there. */
function createTree(t: TestContext, files: Readonly<Record<string, string>>): string {
  const root = mkdtempSync(join(tmpdir(), 'ob-limits-'));
  t.after(() => rmSync(root, { recursive: true }));
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(join(root, name, '..'), { recursive: true });
    writeFileSync(join(root, name), text);
  }
  return root;
}

/** Debian 12 with systemd, as read there; the root of the machine has no cgroup.events. */
const V2 = {
  'cgroup.controllers': 'cpuset cpu io memory hugetlb pids rdma misc\n',
  'cgroup.subtree_control': 'cpu memory pids\n',
  'cgroup.procs': '2\n3\n',
  'ob/cgroup.subtree_control': '\n',
  'ob/demo/cgroup.subtree_control': 'cpu io memory pids\n',
  'ob/demo/web/cgroup.procs': '41\n42\n',
  'ob/demo/web/cgroup.threads': '41\n42\n43\n',
  'ob/demo/web/pids.max': '2048\n',
  'ob/demo/web/pids.current': '3\n',
  'ob/demo/web/memory.max': '536870912\n',
  'ob/demo/web/memory.current': '1048576\n',
  'ob/demo/web/memory.events': 'low 0\nhigh 0\nmax 118\noom 2\noom_kill 2\noom_group_kill 0\n',
  'ob/demo/web/cpu.max': '150000 100000\n',
  'ob/demo/web/io.max': '254:0 rbps=20971520 wbps=max riops=max wiops=max\n8:16 rbps=max wbps=max riops=100 wiops=max\n',
};

function placesOf(root: string, text = `cgroup2 ${root} cgroup2 rw,nosuid,nsdelegate 0 0\n`): Places {
  return findPlaces(parseMounts(text));
}

test('controllers are found in the one tree, in trees of their own, or nowhere', (t) => {
  const root = createTree(t, V2);
  const show = (places: Places): string =>
    [...places].map(([name, { version, root: at }]) => `${name} v${version} ${at.replace(root, '')}`).join(', ');
  assert.equal(show(placesOf(root)), 'cpu v2 , io v2 , memory v2 , pids v2 ');
  const hybrid = `${[
    'tmpfs /sys/fs/cgroup tmpfs rw 0 0',
    'cgroup /sys/fs/cgroup/cpu,cpuacct cgroup rw,cpu,cpuacct 0 0',
    'cgroup /sys/fs/cgroup/blkio cgroup rw,blkio 0 0',
    'cgroup /sys/fs/cgroup/systemd cgroup rw,name=systemd 0 0',
    'cgroup /a:b cgroup rw,memory 0 0',
    'cgroup /sys/fs/cgroup/pids cgroup ro,pids 0 0',
  ].join('\n')}\n`;
  assert.equal(show(findPlaces(parseMounts(hybrid))), 'cpu v1 /sys/fs/cgroup/cpu,cpuacct, io v1 /sys/fs/cgroup/blkio');
  assert.equal(
    show(placesOf(root, `${hybrid}cgroup2 ${root} cgroup2 rw 0 0\n`)),
    'cpu v1 /sys/fs/cgroup/cpu,cpuacct, io v1 /sys/fs/cgroup/blkio, memory v2 , pids v2 ',
  );
  // In a container that is not the machine's root: its processes are in the way of what is not shared out already.
  writeFileSync(`${root}/cgroup.events`, 'populated 1\n');
  assert.equal(show(placesOf(root)), 'cpu v2 , memory v2 , pids v2 ');
  writeFileSync(`${root}/cgroup.procs`, '');
  assert.equal(show(placesOf(root)), 'cpu v2 , io v2 , memory v2 , pids v2 ');
  assert.equal(show(findPlaces([])), '');
});

test('limits are read as cgroup v2 shows them, and usage and kills too', (t) => {
  const root = createTree(t, V2);
  const places = placesOf(root);
  const seen = createLimitReader(places)(WEB, 41);
  assert.deepEqual(showLimits(seen), ['cpu 1.5', 'io 254:0 read 20M', 'memory 512M', 'pids 2048']);
  assert.deepEqual(readUsage(root, places, WEB), {
    memory: { bytes: 1 << 20, from: 'cgroup', limit: 512 << 20 },
    pids: { count: 3, limit: 2048 },
    oomKills: 2,
  });
  for (const [file, text] of [
    ['pids.max', 'max\n'],
    ['memory.max', 'max\n'],
    ['cpu.max', 'max 100000\n'],
    ['io.max', ''],
  ] as const)
    writeFileSync(`${root}/ob/demo/web/${file}`, text);
  assert.deepEqual(createLimitReader(places)(WEB, 41), {});
  assert.deepEqual(createLimitReader(places)({ ...WEB, name: 'db' }, 41), {});
  assert.deepEqual(groupsOf(places, WEB), []);
  assert.equal(cgroupWord(root, places, WEB), `${root}/ob/demo/web`);
});

test('limits are written as cgroup v2 takes them, and only what is needed is shared out on the way', (t) => {
  const root = createTree(t, { ...V2, 'ob/demo/web/io.max': '' });
  const places = placesOf(root);
  const read = (name: string): string => readFileSync(join(root, name), 'utf8');
  setLimits(places, WEB, { pids: 100, memory: 1 << 30, io: [{ device: '8:0', write: 1000 }] });
  const web = ['pids.max', 'memory.max', 'cpu.max', 'io.max'].map((file) => read(`ob/demo/web/${file}`));
  assert.deepEqual(web, ['100', '1073741824', 'max 100000', '8:0 rbps=max wbps=1000']);
});

test('a controller is shared out on the way down to a subhost, where it is not yet', (t) => {
  const root = createTree(t, V2);
  setLimits(placesOf(root), WEB, { pids: 2048 });
  const files = ['cgroup.subtree_control', 'ob/cgroup.subtree_control', 'ob/demo/cgroup.subtree_control'];
  const written = files.map((file) => readFileSync(join(root, file), 'utf8'));
  assert.deepEqual(written, ['cpu memory pids\n', '+pids', 'cpu io memory pids\n']);
});

test('limits are read and written as cgroup v1 has them, where PID 1 is in the group', (t) => {
  const root = createTree(t, {
    'ob/demo/web/cgroup.procs': '41\n42\n',
    'ob/demo/web/pids.max': '100\n',
    'ob/demo/web/memory.limit_in_bytes': '9223372036854771712\n',
    'ob/demo/web/memory.oom_control': 'oom_kill_disable 0\nunder_oom 0\noom_kill 3\n',
    'ob/demo/web/cpu.cfs_quota_us': '-1\n',
    'ob/demo/web/cpu.cfs_period_us': '100000\n',
    'ob/demo/web/blkio.throttle.read_bps_device': '254:0 1024\n',
    'ob/demo/web/blkio.throttle.write_bps_device': '254:0 4096\n254:16 1\n',
  });
  const places = findPlaces(parseMounts(`cgroup ${root} cgroup rw,cpu,memory,pids,blkio 0 0\n`));
  const folder = `${root}/ob/demo/web`;
  assert.deepEqual(showLimits(createLimitReader(places)(WEB, 42)), [
    'io 254:0 read 1k',
    'io 254:0 write 4k',
    'io 254:16 write 1',
    'pids 100',
  ]);
  assert.deepEqual(createLimitReader(places)(WEB, 43), {}, 'PID 1 is elsewhere');
  assert.equal(readOomKills(places, WEB), 3);
  assert.equal(cgroupWord('/unified', places, WEB), `/unified/ob/demo/web:${folder}`);
  setLimits(places, WEB, { memory: 4096, cpu: 0.25 });
  const files = ['pids.max', 'memory.limit_in_bytes', 'cpu.cfs_quota_us', 'cpu.cfs_period_us', 'blkio.throttle.write_bps_device'];
  assert.deepEqual(
    files.map((file) => readFileSync(`${folder}/${file}`, 'utf8')),
    ['max', '4096', '25000', '100000', '254:16 0'],
  );
  writeLimit(1, 'memory', folder, undefined);
  assert.equal(readLimit(1, 'memory', folder), undefined);
});

test('the default is not asked for where it cannot be kept, any other limit is', () => {
  const nowhere: Places = new Map();
  const web = { name: 'web' } as Subhost;
  assert.deepEqual(showLimits(limitsOf(web)), ['pids 2048']);
  assert.deepEqual(showSeen({}, nowhere, web), ['pids 2048']);
  needControllers(nowhere, web);
  const limited = { ...web, limits: { pids: 2048 } };
  assert.deepEqual(showSeen({}, nowhere, limited), []);
  assert.throws(() => needControllers(nowhere, limited), /^ObError: this machine cannot limit pids of web: /);
  needControllers(nowhere, { ...web, limits: { pids: null } });
});

test('why a controller is nowhere is said, with what to do', () => {
  const known = '#subsys_name\thierarchy\tnum_cgroups\tenabled\ncpu\t1\t1\t1\nmemory\t0\t1\t0\nblkio\t0\t90\t1\n';
  assert.match(whyNowhere('pids', known).why, /has no pids controller/);
  assert.match(whyNowhere('memory', known).hint, /cgroup_enable=memory/);
  assert.match(whyNowhere('cpu', known).hint, /mount -t cgroup -o cpu /);
  assert.match(whyNowhere('io', known).why, /holds processes/);
});
