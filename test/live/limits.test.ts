import assert from 'node:assert/strict';
import test from 'node:test';
import { lacksLimits, noLive } from '../machine.ts';
import { createRig, type Rig, textOf } from './rig.ts';

const skip = noLive ?? lacksLimits();

/** `says FILE…`: what is in the first of these files in a group of the subhost web, in whatever tree that is. */
const SAYS = `says() {
  for name in "$@"; do for file in /sys/fs/cgroup/ob/demo/web/$name /mnt/cgroup/*/ob/demo/web/$name; do
    [ ! -e $file ] || { cat $file; return; }
  done; done; echo none; }`;

function hosts(limits: string): string {
  return `scope: demo\nsubhosts:\n  web: { base: ./web, start: [/srv/work], ${limits} }\n`;
}

async function createWeb(rig: Rig): Promise<void> {
  await rig.machine.sh(`
    mkdir -p /mnt/web/root/srv
    printf '#!/bin/sh\\n[ "$1" != start ] || setsid sleep 1000 >/dev/null 2>&1 &\\n' >/mnt/web/root/srv/work
    chmod 755 /mnt/web/root/srv/work`);
}

test('limits are what the kernel says, change while it runs, and go with their lines', { skip }, async (t) => {
  const rig = await createRig(t, { limits: true });
  await createWeb(rig);
  const nothing = await rig.snapshot();
  const disk = await rig.machine.sh(`stat -c '%Hd:%Ld' /`);
  const see = async (): Promise<string> =>
    rig.machine.sh(`${SAYS}
      says pids.max; says memory.max memory.limit_in_bytes; says cpu.max cpu.cfs_quota_us
      says io.max blkio.throttle.read_bps_device; says io.max blkio.throttle.write_bps_device`);
  const lines = (text: string): string[] => text.split('\n').map((line) => line.replace(/ 100000$/, ''));
  // A machine in a container, or on a network, has no disk.
  const hasDisk = !disk.startsWith('0:');
  const io = hasDisk ? ', io: { /: { read: 20M, write: 10M } }' : '';
  rig.hosts(hosts(`limits: { pids: 100, memory: 64M, cpu: 1.5${io} }`));
  await rig.apply();
  await rig.settled();
  const pid = rig.pid1('web');
  const [pids, memory, cpu, ...rates] = lines(await see());
  assert.deepEqual([pids, memory, cpu], ['100', '67108864', '150000']);
  if (hasDisk) assert.match(rates.join('\n'), new RegExp(`${disk} .*20971520[^]*10485760`));

  await t.test('all that runs in it is in the groups of its limits', async () => {
    const groups = `for f in /sys/fs/cgroup/ob/demo/web/cgroup.procs /mnt/cgroup/*/ob/demo/web/cgroup.procs; do cat $f | sort; echo; done 2>/dev/null`;
    const [first, ...others] = (await rig.machine.sh(groups)).trim().split('\n\n');
    for (const other of others) assert.equal(other, first);
    assert.equal((first ?? '').split('\n').length, 2, 'PID 1 and the service');
  });

  rig.hosts(hosts('limits: { pids: 200, memory: 1G, cpu: 0.25 }'));
  const [, change = '', why] = (await rig.plan()).split('\n');
  assert.match(
    change,
    /limits: \[cpu 1\.5, (io [\d:]+ read 20M, io [\d:]+ write 10M, )?memory 64M, pids 100\] -> \[cpu 0\.25, memory 1G, pids 200\]$/,
  );
  assert.equal(why?.trim(), '(change, live: they count from now on)');
  await rig.apply();
  await rig.settled();
  assert.deepEqual(lines(await see()).slice(0, 3), ['200', '1073741824', '25000']);

  rig.hosts(hosts('limits: { pids: none }'));
  await rig.apply();
  await rig.settled();
  assert.match(
    lines(await see())
      .slice(0, 3)
      .join(' '),
    /^max (max|9223372036854771712) (max|-1)$/,
  );
  rig.hosts(hosts('ram_size: 50M'));
  await rig.apply();
  await rig.settled();
  assert.equal(lines(await see())[0], '2048', 'what the file does not say is the default');
  assert.equal(rig.pid1('web'), pid, 'it was restarted');

  const ran = await rig.machine.ob('destroy');
  assert.equal(ran.code, 0, textOf(ran));
  assert.deepEqual(await rig.snapshot(), nothing);
  assert.equal(await rig.machine.sh('find /sys/fs/cgroup /mnt -name ob'), '', 'a group is left');
});

