import assert from 'node:assert/strict';
import test from 'node:test';
import { noLive, REAPER } from '../machine.ts';
import { createRig, type Place, type Rig, toSpec, type Up } from './rig.ts';

/** What a command inside sees of its own confinement. */
async function statusOf(rig: Rig, place: Place, up: Up): Promise<Record<string, string>> {
  const words = [REAPER, 'exec', String(up.pid), up.ticks, place.cgroup, 'xterm', 'cat', '/proc/self/status'];
  const ran = await rig.machine.run('sh', ['-c', 'exec "$@" 3>&2', 'sh', ...words]);
  const seen = confinementIn(ran.stdout);
  // PID 1 and what is started later are never under another one.
  assert.deepEqual(seen, confinementIn(rig.machine.read(`/proc/${up.pid}/status`)));
  return seen;
}

function confinementIn(status: string): Record<string, string> {
  const names = /^(CapInh|CapPrm|CapEff|CapBnd|CapAmb|NoNewPrivs|Seccomp):\s*(\S+)$/gm;
  return Object.fromEntries([...status.matchAll(names)].map(([, name, value]) => [name, value]));
}

const DEFAULT = {
  CapInh: '0000000000000000',
  CapPrm: '00000000a00435fb',
  CapEff: '00000000a00435fb',
  CapBnd: '00000000a00435fb',
  CapAmb: '0000000000000000',
  NoNewPrivs: '0',
  Seccomp: '2',
};

test('by default it has fourteen capabilities, and some calls are denied', { skip: noLive }, async (t) => {
  const rig = await createRig(t);
  const place = await rig.place();
  assert.deepEqual(await statusOf(rig, place, await rig.up(place)), DEFAULT);
});

test('a call that has a younger form is denied in that one too', { skip: noLive }, async (t) => {
  const rig = await createRig(t);
  const place = await rig.place();
  const up = await rig.up(place);
  // quotactl_fd of no file: 443 on every architecture.
  const words = ['exec', String(up.pid), up.ticks, place.cgroup, 'xterm', 'perl', '-e', 'syscall(443, -1, 0, 0, 0); print $! + 0'];
  const ran = await rig.machine.run('sh', ['-c', 'exec "$@" 3>&2', 'sh', REAPER, ...words]);
  assert.deepEqual(ran, { code: 0, stdout: '1', stderr: '' });
});

test('it is confined as it is told, and what is started later is too', { skip: noLive }, async (t) => {
  const rig = await createRig(t);
  const place = await rig.place();
  const up = await rig.up(place, { groups: ['privileges', 'none', 'caps', '420', 'seccomp', 'off'] });
  const kept = '0000000000000420';
  const wanted = { ...DEFAULT, CapPrm: kept, CapEff: kept, CapBnd: kept, NoNewPrivs: '1', Seccomp: '0' };
  assert.deepEqual(await statusOf(rig, place, up), wanted);
});

test('all that the machine has is all that can be kept', { skip: noLive }, async (t) => {
  const rig = await createRig(t);
  const place = await rig.place();
  const up = await rig.up(place, { groups: ['caps', 'ffffffffffffffff', 'seccomp', 'off'] });
  const own = /^CapBnd:\s*(\S+)$/m.exec(await rig.machine.sh('cat /proc/self/status'))?.[1] ?? '';
  const seen = await statusOf(rig, place, up);
  assert.deepEqual([seen['CapBnd'], seen['CapEff'], seen['Seccomp']], [own, own, '0']);
});

test('words that confine nobody are refused', { skip: noLive }, async (t) => {
  const rig = await createRig(t);
  const place = await rig.place();
  for (const groups of [
    ['caps', 'x'],
    ['caps', '12345678901234567'],
    ['seccomp', 'on'],
    ['privileges', 'all'],
    ['masks', 'on'],
  ])
    assert.equal((await rig.reaper('boot', ...toSpec(place, { groups }))).code, 64, groups.join(' '));
});
