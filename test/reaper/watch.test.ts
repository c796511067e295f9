import assert from 'node:assert/strict';
import { open } from 'node:fs/promises';
import test, { type TestContext } from 'node:test';
import { collect, noLive, type Ran, type TestMachine, WATCHER } from '../machine.ts';
import { createRig, type Rig, until } from './rig.ts';

interface Watcher {
  readonly pid: string;
  lines(): readonly string[];
  /** Runs a script, and waits until it has been told that all these moved; gives all that was told since. */
  movesOf(script: string, ...words: readonly string[]): Promise<string[]>;
  hangUp(): Promise<Ran>;
}

async function startWatcher(t: TestContext, { machine }: Rig, ...words: string[]): Promise<Watcher> {
  await machine.sh('rm -f /mnt/watcher; mkfifo /mnt/watcher');
  const child = machine.start('sh', ['-c', 'exec "$0" "$@" </mnt/watcher', WATCHER, ...words]);
  let said = '';
  child.stdout?.setEncoding('utf8').on('data', (text) => (said += text));
  const ended = collect(child);
  const stdin = await open(`/proc/${machine.pid}/root/mnt/watcher`, 'w');
  let isOpen = true;
  const hangUp = async (): Promise<Ran> => {
    if (isOpen) await stdin.close();
    isOpen = false;
    return ended;
  };
  t.after(hangUp);
  const lines = (): string[] => said.split('\n').slice(0, -1);
  await until('watcher ready', () => lines().includes('watcher ready'));
  const pid = await machine.sh('pidof watcher');
  return {
    pid,
    lines,
    async movesOf(script, ...moved) {
      await until('it has told all that moved before', () => isAsleep(machine, pid));
      const before = lines().length;
      await machine.sh(script);
      const since = (): string[] => lines().slice(before);
      await until(`told of ${moved.join(', ')} after: ${script}`, () => moved.every((word) => since().includes(`moved ${word}`)));
      return since();
    },
    hangUp,
  };
}

test('the watcher tells each move, of the machine and of what is inside', { skip: noLive }, async (t) => {
  const rig = await createRig(t);
  const place = await rig.place('web');
  const { pid } = await rig.up(place, { entries: [] });
  const links = '/run/netns/web';
  const mounts = `/proc/${pid}/mountinfo`;
  const events = `${place.cgroup}/cgroup.events`;
  const limit = `${place.cgroup}/memory.max`;
  const hasLimit = (await rig.machine.sh(`[ ! -e ${limit} ] || echo yes`)) === 'yes';
  await rig.machine.sh('mkdir /mnt/watched; mknod /mnt/watched/null c 1 3; ip link add old0 type veth peer old0p');
  const watcher = await startWatcher(
    t,
    rig,
    ...['links', '/proc/self/ns/net', 'links', links, 'urgent', '/proc/self/mountinfo', 'urgent', mounts],
    ...['host', String(pid), 'process', String(pid), 'file', events, 'folder', '/mnt/watched'],
    ...(hasLimit ? ['file', limit] : []),
  );
  const in1 = (script: string): string => `nsenter -t ${pid} -a sh -c '${script}'`;
  const moves: readonly (readonly [string, string])[] = [
    ['ip link add new0 type veth peer new0p', '/proc/self/ns/net'],
    ['ip link set new0 name new1', '/proc/self/ns/net'],
    ['ip link set new1 up', '/proc/self/ns/net'],
    // Of a link that is down, the kernel does not tell these two.
    ['ip link set new1 alias mine', '/proc/self/ns/net'],
    ['ip link set new1 group 7', '/proc/self/ns/net'],
    ['ip link set new1 mtu 1400', '/proc/self/ns/net'],
    ['ip address add 10.9.9.1/24 dev new1', '/proc/self/ns/net'],
    ['ip route add 10.9.8.0/24 dev new1', '/proc/self/ns/net'],
    ['ip link delete new1', '/proc/self/ns/net'],
    ['ip link set old0 netns web', links],
    ['ip -n web link set old0 up', links],
    ['ip -n web address add 10.9.9.2/24 dev old0', links],
    ['ip -n web -6 address add 2001:db8::9/64 dev old0', links],
    ['ip -n web route add default via 10.9.9.1', links],
    ['ip -n web route delete default', links],
    ['mount -t tmpfs tmpfs /mnt/watched/..', '/proc/self/mountinfo'],
    ['umount /mnt', '/proc/self/mountinfo'],
    [`mount -o remount,bind,ro ${place.live}`, '/proc/self/mountinfo'],
    [`mount -o remount,bind,rw ${place.live}`, '/proc/self/mountinfo'],
    [`mount -o remount,ro ${place.live}`, '/proc/self/mountinfo'],
    [`mount -o remount,rw ${place.live}`, '/proc/self/mountinfo'],
    [in1('mount -t tmpfs tmpfs /mnt'), mounts],
    [in1('umount /mnt'), mounts],
    [in1('mount -o remount,bind,ro /'), mounts],
    [in1('hostname other'), 'hostname'],
    ['touch /mnt/watched/new', 'files'],
    ['mv /mnt/watched/new /mnt/watched/old', 'files'],
    ['rm /mnt/watched/old', 'files'],
    ...(hasLimit ? [[`echo 100M >${limit}`, 'files'] as const] : []),
  ];
  for (const [script, word] of moves) await t.test(script, () => watcher.movesOf(script, word).then(() => {}));
  // A look, a write to a device and the name of another host move nothing.
  const told = await watcher.movesOf(
    `echo x >/mnt/watched/null; cat ${mounts} /proc/self/mountinfo >/dev/null; hostname another; ip -n web link; kill -KILL ${pid}`,
    String(pid),
    'files',
  );
  assert.deepEqual([...new Set(told)].sort(), [`moved ${pid}`, 'moved files'].sort());
  assert.equal((await watcher.hangUp()).code, 0);
});