test('a fork bomb ends at the limit, and destroy still ends all of it', { skip }, async (t) => {
  const rig = await createRig(t, { limits: true });
  await createWeb(rig);
  rig.hosts(hosts('limits: { pids: 50 }'));
  await rig.apply();
  const bomb = await rig.machine.ob('exec', 'web', '--', 'sh', '-c', 'while :; do sleep 1000 >/dev/null 2>&1 & done');
  assert.match(textOf(bomb), /^exit [1-9]\d*\n.*Cannot fork/s);
  const [web] = await rig.status();
  assert.deepEqual([web?.pids_limit, web?.state], [50, 'running']);
  assert.ok(Number(web?.pids) > 45, `${web?.pids} PIDs`);
  const more = await rig.machine.ob('exec', 'web', '--', 'true');
  assert.match(textOf(more), /^exit 1\n.*cannot run true in web: clone: Resource temporarily unavailable\n.*limits: \{ pids: … \}/s);
  const ran = await rig.machine.ob('destroy');
  assert.equal(ran.code, 0, textOf(ran));
  assert.equal(await rig.machine.sh('pgrep -c sleep || true'), '0');
});

test('what the kernel kills for want of memory is told', { skip }, async (t) => {
  const rig = await createRig(t, { limits: true });
  await createWeb(rig);
  rig.hosts(hosts('limits: { memory: 32M }'));
  await rig.apply();
  // Should the limit not hold, it ends all the same.
  const hog = await rig.machine.ob('exec', 'web', '--', 'sh', '-c', 'head -c 200000000 /dev/zero | tail -c 150000000 >/dev/null');
  assert.equal(hog.code, 137, textOf(hog));
  const [web] = await rig.status();
  assert.deepEqual([web?.memory_limit_bytes, web?.memory_from, web?.oom_kills, web?.state], [32 << 20, 'cgroup', 1, 'running']);
  assert.deepEqual(web?.notes, ['the kernel has killed 1 of its processes at its limit of 32M of memory']);
  const wide = await rig.machine.ob('status', '-o', 'wide');
  assert.match(wide.stdout, /\d+[KM]\/32M +\d+\/2048 /);
  const told = await rig.machine.ob('explain', 'web');
  assert.match(told.stdout.replace(/\n +/g, ' '), /of at most 32M, 1 killed for want of memory/);
  assert.match(told.stdout, /What to do\n {2}limits: \{ memory: … \}\n/);
});

test('nobody inside gets at limits', { skip }, async (t) => {
  const rig = await createRig(t, { limits: true });
  await createWeb(rig);
  rig.hosts(hosts('limits: { pids: 50 }'));
  await rig.apply();
  const inside = async (script: string): Promise<string> => textOf(await rig.machine.ob('exec', 'web', '--', 'sh', '-c', script));
  assert.equal(await inside('find /sys /proc/self /dev /run -name "pids.*" 2>/dev/null; find /sys/fs/cgroup -type f'), 'exit 0\n');
  for (const mount of ['-t cgroup2 cgroup2', '-t cgroup -o pids cgroup'])
    assert.match(await inside(`mount ${mount} /mnt`), /^exit (1|32)\n/);
  assert.match(await inside('cut -d: -f3 /proc/self/cgroup | sort -u'), /^exit 0\n\/\n/);
});

test('what this machine cannot limit is said before anything is done', { skip: noLive }, async (t) => {
  const rig = await createRig(t);
  await rig.machine.sh('umount /sys/fs/cgroup; mkdir /mnt/cgroup2; mount -t cgroup2 cgroup2 /mnt/cgroup2');
  const lacking = await rig.machine.sh('cat /mnt/cgroup2/cgroup.controllers');
  if (/memory/.test(lacking)) return t.skip('this machine has all controllers in its cgroup v2 tree');
  rig.hosts('subhosts: { web: { base: ./web, start: none, limits: { memory: 32M } } }');
  const nothing = await rig.snapshot({ folders: ['/mnt'] });
  const ran = await rig.machine.ob('apply');
  assert.match(textOf(ran), /^exit 1\n.*this machine cannot limit memory of web: its memory controller is in a cgroup v1 tree/s);
  assert.match(ran.stderr, /mount -t cgroup -o memory cgroup \/sys\/fs\/cgroup\/memory/);
  assert.deepEqual(await rig.snapshot({ folders: ['/mnt'] }), nothing);
  // The default limit is nobody's wish.
  rig.hosts('subhosts: { web: { base: ./web, start: none } }');
  await rig.apply();
  await rig.settled();
  assert.equal((await rig.status())[0]?.pids_limit, null);
});
