import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import test from 'node:test';
import { MASKED } from '../../src/resources/masks.ts';
import { noLive } from '../machine.ts';
import { createRig, inside, type Rig, script } from './rig.ts';

const TMPFS = 'ro,nosuid,nodev,noexec,relatime tmpfs ob:t/web rw,nr_inodes=1,mode=555';
const NULL = 'ro,nosuid,noexec,relatime tmpfs ob:t/web rw,size=256k,nr_inodes=128,mode=755';
const PROC = 'ro,nosuid,nodev,noexec,relatime proc ob:t/web rw';

/** How reaper/masks.c is to mask each place, and what mount that is; which of them there are is the kernel's to say. */
const MASKS: Readonly<Record<string, readonly [access: string, mount: string]>> = {
  '/proc/acpi': ['COVERED', TMPFS],
  '/proc/asound': ['COVERED', TMPFS],
  '/proc/bus': ['READ_ONLY', PROC],
  '/proc/fs': ['READ_ONLY', PROC],
  '/proc/irq': ['READ_ONLY', PROC],
  '/proc/kcore': ['COVERED', NULL],
  '/proc/keys': ['COVERED', NULL],
  '/proc/kmsg': ['COVERED', NULL],
  '/proc/latency_stats': ['COVERED', NULL],
  '/proc/sched_debug': ['COVERED', NULL],
  '/proc/scsi': ['COVERED', TMPFS],
  '/proc/sys': ['READ_ONLY', PROC],
  '/proc/sys/net': ['WRITABLE', PROC.replace(/^ro/, 'rw')],
  '/proc/sysrq-trigger': ['READ_ONLY', PROC],
  '/proc/timer_list': ['COVERED', NULL],
  '/proc/timer_stats': ['COVERED', NULL],
  '/sys/devices/virtual/powercap': ['COVERED', TMPFS],
  '/sys/firmware': ['COVERED', TMPFS],
};

/** Told by this table, not by what is tested: a place that is missing there would be missing here. */
const MASKABLE = Object.keys(MASKS).filter((path) => existsSync(path));

