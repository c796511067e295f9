import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type RunningSubhost, writeRunning } from '../../src/planner/conf/running.ts';

const WEB: RunningSubhost = {
  name: 'web',
  lower: '/',
  upper: '/srv/web/root',
  work: '/srv/web/work',
  ramSize: '50M',
  cables: [],
  mounts: [],
  programs: [],
};

function write(...subhosts: readonly RunningSubhost[]): { text: string; told: string } {
  const told: string[] = [];
  const text = writeRunning(subhosts, (line) => void told.push(line));
  return { text: text.replace(/^ +#.*\n/gm, ''), told: told.join('\n') };
}

test('what is as usual is left out of the hosts file that says what runs', () => {
  assert.equal(write(WEB).text, 'subhosts:\n  web:\n    base: /srv/web\n    hide: none\n');
  assert.equal(write().text, 'subhosts: {}\n');
});

test('what is not as usual is said', () => {
  const odd = { ...WEB, lower: '/srv/tree', upper: '/srv/web/up', work: '/srv/other/work', ramSize: null };
  assert.equal(
    write(odd).text,
    'subhosts:\n  web:\n    base: /srv/web\n    lower: /srv/tree\n    upper: up\n    work: /srv/other/work\n    ram_size: none\n',
  );
});

test('cables are in the words of overlay-boot, each with its VLANs, and the address that it has as a comment', () => {
  const cables = [
    { number: 0, bridge: 'br0', mac: '02:00:0a:4d:00:02', address: [], vlans: [{ id: 302, bridge: 'br1' }] },
    { number: 2, bridge: null, mac: '02:00:0a:4d:00:03', address: ['10.0.0.2/24'], vlans: [{ id: 5, bridge: null }] },
  ];
  const told: string[] = [];
  const text = writeRunning([{ ...WEB, cables }], (line) => void told.push(line));
  assert.match(
    text,
    /cables:\n {6}- "br0=02:00:0a:4d:00:02"\n {6}- "br1=.302"\n {6}# eth2 has 10.0.0.2\/24 now\n {6}- "=02:00:0a:4d:00:03"\n {6}- "=.5"\n/,
  );
  assert.match(told.join('\n'), /^web: the numbers of its cables have a gap: /m);
});

test('what cannot be seen from outside is told, and stands in the file', () => {
  const { told } = write({ ...WEB, mounts: ['/data'], programs: ['sshd', 'sh'] });
  for (const line of [
    /^web: live cannot be seen from outside: \/srv\/web\/live is taken$/m,
    /^web: start cannot be seen: .*what runs is sshd, sh$/m,
    /^web: what is mounted on \/data may be a share/m,
  ])
    assert.match(told, line);
  const text = writeRunning([WEB], () => {});
  assert.match(text, /^ {4}# start cannot be seen: /m);
});