test('what cannot be watched is told, and the rest is watched', { skip: noLive }, async (t) => {
  const rig = await createRig(t);
  await rig.machine.sh('mkdir /mnt/there');
  const words = ['links', '/run/netns/none', 'folder', '/mnt/there', 'process', '999999', 'file', '/none', 'urgent', '/none', 'odd', 'x'];
  const watcher = await startWatcher(t, rig, ...words);
  assert.deepEqual(watcher.lines(), [
    '/run/netns/none error watch 2 links',
    '999999 error watch 3 process',
    '/none error watch 2 file',
    '/none error watch 2 urgent',
    'x error watch 38 odd',
    'watcher ready',
  ]);
  await watcher.movesOf('touch /mnt/there/new', 'files');
});

test('the watcher sleeps while nothing moves, and tells a storm in few lines', { skip: noLive }, async (t) => {
  const rig = await createRig(t);
  await rig.machine.sh('ip link add storm0 up type veth peer storm0p');
  const watcher = await startWatcher(t, rig, 'links', '/proc/self/ns/net');
  await watcher.movesOf('for i in $(seq 40); do echo "link set storm0 alias a$i"; done | ip -batch -', '/proc/self/ns/net');
  const wakes = (): string => /^voluntary_ctxt_switches:\s*(\d+)/m.exec(rig.machine.read(`/proc/${watcher.pid}/status`))?.[1] ?? '';
  await until('it has told all', () => isAsleep(rig.machine, watcher.pid));
  assert.ok(watcher.lines().length < 10, watcher.lines().join('\n'));
  const before = wakes();
  await rig.machine.sh('for i in 1 2 3; do ip link show >/dev/null; cat /proc/self/mountinfo >/dev/null; done');
  assert.equal(wakes(), before);
});

/** In ppoll without a limit: its third argument is a null pointer (proc_pid_syscall(5)). In its pauses there is one. */
function isAsleep(machine: TestMachine, pid: string): boolean {
  return machine.read(`/proc/${pid}/syscall`).split(' ')[3] === '0x0';
}