test('all that is to be masked is, also what this kernel lacks: in the reaper, and in what is told to have lost its mask', () => {
  const source = readFileSync(new URL('../../reaper/masks.c', import.meta.url), 'utf8');
  const rows = [...source.matchAll(/^ {4}\{"(\/[^"]+)", (\w+)\},/gm)].map(([, path, access]) => `${path} ${access}`);
  assert.deepEqual(
    rows,
    Object.entries(MASKS).map(([path, [access]]) => `${path} ${access}`),
  );
  assert.deepEqual(MASKED, Object.keys(MASKS));
});

/** Mounts of a process: point, options, type, source, options of the filesystem. */
function mountsOf(rig: Rig, pid: number): string[] {
  const lines = rig.machine.read(`/proc/${pid}/mountinfo`).trimEnd().split('\n');
  return lines.map((line) => {
    const [left = '', right = ''] = line.split(' - ');
    const [, , , , point, options] = left.split(' ');
    const [type, source, more = ''] = right.split(' ');
    return [point, options, type, source, type === 'overlay' ? '' : more].join(' ').trim();
  });
}

test('inside are its root, seven mounts and the masks, all with its mark, no others', { skip: noLive }, async (t) => {
  const rig = await createRig(t);
  const { pid } = await rig.up(await rig.place());
  const mark = 'ob:t/web';
  const wanted = [
    ...MASKABLE.map((path) => `${path} ${MASKS[path]?.[1]}`),
    `/ rw,nodev,relatime overlay ${mark}`,
    `/.reaper ro,nosuid,nodev,relatime tmpfs ${mark} rw,size=256k,nr_inodes=128,mode=755`,
    `/dev rw,nosuid,noexec,relatime tmpfs ${mark} rw,size=256k,nr_inodes=128,mode=755`,
    `/dev/pts rw,nosuid,noexec,relatime devpts ${mark} rw,gid=5,mode=620,ptmxmode=666`,
    `/dev/shm rw,nosuid,nodev,relatime tmpfs ${mark} rw`,
    `/proc rw,nosuid,nodev,noexec,relatime proc ${mark} rw`,
    `/run rw,nosuid,nodev,relatime tmpfs ${mark} rw,size=1024k,mode=755`,
    `/sys ro,nosuid,nodev,noexec,relatime sysfs ${mark} rw`,
  ];
  assert.deepEqual(mountsOf(rig, pid).toSorted(), wanted.toSorted());
});

test('with run size none, /run is the one of the root', { skip: noLive }, async (t) => {
  const rig = await createRig(t);
  const place = await rig.place();
  const { pid } = await rig.up(place, { runSize: 'none' });
  assert.ok(!mountsOf(rig, pid).some((mount) => mount.startsWith('/run ')));
  assert.match(rig.machine.read(`${place.upper}/run/boot.log`), /^$/);
});

test('/dev has six nodes and five links', { skip: noLive }, async (t) => {
  const rig = await createRig(t);
  const { pid } = await rig.up(await rig.place());
  const listed = await inside(rig, pid, 'cd /dev && stat -c "%n %F %t:%T %a" * | sort && stat -c "%N" fd stdin stdout stderr ptmx');
  assert.deepEqual(listed.split('\n'), [
    'fd symbolic link 0:0 777',
    'full character special file 1:7 666',
    'null character special file 1:3 666',
    'ptmx symbolic link 0:0 777',
    'pts directory 0:0 755',
    'random character special file 1:8 666',
    'shm directory 0:0 1777',
    'stderr symbolic link 0:0 777',
    'stdin symbolic link 0:0 777',
    'stdout symbolic link 0:0 777',
    'tty character special file 5:0 666',
    'urandom character special file 1:9 666',
    'zero character special file 1:5 666',
    "'fd' -> '/proc/self/fd'",
    "'stdin' -> '/proc/self/fd/0'",
    "'stdout' -> '/proc/self/fd/1'",
    "'stderr' -> '/proc/self/fd/2'",
    "'ptmx' -> 'pts/ptmx'",
  ]);
});

test('terminals, shared memory and the lock folder are there to use', { skip: noLive }, async (t) => {
  const rig = await createRig(t);
  const { pid } = await rig.up(await rig.place());
  const said = await inside(
    rig,
    pid,
    'script -qc tty /dev/null; echo x >/dev/shm/x && cat /dev/shm/x; stat -c %a /run/lock; echo >/dev/null; df -k --output=size /run | tail -1',
  );
  assert.deepEqual(
    said
      .replaceAll('\r', '')
      .split('\n')
      .map((line) => line.trim()),
    ['/dev/pts/0', 'x', '1777', '1024'],
  );
});

test('without masks it has what overlay-boot gives', { skip: noLive }, async (t) => {
  const rig = await createRig(t);
  const { pid } = await rig.up(await rig.place(), { groups: ['masks', 'off'] });
  const seen = mountsOf(rig, pid).filter((mount) => /^\/(proc|sys|) ?/.test(mount) && !/^\/(dev|run|\.reaper)/.test(mount));
  assert.deepEqual(seen.toSorted(), [
    '/ rw,relatime overlay ob:t/web',
    '/proc rw,nosuid,nodev,noexec,relatime proc ob:t/web rw',
    '/sys rw,nosuid,nodev,noexec,relatime sysfs ob:t/web rw',
  ]);
});

test('a tree of its own has no devices either', { skip: noLive }, async (t) => {
  const rig = await createRig(t);
  const place = await rig.place();
  await rig.machine.sh('mkdir /mnt/tree && mount -t tmpfs tree /mnt/tree');
  const { pid } = await rig.up(place, { live: '/mnt/tree' });
  assert.match(mountsOf(rig, pid).find((mount) => mount.startsWith('/ ')) ?? '', /^\/ rw,nodev,/);
  assert.match(await rig.machine.sh('grep " /mnt/tree " /proc/self/mounts'), /^tree \/mnt\/tree tmpfs rw,relatime /);
});

test('it has its own name, namespaces and cgroup', { skip: noLive }, async (t) => {
  const rig = await createRig(t);
  const place = await rig.place();
  const { pid } = await rig.up(place);
  assert.equal(await inside(rig, pid, 'hostname'), 'web');
  assert.notEqual(await rig.machine.sh('hostname'), 'web');
  const kinds = ['cgroup', 'ipc', 'mnt', 'net', 'pid', 'uts'];
  const links = await rig.machine.sh(`cd /proc && readlink ${kinds.flatMap((kind) => [`1/ns/${kind}`, `${pid}/ns/${kind}`]).join(' ')}`);
  const seen = links.split('\n');
  for (const [index, kind] of kinds.entries()) assert.notEqual(seen[2 * index], seen[2 * index + 1], kind);
  assert.equal(seen[7], await rig.machine.sh('stat -c "net:[%i]" /run/netns/web'));
  assert.match(await rig.machine.sh(`cat ${place.cgroup}/cgroup.procs`), new RegExp(`^${pid}\n`));
  assert.match(await inside(rig, pid, 'cat /proc/1/cgroup'), /^0::\/$/m);
  assert.equal(await inside(rig, pid, 'ip -o -br link'), 'lo               UNKNOWN        00:00:00:00:00:00 <LOOPBACK,UP,LOWER_UP>');
});

const LOOK = `
exec >/look
env | grep -v ^_= | sort
ls /proc/self/fd | paste -s
readlink /proc/self/fd/0 /proc/self/fd/2
pwd
umask
ulimit -n
grep -E '^(Cap|SigBlk|SigIgn|Groups)' /proc/self/status
cat /proc/self/loginuid`;

test('a start command begins with nothing of the machine, and with few capabilities', { skip: noLive }, async (t) => {
  const rig = await createRig(t);
  const place = await rig.place();
  await script(rig, place, '/look', LOOK);
  process.env['OB_TEST_SECRET'] = 'x';
  await rig.up(place, { entries: ['/look'] });
  delete process.env['OB_TEST_SECRET'];
  const said = rig.machine.read(`${place.live}/look`).split('\n');
  assert.deepEqual(
    said.map((line) => line.replaceAll('\t', ' ').trimEnd()),
    [
      'HOME=/root',
      'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
      'PWD=/',
      'TERM=linux',
      'container=ob',
      '0 1 2 3', // the last is the folder that ls reads
      '/dev/null',
      '/run/boot.log',
      '/',
      '0022',
      '1024',
      'Groups:',
      'SigBlk: 0000000000000000',
      'SigIgn: 0000000000000000',
      'CapInh: 0000000000000000',
      'CapPrm: 00000000a00435fb',
      'CapEff: 00000000a00435fb',
      'CapBnd: 00000000a00435fb',
      'CapAmb: 0000000000000000',
      '4294967295',
    ],
  );
});

test('PID 1 holds no descriptor but null and the log once it has told all', { skip: noLive }, async (t) => {
  const rig = await createRig(t);
  const { pid } = await rig.up(await rig.place());
  const fds = await rig.machine.sh(`cd /proc/${pid}/fd && for fd in *; do readlink $fd; done`);
  assert.deepEqual(fds.split('\n'), ['/dev/null', '/run/boot.log', '/run/boot.log']);
  assert.equal(
    await rig.machine.sh(`cat /proc/${pid}/comm; tr '\\0' ' ' </proc/${pid}/environ | wc -w; readlink /proc/${pid}/cwd`),
    '.reaper\n4\n/',
  );
});

test('what is mounted below the root in the machine does not show inside', { skip: noLive }, async (t) => {
  const rig = await createRig(t);
  const place = await rig.place();
  await rig.machine.sh(`mkdir ${place.live}/secret && mount -t tmpfs secret ${place.live}/secret && touch ${place.live}/secret/x`);
  const { pid } = await rig.up(place);
  assert.equal(await inside(rig, pid, 'ls /secret'), '');
  assert.equal(await inside(rig, pid, 'echo y >/.reaper || echo no'), 'no');
});

test('a tree that is no mount point can be a root too', { skip: noLive }, async (t) => {
  const rig = await createRig(t);
  const place = await rig.place();
  await rig.machine.sh('mkdir /mnt/tree');
  const { pid, lines } = await rig.up(place, { live: '/mnt/tree', entries: ['ssh?', '/none'] });
  assert.deepEqual(
    lines.filter((line) => line.includes(' done ')),
    ['ob:t/web done ssh skp', 'ob:t/web done /none 127'],
  );
  assert.ok(mountsOf(rig, pid)[0]?.startsWith('/ '));
});

test('a read-only root runs without showing its reaper', { skip: noLive }, async (t) => {
  const rig = await createRig(t);
  const place = await rig.place();
  await rig.machine.sh(
    'mkdir -p /mnt/ro/proc /mnt/ro/sys /mnt/ro/dev /mnt/ro/run && mount --bind /mnt/ro /mnt/ro && mount -o remount,bind,ro /mnt/ro',
  );
  const { pid } = await rig.up(place, { live: '/mnt/ro' });
  assert.deepEqual(
    mountsOf(rig, pid)
      .map((mount) => mount.split(' ')[0])
      .toSorted(),
    ['/', '/dev', '/dev/pts', '/dev/shm', '/proc', '/run', '/sys', ...MASKABLE].toSorted(),
  );
});
