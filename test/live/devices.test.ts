import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import test from 'node:test';
import { noLive } from '../machine.ts';
import { createRig, type Rig, textOf } from './rig.ts';

const missing = ['/dev/net/tun', '/dev/fuse'].find((path) => !existsSync(path));
const skip = noLive ?? (missing ? `this machine has no ${missing}` : undefined);

function hosts(devices: string): string {
  return `scope: demo\nsubhosts:\n  web: { base: ./web, start: [/bin/true, /srv/work], devices: [${devices}] }\n`;
}

async function createWeb(rig: Rig, devices: string): Promise<void> {
  await rig.machine.sh(`
    mkdir -p /mnt/web/root/srv
    printf '#!/bin/sh\\n[ "$1" != start ] || setsid sleep 1000 >/dev/null 2>&1 &\\n' >/mnt/web/root/srv/work
    chmod 755 /mnt/web/root/srv/work`);
  rig.hosts(hosts(devices));
  await rig.apply();
  await rig.settled();
}

async function exec(rig: Rig, script: string): Promise<string> {
  return textOf(await rig.machine.ob('exec', 'web', '--', 'sh', '-c', script));
}

const SEE = `stat -c '%n %F %t:%T %a %u:%g' /dev/net/tun /dev/fuse`;

test('devices that the file names are there and can be used, and come and go while it runs', { skip }, async (t) => {
  const rig = await createRig(t);
  await createWeb(rig, '/dev/net/tun, /dev/fuse');
  const pid = rig.pid1('web');
  const outside = await rig.machine.sh(SEE);
  assert.equal(await exec(rig, SEE), `exit 0\n${outside}\n`);
  assert.equal(await exec(rig, 'exec 3<>/dev/fuse && exec 3<>/dev/net/tun'), 'exit 0\n');
  // Its owner and mode are the machine's, and stay so.
  assert.match(await exec(rig, 'chmod 666 /dev/fuse || chown 1 /dev/fuse || rm /dev/fuse || mv /dev/fuse /dev/x'), /^exit 1\n/);
  assert.equal(await rig.machine.sh(SEE), outside);

  rig.hosts(hosts('/dev/fuse'));
  assert.match(
    await rig.plan(),
    /devices: \[\/dev\/fuse, \/dev\/net\/tun\] -> \[\/dev\/fuse\]\n? *\((change, )?live: devices come and go while it runs\)/,
  );
  await rig.apply();
  await rig.settled();
  assert.equal(
    await exec(rig, 'ls /dev/net; ls /dev/fuse; mknod /dev/net/tun c 10 200'),
    'exit 1\n/dev/fuse\nmknod: /dev/net/tun: Operation not permitted\n',
  );
  rig.hosts(hosts('/dev/net/tun, /dev/fuse'));
  await rig.apply();
  await rig.settled();
  assert.equal(await exec(rig, 'exec 3<>/dev/net/tun'), 'exit 0\n');
  assert.equal(rig.pid1('web'), pid, 'it was restarted');
});

test('what is planted inside in the place of a device leads nowhere', { skip }, async (t) => {
  const rig = await createRig(t);
  await createWeb(rig, '');
  await rig.machine.sh('mkdir /mnt/elsewhere; echo mine >/mnt/elsewhere/tun');
  assert.equal(await exec(rig, 'ln -s /mnt/elsewhere /dev/net; ln -s /mnt/elsewhere/tun /dev/fuse'), 'exit 0\n');
  // What is in the last place itself is covered.
  rig.hosts(hosts('/dev/fuse'));
  await rig.apply();
  assert.equal(await exec(rig, 'stat -c %t:%T /dev/fuse'), 'exit 0\na:e5\n');
  rig.hosts(hosts('/dev/fuse, /dev/net/tun'));
  const ran = await rig.machine.ob('apply');
  assert.match(textOf(ran), /^exit 1\n.*share net: it is a symbolic link/s);
  assert.equal(await rig.machine.sh('cat /mnt/elsewhere/tun; ls /mnt/elsewhere; wc -l </proc/self/mountinfo >/dev/null'), 'mine\ntun');
  // A restart makes its /dev anew.
  assert.equal((await rig.machine.ob('restart', 'web')).code, 0);
  await rig.settled();
});

test('what is no device is refused with its place in the file', { skip }, async (t) => {
  const rig = await createRig(t);
  rig.hosts(hosts('/dev/stdin, /dev/nothing, /dev/core, /dev/net, /etc/passwd, /dev/../etc/passwd, /dev/fuse, /dev/fuse, /dev/null'));
  const ran = await rig.machine.ob('validate');
  assert.equal(ran.code, 65);
  const words = ran.stderr.split('\n').map((line) => /^(?:ob: )?\S+?:(3:\d+): (.*)$/.exec(line)?.slice(1).join(' '));
  t.diagnostic(words.join('\n'));
  assert.equal(words.filter(Boolean).length, 8, ran.stderr);
});

test('where root inside may make nodes, it opens none but those of its file', { skip }, async (t) => {
  const rig = await createRig(t);
  await createWeb(rig, '');
  const write = (devices: string): void => rig.hosts(hosts(devices).replace(' }\n', ', caps: { add: [mknod] } }\n'));
  write('/dev/fuse');
  await rig.apply();
  await rig.settled();
  const kmsg = await rig.machine.sh(`stat -c 'c 0x%t 0x%T' /dev/kmsg`);
  const make = `mkdir /dev/own && cd /dev/own && mknod null c 1 3 && mknod tun c 10 200 && mknod loop b 7 0 && mknod kmsg ${kmsg}`;
  assert.equal(await exec(rig, make), 'exit 0\n');
  const open = (path: string): Promise<string> => exec(rig, `: <${path} && : >/dev/null && : </dev/urandom && : <>/dev/ptmx`);
  const refused = /^exit \d+\n.*cannot open .*: Operation not permitted/;
  for (const path of ['/dev/own/null', '/dev/fuse']) assert.equal(await open(path), 'exit 0\n', path);
  for (const path of ['/dev/own/tun', '/dev/own/loop', '/dev/own/kmsg']) assert.match(await open(path), refused, path);
  const pid = rig.pid1('web');
  write('/dev/net/tun');
  await rig.apply();
  assert.equal(await open('/dev/own/tun'), 'exit 0\n');
  write('');
  await rig.apply();
  assert.match(await open('/dev/own/tun'), refused);
  assert.equal(rig.pid1('web'), pid, 'it was restarted');
});
